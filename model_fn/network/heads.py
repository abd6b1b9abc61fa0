"""Heads: from the maps to the raw outputs of detection and of segmentation."""
from blitznet_estimator.runtime import tf
from model_fn.network.layers import SMALL
from model_fn.network.ops import sides_of


def detection_head(maps, anchors_per_cell, num_classes, size, scopes, layers, initializer=SMALL):
    """Confidence [B, A, num_classes] before softmax, and encoded offsets [B, A, 4]; order map, row, column, prior.

    Args:
      maps: the detection maps [B, h, w, depth], in order.
      anchors_per_cell: of each map.
      num_classes: with the background, class 0.
      size: of the kernels.
      scopes: (confidence, location) scopes of each map; the same scope twice shares its weights.
      layers: the network's `Layers`.
      initializer: of the weights.
    """
    widths = num_classes, 4
    with tf.variable_scope('ssd'):
        # The loss takes few anchors, so that gradients are sparse.
        pairs = [layers.conv_pair(x, [count * width for width in widths], size, scopes_of_map, initializer, sparse_gradient=True)
                 for x, count, scopes_of_map in zip(maps, anchors_per_cell, scopes)]
        return tuple(tf.concat([_by_prior(x, width) for x in parts], axis=1) for width, parts in zip(widths, zip(*pairs)))


def _by_prior(x, width):
    """[B, h, w, anchors_per_cell * width] -> [B, h * w * anchors_per_cell, width]."""
    _, height, columns, depth = x.shape
    return tf.reshape(x, [-1, int(height) * int(columns) * int(depth) // width, width])


def segmentation_head(maps, num_classes, base_channels, size, layers):
    """Logits [B, s, s, num_classes], s the side of the first map: each map narrowed, all brought to s x s, and one 3x3 convolution."""
    with tf.variable_scope('ssd'):
        narrowed = [layers.conv_bias(x, base_channels, size, _conv(i)) for i, x in enumerate(maps)]
        return layers.resized_conv_bias(narrowed, sides_of(maps[0]), num_classes, 3, _conv(len(maps)))


def _conv(i):
    return 'Conv_%d' % i if i else 'Conv'
