"""Graph surgery before conversion: batch norm into the convolutions before it, and the normalisation of the input out of the graph."""
import numpy as np

from blitznet_estimator.runtime import tf

BATCH_NORMS = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')


def fold_batch_norms(graph_def):
    """(a frozen GraphDef in which each batch norm after a convolution has become scaled weights and a bias, how many there were)."""
    folded = tf.GraphDef()
    folded.CopyFrom(graph_def)
    nodes = {node.name: node for node in folded.node}
    count = 0
    for node in list(folded.node):
        if node.op in BATCH_NORMS and nodes[node.input[0]].op == 'Conv2D':
            _fold(node, nodes, folded)
            count += 1
    return folded, count


def _fold(node, nodes, graph_def):
    """gamma (w * x - mean) / sqrt(variance + epsilon) + beta = (w scale) * x + (beta - mean scale)."""
    conv = nodes[node.input[0]]
    gamma, beta, mean, variance = (_value(nodes[name]) for name in node.input[1:5])
    scale = gamma / np.sqrt(variance + node.attr['epsilon'].f)
    weights = _constant(conv.name + '/folded_weights', _value(nodes[conv.input[1]]) * scale)
    bias = _constant(node.name + '/folded_bias', beta - mean * scale)
    graph_def.node.extend([weights, bias])
    conv.input[1] = weights.name
    layout = node.attr['data_format'].s
    bias_add = tf.NodeDef(name=node.name, op='BiasAdd', input=[conv.name, bias.name])
    bias_add.attr['T'].type = node.attr['T'].type
    if layout:
        bias_add.attr['data_format'].s = layout
    node.CopyFrom(bias_add)  # under the batch norm's name, so that what follows needs no change


def cut_normalisation(graph_def, mean, outputs):
    """The graph without its first operations, up to the subtraction of `mean`: input then takes what comes out of them."""
    cut = tf.GraphDef()
    cut.CopyFrom(graph_def)
    nodes = {node.name: node for node in cut.node}
    ends = [node.name for node in cut.node if node.op == 'Sub' and _is_constant(nodes.get(node.input[1]), mean)]
    if len(ends) != 1:
        raise ValueError('%d subtractions of the mean, instead of 1: %s' % (len(ends), ends))
    for node in cut.node:
        for index, name in enumerate(node.input):
            if name == ends[0]:
                node.input[index] = 'input'
    return tf.graph_util.extract_sub_graph(cut, list(outputs))


def _is_constant(node, value):
    return node is not None and node.op == 'Const' and np.allclose(_value(node), value)


def _value(node):
    if node.op != 'Const':
        raise ValueError('%s is a %s: the graph is not frozen' % (node.name, node.op))
    return tf.make_ndarray(node.attr['value'].tensor)


def _constant(name, value):
    node = tf.NodeDef(name=name, op='Const')
    node.attr['dtype'].type = tf.float32.as_datatype_enum
    node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(value.astype(np.float32)))
    return node
