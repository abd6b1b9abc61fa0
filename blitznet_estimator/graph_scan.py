"""What an NPU's graph does not take, found by walking a graph from its ends back to its starts."""
import functools
import os
import re

import numpy as np

from blitznet_estimator.npu_kernels import without_kernel
from blitznet_estimator.runtime import tf

FORBIDDEN = {
    r'Where': 'the number of rows depends on the values (boolean_mask, where with one argument); use a mask',
    r'Unique.*': 'the number of rows depends on the values; use a mask',
    r'DynamicPartition': 'the number of rows depends on the values; use a mask',
    r'(Combined)?NonMaxSuppression.*': 'the number of boxes depends on the values; it belongs to the host',
    r'PyFunc.*|EagerPyFunc': 'it runs Python; that belongs to the host',
    r'(Stateless)?(If|While|Case)|(Stateful)?PartitionedCall|RemoteCall|SymbolicGradient': 'the function it calls cannot be looked into',
    r'Assert': 'it takes strings; that belongs to the host',
}
STRING, WIDE = (tf.string,), (tf.float64, tf.complex64, tf.complex128, tf.variant)
SCALAR_BITS = 'it reads the bits of a scalar, which the graph engine of CANN 5 and 6 refuses; use a tensor of one element'
EMPTY = 'it makes an empty shape or tensor, with which the AI CPU has trouble; use plain values, or one element'
NO_CAST = 'no core of the device casts int16; use int32'
NO_KERNEL = 'the %s has no kernel for it, by the list of CANN 8.1 (blitznet_estimator/npu_kernels.txt)'
LOOP = 'HCCL merges it with a broadcast that it depends on, which makes a loop; use fusion=0'
UNKNOWN = 'it is not in the list of operators of CANN 8.1 (blitznet_estimator/npu_operators.txt)'
# A batch norm that trains is given empty statistics, and the graph engine knows it.
MAY_BE_EMPTY = 'Const', 'FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3', 'FusedBatchNormGrad', 'FusedBatchNormGradV2', 'FusedBatchNormGradV3'
RANDOM = r'(Stateless)?(Random|Truncated|Parameterized|Multinomial).*'
OF_THE_ADAPTER = r'Npu.*|Hcom.*'
STARTS = 'Placeholder', 'PlaceholderWithDefault', 'IteratorGetNext', 'OneShotIterator', 'IteratorV2'


def scan(graph, start_ops, end_ops, chip=''):
    """Problems, one line each naming the op, its type and why; empty where an NPU's compiler takes the graph.

    Args:
      graph: the tf.Graph.
      start_ops: tensors or operations (or their names) that the walk does not go beyond; placeholders and iterators need not be named.
      end_ops: those where it begins, such as the train op or the raw outputs.
      chip: as of `npu_kernels.chip_of`; '' asks for no kernels.
    """
    starts = {_operation(graph, item) for item in start_ops}
    ends = [graph.as_graph_element(item) for item in end_ops]
    operations = _walk([_operation(graph, end) for end in ends], starts)
    tensors = [tensor for op in operations for tensor in op.inputs]
    tensors += [tensor for end in ends for tensor in (end.outputs if isinstance(end, tf.Operation) else [end])]
    predicates, known = _predicates(graph), operators()
    problems = [_line(op, reason) for op in operations for reason in _operation_problems(op, predicates, known)]
    problems += [_line(tensor.op, reason) for tensor in tensors for reason in _tensor_problems(tensor)]
    lacking = without_kernel(known.intersection(op.type for op in operations), chip) if chip else ()
    problems += [_line(op, NO_KERNEL % chip) for op in operations if op.type in lacking]
    return sorted(set(problems))


def scan_merged(groups):
    """Problems of operations that become one: where one of a group depends on another, the graph has a loop. groups: lists of operations."""
    problems = []
    for group in groups:
        for op in group:
            sources = [tensor.op for tensor in op.inputs] + list(op.control_inputs)
            if not set(group).isdisjoint(_walk(sources, set())):
                problems.append(_line(op, LOOP))
    return sorted(problems)


@functools.lru_cache(maxsize=None)
def operators():
    """Names of the TensorFlow operators that an NPU's graph engine takes."""
    with open(os.path.join(os.path.dirname(__file__), 'npu_operators.txt'), encoding='utf-8') as file:
        return frozenset(file.read().split())


