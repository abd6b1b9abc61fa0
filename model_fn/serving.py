"""What an exported graph computes: raw outputs of images, and what is made of them."""
from model_fn.network.build import build_network
from model_fn.predictions.masks import png_masks
from model_fn.predictions.postprocess import predictions


def raw_outputs(images, config, checkpoint, cpu_precision=None):
    """{name: tensor} of the network's raw outputs for images [B, S, S, 3], the checkpoint's weights being constants.

    config: a Config. cpu_precision: as of `build_network`; None gives plain operations, which other runtimes know.
    """
    return build_network(images, config.network, training=False, checkpoint=checkpoint, cpu_precision=cpu_precision)


def finished_outputs(raw, sizes, config):
    """{name: tensor} of the predictions for raw outputs and the sizes [B, 2] of the pictures.

    Beside the masks `segmentation` there are `segmentation_png_bytes` [B], each a PNG of its picture's own size.
    """
    found = predictions(raw, {'size': sizes}, config.network, config.detection)
    del found['size']
    if 'segmentation' in raw:
        found['segmentation_png_bytes'] = png_masks(raw['segmentation'], sizes)
    return found
