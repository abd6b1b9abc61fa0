"""Decoding, NMS and the mask as ONNX nodes behind a model's raw outputs: what `model_fn.predictions` does, for any batch, without a loop."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.boxes import VARIANCES

OPERATORS = 13  # the set of operators: old enough for most runtimes


def complete(model, config):
    """Give a raw ONNX model the outputs of predictions, and an input `size` [2] int64 for the mask's. The model is changed; returns it."""
    graph, names = _Graph(model.graph), {output.name for output in model.graph.output}
    outputs = []
    if 'confidence' in names:
        outputs += _detections(graph, config.network, config.detection)
    if 'segmentation' in names:
        outputs += _mask(graph)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(*output) for output in outputs)
    return model


def rename(graph, names):
    """Give tensors of an ONNX graph other names, {old: new}."""
    for value in [*graph.input, *graph.output]:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for tensors in (node.input, node.output):
            for place, name in enumerate(tensors):
                tensors[place] = names.get(name, name)


class _Graph:
    """Adds nodes and constants. Every call gives the name of a tensor."""

    def __init__(self, graph):
        self.proto, self._count = graph, 0

    def __call__(self, operation, *inputs, name=None, **attributes):
        """The output of a new node. inputs: names of tensors, or values that become constants."""
        output = name or self._new()
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self.proto.node.append(helper.make_node(operation, names, [output], **attributes))
        return output

    def split(self, tensor, count, axis):
        """`count` tensors of width 1 along an axis."""
        outputs = [self._new() for _ in range(count)]
        self.proto.node.append(helper.make_node('Split', [tensor, self._constant(np.ones(count, np.int64))], outputs, axis=axis))
        return outputs

    def best(self, values, count, axis, name=None):
        """(the `count` largest values, their indices), the largest first."""
        outputs = [name or self._new(), self._new()]
        self.proto.node.append(helper.make_node('TopK', [values, self._constant(np.array([count], np.int64))], outputs, axis=axis))
        return outputs

    def _constant(self, value):
        name = self._new()
        self.proto.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _new(self):
        self._count += 1
        return 'finish/%d' % self._count


def _ints(*values):
    return np.array(values, np.int64)


def _decoded(node, network):
    """Boxes [B, A, 4], as `postprocess.decode` makes them."""
    anchors = anchors_of(network).astype(np.float32)
    shift_y, shift_x, growth_y, growth_x = _in_order(node)
    lows, highs = [], []
    for shift, growth, column in ((shift_y, growth_y, 0), (shift_x, growth_x, 1)):
        place, extent = anchors[None, :, column:column + 1], anchors[None, :, column + 2:column + 3]
        size = node('Mul', node('Exp', node('Mul', growth, np.float32(VARIANCES[1]))), extent)
        center = node('Add', node('Mul', shift, (np.float32(VARIANCES[0]) * extent).astype(np.float32)), place)
        low = node('Max', node('Sub', center, node('Mul', size, np.float32(.5))), np.float32(0))
        lows.append(low)
        highs.append(node('Min', node('Add', low, size), np.float32(1)))
    return node('Concat', *lows, *highs, axis=2)


def _in_order(node):
    """The parts [B, A, 1] of the offsets, (tx, ty, tw, th), as ty, tx, th, tw."""
    shift_x, shift_y, growth_x, growth_y = node.split('location', 4, axis=2)
    return shift_y, shift_x, growth_y, growth_x


def _detections(node, network, detection):
    """The rows of the graph's outputs. As in `postprocess.detections`: the best of each class, NMS for each, and the best of all."""
    anchors, classes, most = network.num_anchors, network.num_classes, detection.top_k_post_nms
    boxes = _decoded(node, network)
    scores = node('Slice', node('Transpose', node('Softmax', 'confidence', axis=2), perm=[0, 2, 1]), _ints(1), _ints(classes), _ints(1))
    lowest = node('ReduceMin', node.best(scores, min(detection.top_k_nms, anchors), axis=2)[0], axes=[2], keepdims=1)
    candidates = node('Where', node('Not', node('Less', scores, lowest)), scores, np.float32(0))
    kept = node('NonMaxSuppression', boxes, candidates, _ints(detection.top_k_after_nms), np.float32([detection.nms_thresh]),
                np.float32([detection.conf_thresh]))
    after = node('ScatterND', node('Mul', scores, np.float32(0)), kept, node('GatherND', scores, kept))
    _, index = node.best(node('Reshape', after, _ints(0, -1)), most, axis=1, name='scores')
    is_box = node('Greater', 'scores', np.float32(0))
    count = node('Cast', is_box, to=TensorProto.INT32)
    number = node('Cast', node('Div', index, np.int64(anchors)), to=TensorProto.INT32)
    node('Mul', node('Add', number, np.int32(1)), count, name='classes')
    node('ReduceSum', count, _ints(1), name='num_detections', keepdims=0)
    anchor = node('Expand', node('Unsqueeze', node('Mod', index, np.int64(anchors)), _ints(2)), _ints(1, 1, 4))
    real = node('Unsqueeze', node('Cast', is_box, to=TensorProto.FLOAT), _ints(2))
    inside = node('Clip', node('GatherElements', boxes, anchor, axis=1), np.float32(0), np.float32(1))
    node('Mul', inside, real, name='boxes')
    return [('boxes', TensorProto.FLOAT, ['N', most, 4]), ('scores', TensorProto.FLOAT, ['N', most]),
            ('classes', TensorProto.INT32, ['N', most]), ('num_detections', TensorProto.INT32, ['N'])]


def _mask(node):
    """The row of the graph's output: the class of each pixel at `size`, resized as TensorFlow 1 does it."""
    rename(node.proto, {'segmentation': 'finish/logits'})
    node.proto.input.append(helper.make_tensor_value_info('size', TensorProto.INT64, [2]))
    logits = node('Transpose', 'finish/logits', perm=[0, 3, 1, 2])
    sizes = node('Concat', node('Slice', node('Shape', logits), _ints(0), _ints(2)), 'size', axis=0)
    resized = node('Resize', logits, '', '', sizes, mode='linear', coordinate_transformation_mode='asymmetric')
    node('Cast', node('ArgMax', resized, axis=1, keepdims=0), name='segmentation', to=TensorProto.UINT8)
    return [('segmentation', TensorProto.UINT8, ['N', 'H', 'W'])]
