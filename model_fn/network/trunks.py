"""The function that builds each trunk, by the names of `blitznet_estimator.trunks.TRUNKS`.

A function takes images [B, S, S, 3] (normalised), the NetworkConfig and the `Layers`. It gives {name of a detection map: [B, h, w, depth]}.
"""
import functools

from blitznet_estimator.trunks import TRUNKS
from model_fn.network import resnet
from model_fn.network.decoder import build_decoder
from model_fn.network.vgg import build_vgg


def _decoded(images, config, layers, widths):
    """A residual trunk with the decoder on top."""
    trunk = TRUNKS[config.trunk]
    blocks = resnet.build_resnet(images, trunk.scope, widths, len(trunk.block_sides(config.image_size)), layers)
    return build_decoder(blocks, trunk.first_block(config), config.top_fm, config.resize, layers)


def _ssd(images, config, layers):
    del config  # it has one form alone
    return build_vgg(images, layers)


BUILD = {
    'tiny': functools.partial(_decoded, widths=resnet.TINY),
    'resnet50': functools.partial(_decoded, widths=resnet.RESNET50),
    'resnet101': functools.partial(_decoded, widths=resnet.RESNET101),
    'vgg16': _ssd,
}
