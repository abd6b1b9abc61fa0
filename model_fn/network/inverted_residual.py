"""Inverted residual units (arXiv 1801.04381, section 3.3), of which MobileNetV2 and EfficientNet-Lite are made."""
import collections

from blitznet_estimator.runtime import tf
from model_fn.network.ops import depth_of

# units in a row: the first has the stride; size: of the depthwise convolution; expansion: of the depth, between a unit's two 1x1 convolutions
Units = collections.namedtuple('Units', 'count size stride expansion depth')
# (weights, scope of batch norm) of each convolution of a unit; `expand` is None where nothing is widened
Names = collections.namedtuple('Names', 'expand depthwise project')
EPSILON = 1e-3  # of batch norm


def build_units(x, rows, scope_of, names_of, layers):
    """The last outputs of stride 4, 8, 16 and 32, {1: [B, S/4, S/4, _], ..., 4: [B, S/32, S/32, _]}, of a stem's [B, S/2, S/2, _].

    Args:
      rows: Units in order.
      scope_of: number of a unit, from 0 -> its scope.
      names_of: Units -> Names, below that scope.
    """
    ends = []
    for i, (row, stride) in enumerate(each_unit(rows)):
        if stride > 1:
            ends.append(x)
        with tf.variable_scope(scope_of(i)):
            x = _unit(x, row, stride, names_of(row), layers)
    return dict(enumerate(ends[1:] + [x], start=1))  # the first end has stride 2


def each_unit(rows):
    """[(Units, stride)] of each single unit."""
    return [(row, row.stride if i == 0 else 1) for row in rows for i in range(row.count)]


def _unit(x, row, stride, names, layers):
    """Widened, convolved by channels, and narrowed to a linear map; added to what came in where both are alike."""
    y = x
    if names.expand:
        y = layers.named_conv_norm(y, depth_of(x) * row.expansion, 1, *names.expand, epsilon=EPSILON, activation=tf.nn.relu6)
    y = layers.named_conv_norm(y, None, row.size, *names.depthwise, stride=stride, epsilon=EPSILON, activation=tf.nn.relu6)
    y = layers.named_conv_norm(y, row.depth, 1, *names.project, epsilon=EPSILON)
    return x + y if stride == 1 and depth_of(x) == row.depth else y
