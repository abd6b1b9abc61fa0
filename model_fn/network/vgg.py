"""VGG-16 as SSD300 uses it (arXiv 1512.02325, section 3): fc6 and fc7 as convolutions, and four more blocks."""
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import variable
from model_fn.network.ops import depth_of

SCOPE = TRUNKS['vgg16'].scope


def build_vgg(images, layers):
    """Maps {'conv4_3', 'fc7', 'conv6_2', ... 'conv9_2'}, each [B, h, w, depth], made by `layers`, on images [B, S, S, 3], normalised."""
    maps = {}
    with tf.variable_scope(SCOPE):
        x = _convolutions(images, maps, layers)
        x = layers.conv_bias(x, 1024, 3, 'fc6', rate=6)
        x = maps['fc7'] = layers.conv_bias(x, 1024, 1, 'fc7')
        for name, narrow, wide, stride, padding in (
                ('conv6', 256, 512, 2, 'SAME'), ('conv7', 128, 256, 2, 'SAME'), ('conv8', 128, 256, 1, 'VALID'), ('conv9', 128, 256, 1, 'VALID')):
            with tf.variable_scope(name):
                x = layers.conv_bias(x, narrow, 1, name + '_1', padding=padding)
                x = maps[name + '_2'] = layers.conv_bias(x, wide, 3, name + '_2', stride, padding=padding)
    maps['conv4_3'] = _normalise_spatially(maps['conv4_3'])
    return maps


def _convolutions(x, maps, layers):
    """conv1 to pool5, [B, S, S, 3] -> [B, S/16, S/16, 512]; keeps conv4_3 in `maps`."""
    for i, (count, depth) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), start=1):
        if i > 1:
            x = tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID')
        with tf.variable_scope('conv%d' % i):
            for j in range(1, count + 1):
                x = maps['conv%d_%d' % (i, j)] = layers.conv_bias(x, depth, 3, 'conv%d_%d' % (i, j))
    return tf.nn.max_pool(x, [1, 3, 3, 1], [1, 1, 1, 1], 'SAME')


def _normalise_spatially(x):
    """Each channel of [B, h, w, D] to length 1 over its PIXELS (not each pixel over its channels, as the paper has it), times a learnt scale."""
    with tf.variable_scope('ssd'):
        scale = variable('conv4_3_scale_mult', [depth_of(x)], tf.constant_initializer(20.))
    return tf.nn.l2_normalize(x, axis=[1, 2]) * scale
