"""Which TensorFlow operators an Ascend chip has a kernel for, by the names in CANN 8.1's own lists (npu_kernels.txt).

Each line of the list is a kernel's name and where it is: in the AI Core of the 310, the 310P or the first 910, or in the AI CPU of all.
"""
import functools
import os
import re

CHIPS = {r'Ascend310$': '310', r'Ascend310P\d*$': '310p', r'Ascend910(A|Pro[AB]|PremiumA)?$': '910'}  # --soc_version: the chip in the list
AI_CPU = 'cpu'
ENDINGS = '', 'D', 'V2', 'V2D', 'V3', 'V3D'  # of a kernel's name, after that of its operator
OTHER_NAMES = {  # of the kernels of an operator, where it is not called as they are
    'All': 'ReduceAll', 'Any': 'ReduceAny', 'Max': 'ReduceMax', 'Mean': 'ReduceMean', 'Min': 'ReduceMin', 'Prod': 'ReduceProd', 'Sum': 'ReduceSum',
    'DepthwiseConv2dNative': 'DepthwiseConv2D', 'DepthwiseConv2dNativeBackpropFilter': 'DepthwiseConv2DBackpropFilter',
    'DepthwiseConv2dNativeBackpropInput': 'DepthwiseConv2DBackpropInput', 'FusedBatchNorm': 'BNInference', 'FusedBatchNormV2': 'BNInference',
    'FusedBatchNormV3': 'BNInference', 'FusedBatchNormGrad': 'BNTrainingUpdateGrad', 'FusedBatchNormGradV2': 'BNTrainingUpdateGrad',
    'FusedBatchNormGradV3': 'BNTrainingUpdateGrad', 'ResizeBilinearGrad': 'ResizeBilinearV2Grad',
    'ResizeNearestNeighborGrad': 'ResizeNearestNeighborV2Grad', 'ResourceApplyAdam': 'ApplyAdam', 'ResourceApplyMomentum': 'ApplyMomentum',
    'ResourceApplyKerasMomentum': 'ApplyKerasMomentum', 'AssignAddVariableOp': 'AssignAdd', 'AssignSubVariableOp': 'AssignSub',
    'AssignVariableOp': 'Assign', 'TruncatedNormal': 'RandomStandardNormal'}
# What the graph engine keeps, moves or takes away itself
WITHOUT_KERNEL = frozenset((
    'Placeholder', 'PlaceholderWithDefault', 'Const', 'NoOp', 'ControlTrigger', 'Identity', 'IdentityN', 'StopGradient', 'PreventGradient', 'Bitcast',
    'Reshape', 'Squeeze', 'ExpandDims', 'Shape', 'ShapeN', 'Size', 'Rank', 'BroadcastGradientArgs', 'VarHandleOp', 'Variable', 'VariableV2',
    'ReadVariableOp', 'IsVariableInitialized', 'VarIsInitializedOp', 'Switch', 'Merge', 'RefSwitch', 'RefMerge', 'RefIdentity', 'Enter', 'Exit',
    'NextIteration', 'LoopCond', 'IteratorGetNext', 'IteratorV2'))


def chip_of(soc_version):
    """The chip of a --soc_version, of which there is a list; '' for the others, such as those of the 310B and the A2."""
    return next((chip for pattern, chip in CHIPS.items() if re.match(pattern, soc_version)), '')


def without_kernel(types, chip):
    """Those of TensorFlow's operators that neither the chip's AI Core nor its AI CPU has a kernel for, by name, each once. chip: as of `chip_of`."""
    return sorted(one for one in set(types) if one not in WITHOUT_KERNEL and not _has_kernel(one, chip))


def _has_kernel(operator, chip):
    names = [OTHER_NAMES.get(operator, operator), operator, re.sub(r'V\d$', '', operator)]
    return any({chip, AI_CPU} & _kernels().get(name + ending, frozenset()) for name in names for ending in ENDINGS)


@functools.lru_cache(maxsize=None)
def _kernels():
    """{name of a kernel: where it is}."""
    with open(os.path.join(os.path.dirname(__file__), 'npu_kernels.txt'), encoding='utf-8') as file:
        return {words[0]: frozenset(words[1:]) for words in map(str.split, file)}
