"""EfficientNet-Lite0 (arXiv 1905.11946, without squeeze-and-excitation, with ReLU6), by the names of TensorFlow's published checkpoint.

The published network drops whole branches at random while it is trained; this one does not.
"""
from blitznet_estimator.published_weights import TORCH
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.inverted_residual import EPSILON, Names, Units, build_units, each_unit
from model_fn.network.trunks.resnet import NARROW, decoded
from model_fn.weights.named_arrays import batch_norm

STEM = 32
UNITS = (Units(1, 3, 1, 1, 16), Units(2, 3, 2, 6, 24), Units(2, 5, 2, 6, 40), Units(3, 3, 2, 6, 80), Units(3, 5, 1, 6, 112),
         Units(4, 5, 2, 6, 192), Units(1, 3, 1, 6, 320))
NORM = 'tpu_batch_normalization'  # and _1, _2 in the order in which they are made, as conv2d


def build(images, config, layers):
    """Decoded maps of `build_decoder`, on images [B, S, S, 3], normalised."""
    return decoded(build_trunk(images, TRUNKS[config.trunk].scope, layers), NARROW, config, layers)


def build_trunk(images, scope, layers):
    """Outputs {1: [B, S/4, S/4, 24], ..., 4: [B, S/32, S/32, 320]} of images [B, S, S, 3], normalised."""
    with tf.variable_scope(scope):
        with tf.variable_scope('stem'):
            x = layers.named_conv_norm(images, STEM, 3, 'conv2d/kernel', NORM, 2, EPSILON, tf.nn.relu6)
        return build_units(x, UNITS, lambda i: 'blocks_%d' % i, _names, layers)


def _names(row):
    expand = ('conv2d/kernel', NORM) if row.expansion > 1 else None
    shift = 1 if expand else 0
    return Names(expand, ('depthwise_conv2d/depthwise_kernel', NORM + ('_1' if shift else '')),
                 ('conv2d%s/kernel' % ('_1' if shift else ''), '%s_%d' % (NORM, shift + 1)))


def _from_torch(modules, trunk):
    """{variable: array} of the package efficientnet_lite_pytorch (NamedArrays of its modules), without the classifier."""
    pairs = [('stem/conv2d/kernel', 'stem/' + NORM, '_conv_stem', '_bn0')]
    for i, (row, _) in enumerate(each_unit(UNITS)):
        for name, conv, norm in zip(_names(row), ('_expand_conv', '_depthwise_conv', '_project_conv'), ('_bn0', '_bn1', '_bn2')):
            if name:
                pairs.append(tuple('blocks_%d/%s' % (i, part) for part in name) + tuple('_blocks.%d.%s' % (i, part) for part in (conv, norm)))
    values = {}
    for weights, scope, conv, norm in pairs:
        kernel, = modules.take(conv, 4)  # [outputs, inputs, rows, columns], and [channels, 1, rows, columns] by channels
        values['%s/%s' % (trunk.scope, weights)] = kernel.transpose((2, 3, 0, 1) if 'depthwise' in weights else (2, 3, 1, 0))
        values.update(batch_norm('%s/%s' % (trunk.scope, scope), modules.take(norm, 1, 1, 1, 1), EPSILON, own_epsilon=EPSILON))
    modules.drop('_conv_head', '_bn1', '_fc')
    modules.finish()
    return values


CONVERT = {TORCH: _from_torch}
