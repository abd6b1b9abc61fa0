"""What the device's graph may not hold, between the iterator and what is run."""
import os

import tensorflow.compat.v1 as tf

from npu_bridge import hccl_ops

FORBIDDEN = ('Where', 'Unique', 'UniqueV2', 'DynamicPartition', 'DynamicStitch', 'PyFunc', 'PyFuncStateless', 'OneShotIterator',
             'EagerPyFunc', 'NonMaxSuppression', 'NonMaxSuppressionV2', 'NonMaxSuppressionV3', 'NonMaxSuppressionV4', 'NonMaxSuppressionV5',
             'CombinedNonMaxSuppression')
RANDOM = ('Random', 'Truncated', 'StatelessRandom', 'StatelessTruncated')
REFUSED_TYPES = (tf.float64, tf.complex64, tf.complex128, tf.variant)
HOST = ('Summary', 'Assert', 'Print', 'Save', 'Restore')  # strings may go there
NOT_COMPILED = HOST + ('Iterator',)
_LIST = os.path.join(os.path.dirname(__file__), '..', '..', '..', 'blitznet_estimator', 'npu_operators.txt')
with open(_LIST, encoding='utf-8') as _file:
    KNOWN = frozenset(_file.read().split())  # operators that CANN's own list names


def check(targets):
    """Raise ValueError at the first operation before `targets` that an NPU does not take."""
    operations = _before([getattr(target, 'op', target) for target in targets])
    for operation in operations:
        if operation.type in FORBIDDEN:
            raise ValueError('the device has no %s: %s' % (operation.type, operation.name))
        if operation.type not in KNOWN and not any(part in operation.type for part in NOT_COMPILED):
            raise ValueError('the graph engine does not know %s: %s' % (operation.type, operation.name))
        if operation.type == 'IteratorGetNext' and not all(output.shape.is_fully_defined() for output in operation.outputs):
            raise ValueError('the iterator has an unknown shape, such as that of a partial batch: %s' % operation.outputs)
    for operation in operations:
        if _is_empty(operation):
            raise ValueError('an empty tensor: %s' % operation.name)
        for output in operation.outputs:
            _check_tensor(operation, output)


def check_run(targets):
    """Raise ValueError where what a session of the device is to run holds what its graph engine or HCCL refuse."""
    before = _depends([getattr(target, 'op', target) for target in targets])
    for operation in before:
        shapes = [tensor.shape for tensor in operation.inputs]
        if operation.type == 'Bitcast' and shapes[0].rank == 0:
            raise ValueError('E19999: Param dim_vec is empty: Bitcast of a scalar, %s' % operation.name)
        if operation.type.startswith(RANDOM) and shapes[0].num_elements() == 0:
            raise ValueError('an empty shape: %s' % operation.name)
        if operation.type == 'Cast' and tf.int16 in (operation.inputs[0].dtype.base_dtype, operation.outputs[0].dtype.base_dtype):
            raise ValueError('no kernel casts int16: %s' % operation.name)
    _check_fusion(before)


def _is_empty(operation):
    """Whether it makes a tensor of no elements; a constant may be one, and batch norm that trains is given empty statistics."""
    may_be = operation.type in ('Const', 'HostConst') or operation.type.startswith('FusedBatchNorm')
    return not may_be and any(output.shape.num_elements() == 0 for output in operation.outputs)


def _check_fusion(running):
    """HCCL makes one node of all broadcasts that it merges: of two that depend on each other, a loop."""
    merged = {}
    for graph in {operation.graph for operation in running}:
        for key, operation in graph.get_collection(hccl_ops.FUSED):
            if operation in running:
                merged.setdefault(key, set()).add(operation)
    for operations in merged.values():
        for operation in operations:
            sources = [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
            if operations & _depends(sources):
                raise ValueError('the graph has a loop: %s is merged with a broadcast that it depends on' % operation.name)


def _depends(targets):
    """All operations that `targets` need, themselves included, up to iterators."""
    found, waiting = set(), list(targets)
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            if operation.type != 'IteratorGetNext':
                waiting.extend([tensor.op for tensor in operation.inputs] + list(operation.control_inputs))
    return found


def _check_tensor(operation, output):
    if output.dtype.base_dtype in REFUSED_TYPES and operation.type not in ('IteratorV2', 'MakeIterator'):
        raise ValueError('the device has no %s: %s' % (output.dtype.name, output.name))
    consumed = [consumer for consumer in output.consumers() if not any(host in consumer.type for host in HOST)]
    if output.dtype.base_dtype == tf.string and consumed:
        raise ValueError('the device has no strings: %s' % output.name)
    if operation.type == 'FusedBatchNormV3' and output.value_index == 5:
        return  # what the CPU and GPU kernels hand to the gradient; the device has its own
    # Gradients of broadcasts have no static shape until the device folds constants
    if output.dtype.is_floating and 'gradients' not in operation.name and not output.shape.is_fully_defined():
        raise ValueError('unknown shape %s: %s' % (output.shape, output.name))


def _before(targets):
    """All operations that `targets` need, up to the iterator and what stands for the device's own collectives."""
    found, waiting = set(), list(targets)
    while waiting:
        operation = waiting.pop()
        if operation in found:
            continue
        found.add(operation)
        if operation.type == 'IteratorGetNext':
            continue
        inputs = [tensor.op for tensor in operation.inputs]
        waiting.extend(inputs + list(operation.control_inputs))
    return {operation for operation in found if 'fake_device' not in operation.name}
