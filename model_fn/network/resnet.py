"""ResNet v1 trunks with bottleneck units (arXiv 1512.03385), and the blocks that BlitzNet adds below them."""
import dataclasses
from typing import Tuple

from blitznet_estimator.runtime import tf
from model_fn.network.ops import depth_of


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


def _published(block3_units):
    blocks = Block(3, 256, 64), Block(4, 512, 128), Block(block3_units, 1024, 256), Block(3, 2048, 512)
    return Widths(64, blocks, extra=Block(2, 2048, 512))


RESNET50, RESNET101 = _published(6), _published(23)
TINY = Widths(24, (Block(2, 64, 32), Block(2, 128, 48), Block(2, 192, 64), Block(2, 256, 64)), extra=Block(1, 256, 64))


def build_resnet(images, scope, widths, last_block, layers):
    """Outputs {1: block1, ..., last_block} of the trunk's blocks, made by `layers`, on images [B, S, S, 3], normalised."""
    maps = {}
    with tf.variable_scope(scope):
        x = _stem(images, widths.stem, layers)
        for i, block in enumerate(widths.blocks[:last_block], start=1):
            x = maps[i] = _block(x, block, 'block%d' % i, layers, stride=1 if i == 1 else 2)
    with tf.variable_scope('ssd'):
        for i in range(len(widths.blocks) + 1, last_block + 1):
            x = maps[i] = _block(x, widths.extra, 'block%d' % i, layers, stride=2)
    return maps


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
