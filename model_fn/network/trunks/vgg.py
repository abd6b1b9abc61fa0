"""VGG-16 as SSD300 uses it (arXiv 1512.02325, section 3): fc6 and fc7 as convolutions, and four more blocks."""
import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.published_weights import KERAS
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import variable
from model_fn.network.ops import depth_of
from model_fn.weights import slim

SCOPE = TRUNKS['vgg16'].scope
CONVOLUTIONS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # (how many, their depth) of conv1 to conv5
FC6, FC7 = (7, 7, 512, 4096), (1, 1, 4096, 4096)  # of the classifier


def build(images, config, layers):
    """Maps {'conv4_3', 'fc7', 'conv6_2', ... 'conv9_2'}, each [B, h, w, depth], made by `layers`, on images [B, S, S, 3], normalised."""
    del config  # it has one form alone
    maps = {}
    with tf.variable_scope(SCOPE):
        x = convolutions(images, maps, layers)
        x = layers.conv_bias(x, 1024, 3, 'fc6', rate=6)
        x = maps['fc7'] = layers.conv_bias(x, 1024, 1, 'fc7')
        for name, narrow, wide, stride, padding in (
                ('conv6', 256, 512, 2, 'SAME'), ('conv7', 128, 256, 2, 'SAME'), ('conv8', 128, 256, 1, 'VALID'), ('conv9', 128, 256, 1, 'VALID')):
            with tf.variable_scope(name):
                x = layers.conv_bias(x, narrow, 1, name + '_1', padding=padding)
                x = maps[name + '_2'] = layers.conv_bias(x, wide, 3, name + '_2', stride, padding=padding)
    maps['conv4_3'] = _normalise_spatially(maps['conv4_3'])
    return maps


def convolutions(x, maps, layers):
    """conv1 to pool5, [B, S, S, 3] -> [B, S/16, S/16, 512]; keeps conv4_3 in `maps`."""
    for i, (count, depth) in enumerate(CONVOLUTIONS, start=1):
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


def _from_keras(layers, trunk):
    """{variable: array} of VGG-16 of keras.applications (NamedArrays of its layers); fc6 and fc7 where it has its classifier."""
    values = {}
    for i, (count, _) in enumerate(CONVOLUTIONS, start=1):
        for j in range(1, count + 1):
            scope = '%s/conv%d/conv%d_%d' % (trunk.scope, i, i, j)
            values[scope + '/weights'], values[scope + '/biases'] = layers.take('block%d_conv%d' % (i, j), 4, 1)
    if 'fc1' in layers:
        for own, layer, shape in ('fc6', 'fc1', FC6), ('fc7', 'fc2', FC7):
            weights, values['%s/%s/biases' % (trunk.scope, own)] = layers.take(layer, 2, 1)
            if weights.size != np.prod(shape):
                raise layers.error('%s has the shape %s' % (layer, weights.shape))
            values['%s/%s/weights' % (trunk.scope, own)] = weights.reshape(shape)  # Keras flattens rows, columns, channels
        values = _thinned(values, trunk)
    layers.drop('predictions')
    layers.finish()
    return values


def _from_slim(values, trunk):
    """As slim names it, whose fc6 and fc7 are convolutions over all of the map."""
    return _thinned(slim.to_bgr(values, trunk), trunk)


def _thinned(values, trunk):
    """fc6 with every third row and column, fc6 and fc7 with every fourth output, as in the reduced VGG-16 that SSD starts from (section 3)."""
    names = ['%s/%s/%s' % (trunk.scope, layer, leaf) for layer in ('fc6', 'fc7') for leaf in ('weights', 'biases')]
    shapes = [values[name].shape if name in values else None for name in names]
    if shapes != [FC6, FC6[3:], FC7, FC7[3:]]:
        raise UserError('The layers fc6 and fc7 have the shapes %s, which are not those of VGG-16.' % ', '.join(map(str, shapes)))
    wide, wide_bias, deep, deep_bias = [values[name] for name in names]
    return dict(values, **dict(zip(names, (wide[::3, ::3, :, ::4], wide_bias[::4], deep[:, :, ::4, ::4], deep_bias[::4]))))


CONVERT = {KERAS: _from_keras, slim.LIBRARY: _from_slim}
