"""ONNX's Resize by sizes. tf2onnx writes the factors of TensorFlow's resizes, rounded to float32: 3 times 1.6666666 is 4.9999998, and 4 rows."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

UP = 1 + 1e-6  # more than what a factor was rounded down by, and less than a row


def by_sizes(model):
    """Replace the factors of every Resize in an ONNX model by the size that was meant. The model is changed; returns it."""
    shapes, graph = _meant_shapes(model), model.graph
    graph.initializer.extend([_ints('resize_begin', [0]), _ints('resize_end', [2])])
    nodes = []
    for node in list(graph.node):
        if node.op_type == 'Resize' and len(node.input) == 3:
            sizes = node.output[0] + '/sizes'
            graph.initializer.append(_ints(sizes + '/sides', shapes[node.output[0]][2:]))
            nodes += [helper.make_node('Shape', [node.input[0]], [sizes + '/shape']),
                      helper.make_node('Slice', [sizes + '/shape', 'resize_begin', 'resize_end'], [sizes + '/batch']),
                      helper.make_node('Concat', [sizes + '/batch', sizes + '/sides'], [sizes], axis=0)]
            node.input[1], node.input[2] = '', ''
            node.input.append(sizes)
        nodes.append(node)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    _drop_unused(graph)
    return model


def _drop_unused(graph):
    """Remove constants that no node reads any more, of which runtimes warn."""
    read = {name for node in graph.node for name in node.input}
    for value in list(graph.initializer):
        if value.name not in read:
            graph.initializer.remove(value)


def _meant_shapes(model):
    """{tensor: shape}, inferred from factors that are a little larger. The model itself keeps its own: where nearest-neighbour hits a pixel
    exactly, a larger factor would read the one before."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    factors = {node.input[2] for node in probe.graph.node if node.op_type == 'Resize' and len(node.input) == 3}
    for value in probe.graph.initializer:
        if value.name in factors:
            scales = numpy_helper.to_array(value) * np.array([1, 1, UP, UP])
            value.CopyFrom(numpy_helper.from_array(scales.astype(np.float32), value.name))
    inferred = onnx.shape_inference.infer_shapes(probe).graph
    return {value.name: [side.dim_value for side in value.type.tensor_type.shape.dim] for value in [*inferred.value_info, *inferred.output]}


def _ints(name, values):
    return numpy_helper.from_array(np.array(values, np.int64), name)
