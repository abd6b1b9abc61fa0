"""EfficientNet-Lite0 (arXiv 1905.11946, without squeeze-and-excitation, with ReLU6), by the names of TensorFlow's published checkpoint.

Blocks 1 to 4 of the decoder's count are the last MBConv blocks of stride 4, 8, 16 and 32. The deeper ones are BlitzNet's own, as below `tiny`.
The published network drops whole branches at random while it is trained; this one does not.
"""
import collections

from blitznet_estimator.published_weights import TORCH
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.decoder import build_decoder
from model_fn.network.ops import depth_of
from model_fn.network.trunks.resnet import Block, extra_blocks
from model_fn.weights.named_arrays import batch_norm

# units in a row: the first has the stride and widens the map; expansion: of the depth, between a unit's two 1x1 convolutions
MBConv = collections.namedtuple('MBConv', 'units size stride expansion depth')
STEM, HEAD = 32, 1280  # the head is of the classifier, which is not built
BLOCKS = (MBConv(1, 3, 1, 1, 16), MBConv(2, 3, 2, 6, 24), MBConv(2, 5, 2, 6, 40), MBConv(3, 3, 2, 6, 80), MBConv(3, 5, 1, 6, 112),
          MBConv(4, 5, 2, 6, 192), MBConv(1, 3, 1, 6, 320))
EXTRA = Block(1, 256, 64)  # each of block5 and deeper
EPSILON = 1e-3  # of batch norm
NORM = 'tpu_batch_normalization'  # and _1, _2 in the order in which they are made, as conv2d


def build(images, config, layers):
    """Decoded maps of `build_decoder`, on images [B, S, S, 3], normalised."""
    trunk = TRUNKS[config.trunk]
    maps = build_trunk(images, trunk.scope, layers)
    extra_blocks(maps, EXTRA, len(trunk.block_sides(config.image_size)), layers)
    return build_decoder(maps, trunk.first_block(config), config.top_fm, config.resize, layers)


def build_trunk(images, scope, layers):
    """Outputs {1: [B, S/4, S/4, 24], ..., 4: [B, S/32, S/32, 320]} of images [B, S, S, 3], normalised."""
    ends = []
    with tf.variable_scope(scope):
        with tf.variable_scope('stem'):
            x = layers.named_conv_norm(images, STEM, 3, 'conv2d/kernel', NORM, 2, EPSILON, tf.nn.relu6)
        for i, (block, stride) in enumerate(units()):
            if stride > 1:
                ends.append(x)
            with tf.variable_scope('blocks_%d' % i):
                x = _mbconv(x, block, stride, layers)
    return dict(enumerate(ends[1:] + [x], start=1))  # the first end has stride 2


def units():
    """[(MBConv, stride)] of each unit."""
    return [(block, block.stride if i == 0 else 1) for block in BLOCKS for i in range(block.units)]


def _mbconv(x, block, stride, layers):
    """Widened, convolved by channels, and narrowed to a linear map; added to what came in where both are alike."""
    expand, depthwise, project = names(block)
    y = x
    if expand:
        y = layers.named_conv_norm(y, depth_of(x) * block.expansion, 1, *expand, epsilon=EPSILON, activation=tf.nn.relu6)
    y = layers.named_conv_norm(y, None, block.size, *depthwise, stride=stride, epsilon=EPSILON, activation=tf.nn.relu6)
    y = layers.named_conv_norm(y, block.depth, 1, *project, epsilon=EPSILON)
    return x + y if stride == 1 and depth_of(x) == block.depth else y


def names(block):
    """(weights, scope of batch norm) of the three convolutions of a unit; None for the first where nothing is widened."""
    first = ('conv2d/kernel', NORM) if block.expansion > 1 else None
    shift = 1 if first else 0
    return (first, ('depthwise_conv2d/depthwise_kernel', NORM + ('_1' if shift else '')),
            ('conv2d%s/kernel' % ('_1' if shift else ''), '%s_%d' % (NORM, shift + 1)))


def _from_torch(modules, trunk):
    """{variable: array} of the package efficientnet_lite_pytorch (NamedArrays of its modules), without the classifier."""
    pairs = [('stem/conv2d/kernel', 'stem/' + NORM, '_conv_stem', '_bn0')]
    for i, (block, _) in enumerate(units()):
        for name, conv, norm in zip(names(block), ('_expand_conv', '_depthwise_conv', '_project_conv'), ('_bn0', '_bn1', '_bn2')):
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
