"""How much arithmetic a graph holds, counted from its convolutions."""
import numpy as np

_CONVOLUTIONS = ('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter')


def _convolution(operation):
    """Multiplications and additions of a convolution or of either of its gradients: the same number for all three."""
    if operation.type == 'Conv2D':
        outputs, weights = operation.outputs[0].shape.as_list(), operation.inputs[1].shape.as_list()
    elif operation.type == 'Conv2DBackpropInput':
        outputs, weights = operation.inputs[2].shape.as_list(), operation.inputs[1].shape.as_list()
    else:
        outputs, weights = operation.inputs[2].shape.as_list(), operation.outputs[0].shape.as_list()
    if None in outputs + weights:
        return 0
    return 2. * np.prod(outputs) * np.prod(weights[:3])  # outputs hold the last axis of the weights


def count(graph):
    """Floating-point operations of all 2-D convolutions of `graph` whose shapes are static."""
    return float(sum(_convolution(operation) for operation in graph.get_operations() if operation.type in _CONVOLUTIONS))
