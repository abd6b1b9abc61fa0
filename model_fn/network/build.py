"""The network: images to raw outputs, by the configuration."""
import contextlib

from blitznet_estimator.checks import check_architecture
from blitznet_estimator.freezing import is_frozen
from blitznet_estimator.heads import heads_of
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.kernels.dispatch import choose
from model_fn.network import heads
from model_fn.network.folded_weights import FoldedValues, folded_weights
from model_fn.network.layers import Layers, frozen_variables
from model_fn.network.trunks import module_of


def build_network(images, config, training, checkpoint=None, normalised=False, cpu_precision=None, freeze=()):
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
      cpu_precision: of a graph that is for a CPU, 'fp32' or 'mixed': its ops are those of `kernels.dispatch.choose`.
      freeze: parts of the network, of `freezing.FREEZABLE`, whose variables are not trainable, and whose batch norm uses its moving averages.
    """
    if config.num_classes < 2:
        raise ValueError('num_classes is %d; it counts the background, so it is at least 2' % config.num_classes)
    check_architecture(config)
    trunk = TRUNKS[config.trunk]
    folded = FoldedValues(checkpoint, {} if normalised else {trunk.first_weights: trunk.normalisation}) if checkpoint else None
    layers = Layers(choose(cpu_precision, with_gradients=training), training, config.bn_decay, config.sync_batch_norm, folded,
                    lambda name: is_frozen(name, freeze, config))
    with folded_weights(folded) if folded else frozen_variables(layers.frozen) if freeze else contextlib.nullcontext():
        if not normalised:
            images = centred(images, trunk.normalisation) if folded else normalise(images, trunk.normalisation, layers.ops)
        outputs = _outputs(images, config, layers)
    with tf.name_scope(None):  # the names are a contract, wherever this is called
        return {name: tf.identity(output, name=name) for name, output in outputs.items()}


def _outputs(images, config, layers):
    built = module_of(TRUNKS[config.trunk]).build(images, config, layers)
    maps = [built[name] for name in config.detection_maps]
    outputs = {}
    for name in heads_of(config):
        outputs.update(heads.BUILD[name](maps, config, layers))
    return outputs


def normalise(images, normalisation, ops):
    """RGB in [0, 1] -> what a trunk takes, by its Normalisation. ops: a `PlainOps`."""
    ordered = ops.reverse_channels(images) if normalisation.bgr else images
    scales = [255. / deviation for deviation in normalisation.ordered_deviation]
    means = [mean / deviation for mean, deviation in zip(normalisation.ordered_mean, normalisation.ordered_deviation)]
    if len(set(scales)) == 1:
        return _by_rows(ordered * scales[0], lambda rows, of_rows: rows - of_rows(means))
    return _by_rows(ordered, lambda rows, of_rows: rows * of_rows(scales) - of_rows(means))


def centred(images, normalisation):
    """RGB in [0, 1] without the mean, for weights that do the rest of `normalise` themselves: `FoldedValues` of images."""
    means = [mean / 255 for mean in normalisation.mean]
    return _by_rows(images, lambda rows, of_rows: rows - of_rows(means))


def _by_rows(images, change):
    """[B, S, S, 3], changed row by row: an operation over three channels at a time takes three times as long on a CPU.

    change: (rows [B, S, S * 3], function from a number per channel to [S * 3]) -> rows.
    """
    height, width = [int(side) for side in images.shape[1:3]]
    changed = change(tf.reshape(images, [-1, height, width * 3]), lambda channels: tf.constant(list(channels) * width))
    return tf.reshape(changed, [-1, height, width, 3])
