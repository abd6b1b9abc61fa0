"""The network: images to raw outputs, by the configuration."""
import contextlib

from blitznet_estimator.config import MEAN_RGB
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from model_fn.kernels import cpu
from model_fn.network import resnet, vgg
from model_fn.network.decoder import build_decoder
from model_fn.network.folded_weights import folded_weights
from model_fn.network.heads import detection_head, segmentation_head
from model_fn.network.layers import SMALL, XAVIER, Norm


def build_network(images, config, training, checkpoint=None, normalised=False, cpu_precision=None):
    """Raw outputs of images [B, S, S, 3] (RGB in [0, 1]), as tensors of these names: those of the configured heads.

    confidence    [B, A, num_classes]     before softmax
    location      [B, A, 4]               encoded offsets from the anchors
    segmentation  [B, s, s, num_classes]  logits

    Args:
      images: float32, of static shape but for B, which may be unknown.
      config: a NetworkConfig.
      training: whether batch norm uses the batch's statistics, and UPDATE_OPS gets the updates of its moving averages.
      checkpoint: path of one whose values the graph holds as `folded_weights`, instead of variables; not for training.
      normalised: whether the images are as `normalise` gives them already.
      cpu_precision: of a graph that is for a CPU, 'fp32' or 'mixed': see `cpu.tuned`.
    """
    _check(config)
    folded = bool(checkpoint)
    of_images = None if normalised else _first_weights(config)
    with folded_weights(checkpoint, of_images) if folded else contextlib.nullcontext(), cpu.tuned(cpu_precision, training):
        if not normalised:
            images = centred(images) if folded else normalise(images)
        outputs = _outputs(images, config, Norm(training, config.bn_decay, folded))
    with tf.name_scope(None):  # the names are a contract, wherever this is called
        return {name: tf.identity(output, name=name) for name, output in outputs.items()}


def _outputs(images, config, norm):
    maps = _feature_maps(images, config, norm)
    maps = [maps[name] for name in config.detection_maps]
    outputs = {}
    if config.detect:
        outputs['confidence'], outputs['location'] = detection_head(
            maps, config.anchors_per_cell, config.num_classes, config.det_kernel, _head_scopes(config),
            initializer=XAVIER if config.trunk == 'vgg16' else SMALL)
    if config.segment:
        outputs['segmentation'] = segmentation_head(maps, config.num_classes, config.n_base_channels, config.seg_filter_size)
    return outputs


def normalise(images):
    """RGB in [0, 1] -> BGR in [0, 255] without the mean, which is what published trunks take."""
    flipped = tf.reverse(images, [-1]) if cpu.precision() else tf.concat(tf.split(images, 3, axis=-1)[::-1], axis=-1)
    return _shifted(flipped * 255., MEAN_RGB[::-1])


def centred(images):
    """RGB in [0, 1] without the mean, for weights that do the rest of `normalise` themselves: `folded_weights` of images."""
    return _shifted(images, [mean / 255 for mean in MEAN_RGB])


def _shifted(images, mean):
    """[B, S, S, 3] less the mean of each channel, row by row: an operation over three channels at a time takes three times as long on a CPU."""
    height, width = [int(side) for side in images.shape[1:3]]
    return tf.reshape(tf.reshape(images, [-1, height, width * 3]) - tf.constant(list(mean) * width), [-1, height, width, 3])


def _first_weights(config):
    """Name of the weights that see the images."""
    return vgg.FIRST_WEIGHTS if config.trunk == 'vgg16' else resnet.TRUNKS[config.trunk].scope + resnet.FIRST_WEIGHTS


def trunk_prefixes(config):
    """What the names of the trunk's own variables start with: those that a classification checkpoint brings."""
    if config.trunk == 'vgg16':
        return tuple('%s/%s/' % (vgg.SCOPE, layer) for layer in vgg.TRUNK_LAYERS)
    return (resnet.TRUNKS[config.trunk].scope + '/',)


def _check(config):
    if config.num_classes < 2:
        raise ValueError('num_classes is %d; it counts the background, so it is at least 2' % config.num_classes)
    if not config.detect and not config.segment:
        raise UserError('--nodetect with --nosegment leaves a network without a head: leave one of them out.')
    if config.trunk == 'vgg16' and (config.x4 or config.segment or config.head == 'shared'):
        raise UserError('--trunk=vgg16 (SSD300) only detects, with a head for each map: it goes with --nosegment --nox4 --head=nonshared.')


def _feature_maps(images, config, norm):
    """{name in config.detection_maps: map [B, h, w, depth]}."""
    if config.trunk == 'vgg16':
        return vgg.build_vgg(images, config.image_size)
    blocks = resnet.build_resnet(images, resnet.TRUNKS[config.trunk], config.last_block, norm)
    return build_decoder(blocks, 1 if config.x4 else 2, config.top_fm, config.resize, norm)


def _head_scopes(config):
    """(confidence, location) scopes of each detection map, as published checkpoints name them."""
    if config.head == 'shared':
        return [('confidence', 'location')] * len(config.detection_maps)
    paths = [_published_path(name) for name in config.detection_maps]
    pattern = '{path}/{kind}' if config.trunk == 'vgg16' else '{kind}/{path}'
    return [tuple(pattern.format(kind=kind, path=path) for kind in ('confidence', 'location')) for path in paths]


def _published_path(name):
    """Where published checkpoints have a detection map: rev1 -> ssd_back/block_rev1, conv4_3 -> vgg_16/conv4/conv4_3."""
    if name == 'pool6':
        return 'ssd/pool6'
    if name.startswith('rev'):
        return 'ssd_back/block_' + name
    return '/'.join([vgg.SCOPE] + ([name.split('_')[0]] if '_' in name else []) + [name])
