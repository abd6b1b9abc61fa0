"""How much arithmetic a graph holds, counted from its convolutions and matrix products; a multiplication and an addition are 2 operations."""
import numpy as np

_CONVOLUTIONS = ('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter')
_PRODUCTS = ('MatMul', 'BatchMatMul', 'BatchMatMulV2')


def of_convolution(operation):
    """Of a Conv2D or of either of its gradients: the same number for all three; 0 where a shape is not static."""
    if operation.type == 'Conv2D':
        outputs, weights = operation.outputs[0].shape.as_list(), operation.inputs[1].shape.as_list()
    elif operation.type == 'Conv2DBackpropInput':
        outputs, weights = operation.inputs[2].shape.as_list(), operation.inputs[1].shape.as_list()
    else:
        outputs, weights = operation.inputs[2].shape.as_list(), operation.outputs[0].shape.as_list()
    if None in outputs + weights:
        return 0
    return 2. * np.prod(outputs) * np.prod(weights[:3])  # outputs hold the last axis of the weights


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
