"""How much arithmetic a graph holds, counted from its convolutions and matrix products; a multiplication and an addition are 2 operations."""
import numpy as np

DEPTHWISE = 'DepthwiseConv2dNative'  # each channel by itself
FORWARD = ('Conv2D', DEPTHWISE)
_CONVOLUTIONS = tuple(kind + part for kind in FORWARD for part in ('', 'BackpropInput', 'BackpropFilter'))
_PRODUCTS = ('MatMul', 'BatchMatMul', 'BatchMatMulV2')


def of_convolution(operation):
    """Of a convolution of either kind, or of either of its gradients: the same number for all three; 0 where a shape is not static."""
    if operation.type in FORWARD:
        outputs, weights = operation.outputs[0].shape.as_list(), operation.inputs[1].shape.as_list()
    elif operation.type.endswith('BackpropInput'):
        outputs, weights = operation.inputs[2].shape.as_list(), operation.inputs[1].shape.as_list()
    else:
        outputs, weights = operation.inputs[2].shape.as_list(), operation.outputs[0].shape.as_list()
    if None in outputs + weights:
        return 0
    inputs = weights[:2] if operation.type.startswith(DEPTHWISE) else weights[:3]  # of each output, which hold the last axis of the weights
    return 2. * np.prod(outputs) * np.prod(inputs)


def _product(operation):
    """Of a matrix product, or of a batch of them."""
    left, outputs = operation.inputs[0].shape.as_list(), operation.outputs[0].shape.as_list()
    transposed = operation.get_attr('transpose_a' if operation.type == 'MatMul' else 'adj_x')
    if None in left + outputs:
        return 0
    return 2. * np.prod(outputs) * left[-2 if transposed else -1]


def count(graph):
    """Floating-point operations of all 2-D convolutions and matrix products of `graph` whose shapes are static."""
    operations = graph.get_operations()
    return float(sum(of_convolution(operation) for operation in operations if operation.type in _CONVOLUTIONS)
                 + sum(_product(operation) for operation in operations if operation.type in _PRODUCTS))
