"""Heads: from the detection maps to the raw outputs, by the names of `blitznet_estimator.heads.HEADS`."""
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import SMALL, XAVIER
from model_fn.network.ops import sides_of

_INITIALIZERS = {'small': SMALL, 'xavier': XAVIER}  # by Trunk.detection_initializer


def detection_head(maps, anchors_per_cell, num_classes, size, scopes, layers, initializer=SMALL):
    """Confidence [B, A, num_classes] before softmax, and encoded offsets [B, A, 4]; order map, row, column, anchor of the cell.

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
        return tuple(tf.concat([_by_anchor(x, width) for x in parts], axis=1) for width, parts in zip(widths, zip(*pairs)))


def _by_anchor(x, width):
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


def _detection(maps, config, layers):
    trunk = TRUNKS[config.trunk]
    confidence, location = detection_head(maps, config.anchors_per_cell, config.num_classes, config.det_kernel, _scopes(config), layers,
                                          _INITIALIZERS[trunk.detection_initializer])
    return {'confidence': confidence, 'location': location}


def _scopes(config):
    """(confidence, location) scopes of each detection map, as published checkpoints name them."""
    kinds = 'confidence', 'location'
    if config.head == 'shared':
        return [kinds] * len(config.detection_maps)
    return [tuple(TRUNKS[config.trunk].head_scope(name, kind) for kind in kinds) for name in config.detection_maps]


def _segmentation(maps, config, layers):
    return {'segmentation': segmentation_head(maps, config.num_classes, config.n_base_channels, config.seg_filter_size, layers)}


BUILD = {'detection': _detection, 'segmentation': _segmentation}  # (maps in order, NetworkConfig, Layers) -> {raw output: tensor}