def _operation(graph, item):
    item = graph.as_graph_element(item)
    return item if isinstance(item, tf.Operation) else item.op


def _walk(ends, starts):
    """The operations that `ends` depend on, those beyond a start left out."""
    found, waiting = [], list(ends)
    seen = set(ends)
    while waiting:
        op = waiting.pop()
        if op in starts or op.type in STARTS:
            continue
        found.append(op)
        for source in [tensor.op for tensor in op.inputs] + list(op.control_inputs):
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return found


def _line(op, reason):
    return '%s (%s): %s' % (op.name, op.type, reason)


def _operation_problems(op, predicates, known):
    """Reasons against an operation. predicates: as of _predicates. known: names of operators."""
    for pattern, reason in FORBIDDEN.items():
        if re.match('(%s)$' % pattern, op.type):
            yield reason
    if op.type not in known and not re.match('(%s)$' % OF_THE_ADAPTER, op.type):
        yield UNKNOWN
    if op.type == 'Bitcast' and op.inputs[0].shape.rank == 0:
        yield SCALAR_BITS
    if op.type == 'Cast' and tf.int16 in (op.inputs[0].dtype.base_dtype, op.outputs[0].dtype.base_dtype):
        yield NO_CAST
    if _is_empty(op):
        yield EMPTY
    if op.type in ('Switch', 'RefSwitch') and not _of_cond_or_while(op, predicates):
        yield 'control flow by hand; only tf.cond, tf.case and tf.while_loop are taken'
    if op.type == 'Const' and op.outputs[0].dtype.base_dtype.is_floating and not _is_finite(op):
        yield 'the constant holds inf or nan'


def _is_empty(op):
    """Whether an operation makes a tensor of no elements, or a random number by a shape that has none."""
    if re.match(RANDOM, op.type) and op.inputs and op.inputs[0].shape.num_elements() == 0:
        return True
    return op.type not in MAY_BE_EMPTY and any(tensor.shape.num_elements() == 0 for tensor in op.outputs)


def _predicates(graph):
    """Operations that decide in the graph's tf.conds, nested ones included: theirs, and those that they are copies of."""
    contexts = set(graph.get_collection(tf.GraphKeys.COND_CONTEXT))
    for op in graph.get_operations():
        context = op._get_control_flow_context()
        while context is not None and context not in contexts:
            contexts.add(context)
            context = context.outer_context
    conditions = {context.pred.op for context in contexts if getattr(context, 'pred', None) is not None}
    return conditions | {source.op for condition in conditions for source in condition.inputs}


def _of_cond_or_while(switch, predicates):
    """Whether a Switch was made by tf.cond or tf.while_loop: its predicate is theirs, or one that a loop's gradient kept on a stack."""
    predicate = switch.inputs[1].op
    return predicate.type in ('LoopCond', 'StackPopV2') or predicate in predicates


def _is_finite(op):
    value = op.get_attr('value')
    if value.dtype == tf.bfloat16.as_datatype_enum:
        return True
    return bool(np.all(np.isfinite(tf.make_ndarray(value))))


def _tensor_problems(tensor):
    """Reasons against a tensor that is read."""
    dtype = tensor.dtype.base_dtype
    if dtype in STRING:
        yield 'output %d is a string' % tensor.value_index
    elif dtype in WIDE:
        yield 'output %d is %s' % (tensor.value_index, dtype.name)
    elif not (tensor.shape.is_fully_defined() or dtype == tf.resource or _is_scratch(tensor) or _of_broadcasting(tensor.op)):
        yield 'output %d has an unknown size: %s' % (tensor.value_index, tensor.shape)


def _is_scratch(tensor):
    """Whether a tensor is what fused batch norm keeps for its own gradient, in a form of the device's choice."""
    return tensor.op.type == 'FusedBatchNormV3' and tensor.value_index == 5


def _of_broadcasting(op):
    """Whether the op is of a gradient through broadcasting, whose sizes follow from static shapes when the graph is compiled."""
    if op.type == 'BroadcastGradientArgs':
        return all(tf.get_static_value(tensor) is not None for tensor in op.inputs)
    return op.type == 'Sum' and op.inputs[1].op.type == 'BroadcastGradientArgs' and _of_broadcasting(op.inputs[1].op)
