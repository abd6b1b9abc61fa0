"""ResNet v1 trunks with bottleneck units (arXiv 1512.03385), and the blocks that BlitzNet adds below them."""
import dataclasses
from typing import Tuple

from blitznet_estimator.published_weights import KERAS
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.decoder import build_decoder
from model_fn.network.ops import depth_of
from model_fn.weights import slim
from model_fn.weights.named_arrays import batch_norm


@dataclasses.dataclass(frozen=True)
class Block:
    """Bottleneck units in a row."""
    units: int
    depth: int  # of the output
    inner: int  # depth of the 3x3 convolution


@dataclasses.dataclass(frozen=True)
class Widths:
    """How deep and wide a trunk is."""
    stem: int  # depth of conv1
    blocks: Tuple[Block, ...]  # block1 to block4, in the trunk's scope
    extra: Block  # each of block5 and deeper, in the scope `ssd`


NARROW = Block(1, 256, 64)  # for the extra blocks of small trunks


def _published(block3_units):
    blocks = Block(3, 256, 64), Block(4, 512, 128), Block(block3_units, 1024, 256), Block(3, 2048, 512)
    return Widths(64, blocks, extra=Block(2, 2048, 512))


WIDTHS = {
    'resnet50': _published(6),
    'resnet101': _published(23),
    'tiny': Widths(24, (Block(2, 64, 32), Block(2, 128, 48), Block(2, 192, 64), Block(2, 256, 64)), extra=NARROW),
}


def build(images, config, layers):
    """Decoded maps of `build_decoder`, on images [B, S, S, 3], normalised."""
    trunk = TRUNKS[config.trunk]
    blocks = build_resnet(images, trunk.scope, WIDTHS[config.trunk], len(trunk.block_sides(config.image_size)), layers)
    return build_decoder(blocks, trunk.first_block(config), config.top_fm, config.resize, layers)


def build_resnet(images, scope, widths, last_block, layers):
    """Outputs {1: block1, ..., last_block} of the trunk's blocks, made by `layers`, on images [B, S, S, 3], normalised."""
    maps = {}
    with tf.variable_scope(scope):
        x = _stem(images, widths.stem, layers)
        for i, block in enumerate(widths.blocks[:last_block], start=1):
            x = maps[i] = _block(x, block, 'block%d' % i, layers, stride=1 if i == 1 else 2)
    extra_blocks(maps, widths.extra, last_block, layers)
    return maps


def decoded(maps, extra, config, layers):
    """Decoded maps of `build_decoder`, of a trunk's {1: [B, S/4, S/4, _], ..., 4: [B, S/32, S/32, _]}, below which come BlitzNet's blocks `extra`."""
    trunk = TRUNKS[config.trunk]
    extra_blocks(maps, extra, len(trunk.block_sides(config.image_size)), layers)
    return build_decoder(maps, trunk.first_block(config), config.top_fm, config.resize, layers)


def extra_blocks(maps, block, last_block, layers):
    """Add to a trunk's {number: map} the blocks that BlitzNet has below it, down to `last_block`, each of stride 2."""
    x = maps[max(maps)]
    with tf.variable_scope('ssd'):
        for i in range(len(maps) + 1, last_block + 1):
            x = maps[i] = _block(x, block, 'block%d' % i, layers, stride=2)


def _stem(x, depth, layers):
    """[B, S, S, 3] -> [B, S/4, S/4, depth]."""
    x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])  # not SAME, which pads an even side by 2 and 3
    x = layers.conv_norm(x, depth, 7, 'conv1', stride=2, padding='VALID')
    return tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], 'SAME')


def _block(x, block, scope, layers, stride):
    with tf.variable_scope(scope):
        for i in range(1, block.units + 1):
            with tf.variable_scope('unit_%d' % i):
                x = bottleneck(x, block.depth, block.inner, layers, stride=stride if i == 1 else 1)
    return x


def bottleneck(x, depth, inner, layers, stride):
    """One residual unit, [B, h, w, _] -> [B, ceil(h / stride), ceil(w / stride), depth]. The first 1x1 convolution has the stride, as in Caffe's."""
    with tf.variable_scope('bottleneck_v1'):
        if stride > 1:  # every stride-th pixel, taken once for both branches: strided 1x1 convolutions have slow gradients on CPUs
            x = layers.ops.strided_pixels(x, stride)
        shortcut = x if depth_of(x) == depth else layers.conv_norm(x, depth, 1, 'shortcut', relu=False)
        x = layers.conv_norm(x, inner, 1, 'conv1')
        x = layers.conv_norm(x, inner, 3, 'conv2')
        x = layers.conv_norm(x, depth, 1, 'conv3', relu=False)
        return tf.nn.relu(shortcut + x)


def _from_keras(layers, trunk):
    """{variable: array} of ResNet-50 or 101 of keras.applications (NamedArrays of its layers), whose convolutions have biases."""
    depths = [block.units for block in next(widths for name, widths in WIDTHS.items() if TRUNKS[name] is trunk).blocks]
    names, epsilon = (_older_names(depths), 1e-3) if 'conv1' in layers else (_names(depths), 1.001e-5)
    values = {}
    for scope, (convolution, norm) in names.items():
        scope = '%s/%s' % (trunk.scope, scope)
        values[scope + '/weights'], bias = layers.take(convolution, 4, 1)
        values.update(batch_norm(scope + '/BatchNorm', layers.take(norm, 1, 1, 1, 1), epsilon, bias))
    layers.drop('predictions', 'probs', 'fc1000')
    layers.finish()
    return values


def _names(depths):
    """{scope: (convolution, batch norm)} of Keras's layers since 2019; depths: units of each block."""
    names = {'conv1': ('conv1_conv', 'conv1_bn')}
    for block, unit, scope in _units(depths):
        for i in range(4) if unit == 1 else range(1, 4):
            layer = 'conv%d_block%d_%d_' % (block + 1, unit, i)
            names['%s/%s' % (scope, 'conv%d' % i if i else 'shortcut')] = layer + 'conv', layer + 'bn'
    return names


def _older_names(depths):
    """As `_names`, of the layers of Keras's first ResNet-50: the units of a block are a, b, c."""
    names = {'conv1': ('conv1', 'bn_conv1')}
    for block, unit, scope in _units(depths):
        for own, branch in dict(dict(conv1='2a', conv2='2b', conv3='2c'), **(dict(shortcut='1') if unit == 1 else {})).items():
            layer = '%d%s_branch%s' % (block + 1, chr(ord('a') + unit - 1), branch)
            names['%s/%s' % (scope, own)] = 'res' + layer, 'bn' + layer
    return names


def _units(depths):
    """(block, unit, scope) of each unit."""
    return [(block, unit, 'block%d/unit_%d/bottleneck_v1' % (block, unit))
            for block, units in enumerate(depths, start=1) for unit in range(1, units + 1)]


CONVERT = {KERAS: _from_keras, slim.LIBRARY: slim.to_bgr}
