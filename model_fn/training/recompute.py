"""Memory for time (--recompute): what is cheap is computed again when the gradients need it, so that it is not kept until then.

Batch norm's output is its input, scaled and shifted, and the input is kept all the same, for the gradient of batch norm itself. From such inputs
come the maps behind them: by relu, by sums with shortcuts, by resizing. The gradients read copies of these ops, which run when the gradients have
come to them. The results of convolutions are kept. The copies are the same ops on the same values, so that the gradients are the same to the last
bit.
"""
import numpy as np

from blitznet_estimator.runtime import tf

CHEAP = {  # type of an op: which of its inputs are maps. The others are small
    'FusedBatchNorm': [0], 'FusedBatchNormV2': [0], 'FusedBatchNormV3': [0], 'Relu': [0], 'Relu6': [0], 'Add': [0, 1], 'AddV2': [0, 1],
    'MaxPool': [0], 'ResizeBilinear': [0], 'ResizeNearestNeighbor': [0], 'GatherV2': [0], 'Reshape': [0], 'Identity': [0]}
PARAMETERS = 'Const', 'Variable', 'VariableV2', 'VarHandleOp'
BIAS, FILTERS = 'BiasAddGrad', 'Conv2DBackpropFilter'  # types of gradients
SHAPES = 'Shape', 'ShapeN', 'Size', 'Rank'  # ops that read no value
LEAST = 1 << 10  # elements of a map of one image


class Recomputing:
    """A `with` block in which gradients of a loss are built, at whose end they read copies of what is cheap.

    It gives the gradient of the loss by itself, a scalar 1, to begin with: all that is made of it runs after the loss.
    """

    def __init__(self, loss):
        self._graph = tf.get_default_graph()
        self._forward = self._graph.get_operations()
        with tf.control_dependencies([loss]):
            self._seed = tf.identity(tf.constant(1., loss.dtype), name='after_the_loss')

    def __enter__(self):
        return self._seed

    def __exit__(self, *error):
        if not any(error):
            forward = set(self._forward)
            _read_copies(self._forward, [op for op in self._graph.get_operations() if op not in forward], self._seed.op)


def _read_copies(forward, backward, seed):
    """Let the ops `backward` read copies of the cheap results of the ops `forward`. Both are in the order in which they were made.

    Every op waits for ops that were made before it, so that none waits for itself. That holds in the graph that TensorFlow makes of it, too:
    it computes the gradient of a bias together with that of the filters, so that nothing may wait for the one before the other is there.
    """
    cheap = _cheap(forward, {value for op in backward if op.type not in SHAPES for value in op.inputs})
    of_filters = {_source(op.inputs[2]) for op in backward if op.type == FILTERS}
    late, last, copies, biases = {seed}, None, {}, set()
    for op in backward:
        if any(value.op in late for value in op.inputs):
            late.add(op)
        if op.type == BIAS and _source(op.inputs[0]) in of_filters:
            biases.add(_source(op.inputs[0]))
        if last is not None and op.type not in SHAPES:
            if op not in late and op.inputs and _has_maps(op):
                op._add_control_input(last)  # pylint: disable=protected-access
            _replace_inputs(op, cheap, last, copies)
        if op.type == FILTERS:
            biases.discard(_source(op.inputs[2]))
        if op in late and _has_maps(op) and not biases:
            last = op


def _source(value):
    """The tensor that a chain of Identity ops passes on."""
    while value.op.type == 'Identity':
        value = value.op.inputs[0]
    return value


def _cheap(forward, read):
    """The ops of `forward` whose results need not be kept: cheap ones of results that are `read`, and so kept, or that are cheap themselves."""
    cheap, kept, fixed = set(), set(), set()
    for op in forward:
        sources = [op.inputs[index] for index in CHEAP.get(op.type, ())]
        if all(value.op in fixed for value in op.inputs) if op.inputs else op.type in PARAMETERS:
            fixed.add(op)
        elif sources and all(value.op in cheap or value in kept for value in sources) and _has_maps(op):
            cheap.add(op)
        else:
            kept.update(value for value in op.outputs if value in read)
    return cheap


def _has_maps(op):
    """Whether a result is as large as a map."""
    return any(value.shape.ndims and np.prod([side or 1 for side in value.shape.as_list()]) >= LEAST for value in op.outputs)


def _replace_inputs(op, cheap, after, copies):
    """Let `op` read copies, made where there are none yet: {op: its copy}. These wait for the op `after`."""
    for index, value in enumerate(list(op.inputs)):
        if value.op not in cheap:
            continue
        if value.value_index == 0:
            op._update_input(index, _copy(value.op, cheap, after, copies).outputs[0])  # pylint: disable=protected-access
        elif value.op in copies:  # batch norm's gradient: its parameters change next, so that the copy must have read them
            op._add_control_input(copies[value.op])  # pylint: disable=protected-access


def _copy(op, cheap, after, copies):
    if op not in copies:
        inputs = [_copy(value.op, cheap, after, copies).outputs[0] if value.op in cheap else value for value in op.inputs]
        attributes = {name: value for name, value in op.node_def.attr.items() if not name.startswith('_')}
        with tf.control_dependencies([after]):
            copies[op] = op.graph.create_op(op.type, inputs, [value.dtype for value in op.outputs], name='%s/again' % op.name,
                                            attrs=attributes, op_def=op.op_def)
    return copies[op]
