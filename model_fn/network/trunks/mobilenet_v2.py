"""MobileNetV2 of width 1 (arXiv 1801.04381, table 2), by the names of slim's published checkpoint."""
from blitznet_estimator.published_weights import KERAS
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.inverted_residual import EPSILON, Names, Units, build_units, each_unit
from model_fn.network.trunks.resnet import NARROW, decoded
from model_fn.weights import slim
from model_fn.weights.named_arrays import batch_norm

STEM = 32
UNITS = (Units(1, 3, 1, 1, 16), Units(2, 3, 2, 6, 24), Units(3, 3, 2, 6, 32), Units(4, 3, 2, 6, 64), Units(3, 3, 1, 6, 96),
         Units(3, 3, 2, 6, 160), Units(1, 3, 1, 6, 320))
OLDER = 'mobl0_conv_0_depthwise'  # a layer by which the files of Keras's first MobileNetV2 are known


def build(images, config, layers):
    """Decoded maps of `build_decoder`, on images [B, S, S, 3], normalised."""
    return decoded(build_trunk(images, TRUNKS[config.trunk].scope, layers), NARROW, config, layers)


def build_trunk(images, scope, layers):
    """Outputs {1: [B, S/4, S/4, 24], ..., 4: [B, S/32, S/32, 320]} of images [B, S, S, 3], normalised."""
    with tf.variable_scope(scope):
        x = layers.named_conv_norm(images, STEM, 3, 'Conv/weights', 'Conv/BatchNorm', 2, EPSILON, tf.nn.relu6)
        return build_units(x, UNITS, _scope, _names, layers)


def _scope(i):
    return 'expanded_conv_%d' % i if i else 'expanded_conv'


def _names(row):
    return Names(('expand/weights', 'expand/BatchNorm') if row.expansion > 1 else None,
                 ('depthwise/depthwise_weights', 'depthwise/BatchNorm'), ('project/weights', 'project/BatchNorm'))


def _from_keras(layers, trunk):
    """{variable: array} of MobileNetV2 of keras.applications (NamedArrays of its layers), without the classifier."""
    values = {}
    names = _older_layer if OLDER in layers else _layer
    pairs = [('Conv/weights', 'Conv/BatchNorm', 'Conv1', 'bn_Conv1')]
    for i, (row, _) in enumerate(each_unit(UNITS)):
        for kind, own in _names(row)._asdict().items():
            if own:
                pairs.append(tuple('%s/%s' % (_scope(i), part) for part in own) + names(i, kind))
    for weights, scope, convolution, norm in pairs:
        values['%s/%s' % (trunk.scope, weights)], = layers.take(convolution, 4)  # also by channels: [rows, columns, channels, 1]
        values.update(batch_norm('%s/%s' % (trunk.scope, scope), layers.take(norm, 1, 1, 1, 1), EPSILON, own_epsilon=EPSILON))
    layers.drop('Conv_1', 'Conv_1_bn', 'predictions', 'Logits')
    layers.finish()
    return values


def _layer(i, kind):
    """Keras's (convolution, batch norm) of a unit."""
    stem = 'block_%d_%s' % (i, kind) if i else 'expanded_conv_' + kind
    return stem, stem + '_BN'


def _older_layer(i, kind):
    return 'mobl%d_conv_%d_%s' % (i, i, kind), 'bn%d_conv_%d_bn_%s' % (i, i, kind)


CONVERT = {KERAS: _from_keras, slim.LIBRARY: slim.averaged}
