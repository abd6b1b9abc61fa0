"""ResNet-18 and ResNet-34 as torchvision has them (arXiv 1512.03385, table 1): units of two 3x3 convolutions.

A layer of stride 2 is padded by one pixel on all sides, as PyTorch pads it. TensorFlow's SAME pads an even side by none and one.
"""
from blitznet_estimator.published_weights import TORCH
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import EPSILON
from model_fn.network.ops import depth_of
from model_fn.network.trunks.resnet import NARROW, decoded
from model_fn.weights.named_arrays import batch_norm

UNITS = {'resnet18': (2, 2, 2, 2), 'resnet34': (3, 4, 6, 3)}  # of block1 to block4
DEPTHS = 64, 128, 256, 512


def build(images, config, layers):
    """Decoded maps of `build_decoder`, on images [B, S, S, 3], normalised."""
    return decoded(build_trunk(images, config.trunk, layers), NARROW, config, layers)


def build_trunk(images, name, layers):
    """Outputs {1: [B, S/4, S/4, 64], ..., 4: [B, S/32, S/32, 512]} of images [B, S, S, 3], normalised; name: of the trunk."""
    maps = {}
    with tf.variable_scope(TRUNKS[name].scope):
        x = layers.conv_norm(_padded(images, 3), DEPTHS[0], 7, 'conv1', stride=2, padding='VALID')
        x = tf.nn.max_pool(_padded(x, 1), [1, 3, 3, 1], [1, 2, 2, 1], 'VALID')  # 0 is as good as nothing: relu comes before
        for i, (units, depth) in enumerate(zip(UNITS[name], DEPTHS), start=1):
            for j in range(1, units + 1):
                with tf.variable_scope('block%d/unit_%d/basic_v1' % (i, j)):
                    x = _unit(x, depth, 2 if i > 1 and j == 1 else 1, layers)
            maps[i] = x
    return maps


def _unit(x, depth, stride, layers):
    """[B, h, w, _] -> [B, ceil(h / stride), ceil(w / stride), depth]."""
    shortcut = layers.ops.strided_pixels(x, stride) if stride > 1 else x
    if depth_of(x) != depth:
        shortcut = layers.conv_norm(shortcut, depth, 1, 'shortcut', relu=False)
    if stride > 1:
        x = layers.conv_norm(_padded(x, 1), depth, 3, 'conv1', stride, 'VALID')
    else:
        x = layers.conv_norm(x, depth, 3, 'conv1')
    return tf.nn.relu(shortcut + layers.conv_norm(x, depth, 3, 'conv2', relu=False))


def _padded(x, by):
    """[B, h, w, _] with zeros on all sides."""
    return tf.pad(x, [[0, 0], [by, by], [by, by], [0, 0]])


def _from_torch(modules, trunk):
    """{variable: array} of torchvision's ResNet-18 or 34 (NamedArrays of its modules), without the classifier."""
    names = {'conv1': ('conv1', 'bn1')}
    for i, units in enumerate(next(units for name, units in UNITS.items() if TRUNKS[name] is trunk), start=1):
        for j in range(units):
            scope, module = 'block%d/unit_%d/basic_v1/' % (i, j + 1), 'layer%d.%d.' % (i, j)
            names.update({scope + 'conv%d' % k: (module + 'conv%d' % k, module + 'bn%d' % k) for k in (1, 2)})
            if i > 1 and j == 0:
                names[scope + 'shortcut'] = module + 'downsample.0', module + 'downsample.1'
    values = {}
    for scope, (convolution, norm) in names.items():
        scope = '%s/%s' % (trunk.scope, scope)
        kernel, = modules.take(convolution, 4)  # [outputs, inputs, rows, columns]
        values[scope + '/weights'] = kernel.transpose(2, 3, 1, 0)
        values.update(batch_norm(scope + '/BatchNorm', modules.take(norm, 1, 1, 1, 1), EPSILON))
    modules.drop('fc')
    modules.finish()
    return values


CONVERT = {TORCH: _from_torch}
