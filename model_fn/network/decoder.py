"""The decoder: from the deepest map upwards, each block joins its input with the trunk's map of its level (arXiv 1708.02813, section 3.1)."""
from blitznet_estimator.runtime import tf
from model_fn.network.ops import depth_of, sides_of


def build_decoder(trunk_maps, last_level, depth, method, layers):
    """Decoded maps {'rev1': [B, h1, w1, depth], ..., 'pool6': [B, 1, 1, depth]}.

    Args:
      trunk_maps: {block number: its output}; the deepest is the decoder's input, the others are joined.
      last_level: number of the trunk block that the last decoder block joins, 1 or 2.
      depth: of every decoded map.
      method: of resizing, bilinear or nearest.
      layers: the network's `Layers`.
    """
    deepest = max(trunk_maps)
    maps, x = {}, trunk_maps[deepest]
    with tf.variable_scope('ssd_back'):
        for level in range(deepest - 1, last_level - 1, -1):
            x, shortcut_mean = _skip_block(x, trunk_maps[level], depth, 'block_rev%d' % level, method, layers, averaged=level == deepest - 1)
            maps['rev%d' % level] = x
            if shortcut_mean is not None:  # the whole image in one cell; named as in SSD
                maps['pool6'] = shortcut_mean
    return maps


def _skip_block(x, skip, depth, scope, method, layers, averaged):
    """The block's output [B, h, w, depth] with h, w of `skip`, and the mean of its shortcut branch [B, 1, 1, depth] if it is `averaged`."""
    with tf.variable_scope(scope):
        shortcut = layers.ops.resize(x, sides_of(skip), method)
        shortcut = shortcut if depth_of(x) == depth else layers.conv_norm(shortcut, depth, 1, 'shortcut', relu=False)
        x = layers.joined_conv_norm(x, skip, depth // 4, 'conv1', method)
        x = layers.conv_norm(x, depth // 4, 3, 'conv2')
        x = layers.conv_norm(x, depth, 1, 'conv3', relu=False)
        mean = tf.reduce_mean(shortcut, axis=[1, 2], keepdims=True) if averaged else None
        with tf.control_dependencies([mean] if averaged else []):  # first, as the sum may be made in the shortcut's memory
            x = shortcut + x
        return tf.nn.relu(x), mean
