"""Each file of an export against the checkpoint: both are run on the same pictures, and what differs is measured."""
import collections
import itertools

import cv2
import numpy as np

from blitznet_estimator import boxes as box_ops
from blitznet_estimator import checkpoint_variables
from blitznet_estimator.averaged_weights import stored_name
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.host_postprocess import of_image, postprocess
from blitznet_estimator.evaluation.metrics import BEST_METRICS
from blitznet_estimator.host_session import host_session
from blitznet_estimator.logs import log
from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf

# The most that a file may differ, by its precision. raw: the largest difference of an output, as a part of its largest value; boxes: the share
# of sure boxes that the file does not find; mask: the share of pixels with another class.
Differences = collections.namedtuple('Differences', 'raw boxes mask')
TOLERANCES = {
    # Measured: 1e-6 of raw outputs with a trained tiny network, 4e-6 with blitznet300; no box and no pixel. Where a network has hardly learnt,
    # its scores are nearly equal, and rounding decides: a box of ten, and a pixel of 200.
    'float32': Differences(1e-4, .1, .005),
    # Measured: .002 of raw outputs with a trained network, .04 with random weights; no box, and .0006 of the pixels.
    'float16': Differences(.1, .2, .02),
    # Measured: .1 of raw outputs, no box, and .009 of the pixels with a trained network, .06 with random weights. These limits find a
    # conversion that went wrong; how much a network loses is told by its accuracy, which --quantize=int8 measures.
    'dynamic': Differences(.6, .7, .3),
    'int8': Differences(.6, .7, .3)}
SURE = .5  # least score of a box that is looked for: of many unsure ones of nearly one score NMS keeps now this one, now that one
MOST_SURE = 50  # boxes of a picture: a network that is sure of more has learnt nothing, and NMS chooses among equals
SAME_SCORE = .1  # largest difference of the scores of two boxes that are the same
MOST_LOST = .01  # of a metric, by int8
SAME_BOX = .7  # IoU of two boxes that are the same
SAME_SIDE = 1e-3  # or else the largest difference of a coordinate: a box that lies beyond the picture is clipped to nothing, and has no IoU


class Reference:
    """A checkpoint's raw outputs, from a graph of plain operations with variables that are restored. To be closed."""

    def __init__(self, config, checkpoint, serving_model):
        self._side = config.network.image_size
        with tf.Graph().as_default():
            self._image = tf.placeholder(tf.float32, [None, self._side, self._side, 3])
            self._raw = serving_model.raw_outputs(self._image, config, None)
            self._session = host_session()
            names = checkpoint_variables.shapes(tf.train.load_checkpoint(checkpoint))
            tf.train.Saver({stored_name(variable.op.name, names): variable for variable in tf.global_variables()}).restore(self._session, checkpoint)

    def outputs(self, picture):
        """{name: raw output [1, ...]} of RGB uint8 pixels [H, W, 3]."""
        return self._session.run(self._raw, {self._image: network_input(picture, self._side)[None]})

    def close(self):
        """End the session."""
        self._session.close()


def some_pictures(samples, count, side):
    """The pixels of the first `count` samples, RGB uint8 [H, W, 3]; drawn ones where there are none: no count, or no data on this machine.

    samples: () -> iterator of samples.
    """
    if count:
        try:
            return [sample.image() for sample in itertools.islice(samples(), count)]
        except UserError as error:
            log.warning('The export is compared on drawn pictures, as the evaluation split cannot be read: %s', error)
    return [_drawn(side + 40 * number, side, number) for number in range(2)]


def fitting(picture, most):
    """A picture RGB uint8 [H, W, 3], made smaller where it has more than `most` pixels, which the exported graph would refuse."""
    height, width = picture.shape[:2]
    scale = (most / (height * width)) ** .5
    if scale >= 1:
        return picture
    return cv2.resize(picture, (max(int(width * scale), 1), max(int(height * scale), 1)), interpolation=cv2.INTER_AREA)


def _drawn(height, width, seed):
    blotches = np.random.RandomState(seed).randint(0, 256, (8, 8, 3)).astype(np.uint8)
    return cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)


def compare(config, exported, pictures, expected, found):
    """The Differences of a file, the largest of all pictures; None for what it does not give.

    Args:
      pictures: RGB uint8 [H, W, 3]. expected: the checkpoint's raw outputs of each. found: the file's outputs, raw or complete.
    """
    rows = []
    for picture, raw, outputs in zip(pictures, expected, found):
        size = [picture.shape[:2]]
        ours = of_image(postprocess(raw, size, config.network, config.detection), 0)
        theirs = of_image(postprocess(outputs, size, config.network, config.detection) if exported.outputs == 'raw' else dict(outputs, size=size), 0)
        rows.append(Differences(
            float(np.max([_relative(outputs[name], raw[name]) for name in raw])) if exported.outputs == 'raw' else None,
            _missing(ours, theirs) if 'boxes' in ours else None,
            float(np.mean(ours['segmentation'] != theirs['segmentation'])) if 'segmentation' in ours else None))
    return Differences(*[float(np.max(values)) if values[0] is not None else None for values in zip(*rows)])  # NaN, if there is one


def _relative(found, expected):
    """The largest difference, as a part of the largest value."""
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), np.finfo(np.float32).tiny))


def _missing(expected, found):
    """The share of boxes of at least SURE that have no counterpart of the same class and about the same score; 0 where more than MOST_SURE are."""
    sure = expected['scores'] >= SURE
    if not 0 < sure.sum() <= MOST_SURE:
        return 0.
    sought = expected['boxes'][sure]
    same = box_ops.iou(sought, found['boxes']) >= SAME_BOX
    same |= np.abs(sought[:, None] - found['boxes'][None]).max(axis=-1) <= SAME_SIDE
    same &= expected['classes'][sure][:, None] == found['classes'][None]
    same &= np.abs(expected['scores'][sure][:, None] - found['scores'][None]) <= SAME_SCORE
    return float(1 - same.any(axis=1).mean())


def check(exported, differences):
    """UserError where a file differs by more than TOLERANCES allow."""
    limits = TOLERANCES[exported.precision]
    beyond = ['%s %.2g, at most %g' % (name, value, limit) for name, value, limit in zip(limits._fields, differences, limits)
              if value is not None and not value <= limit]
    if beyond:
        without = 'Export without --quantize' if exported.precision == 'int8' else 'Leave it out of --export_formats'
        raise UserError('%s differs from the checkpoint by too much (%s): this format cannot be trusted with this model here. %s.'
                        % (exported.file, '; '.join(beyond), without))


def check_loss(exported, plain, quantized):
    """Say what int8 loses of each metric that an evaluation has; UserError where it is more than MOST_LOST, or where nothing can be measured.

    plain, quantized: results of an evaluation of the float32 file and of this one.
    """
    names = [name for name in BEST_METRICS if plain.get(name) is not None]
    if not names:
        raise UserError('What %s loses by --quantize=int8 cannot be measured, as the evaluation split has no labels for this network: export '
                        'where it has some, or without --quantize.' % exported.file)
    lost = {name: plain[name] - (quantized.get(name) or 0.) for name in names}
    log.info('%s loses %s', exported.file, ', '.join('%.4f of %s %.4f' % (lost[name], name, plain[name]) for name in names))
    worst = max(names, key=lost.get)
    if lost[worst] > MOST_LOST:
        raise UserError('%s loses %.3f of %s by --quantize=int8, and at most %g is allowed: export without --quantize.'
                        % (exported.file, lost[worst], worst, MOST_LOST))
    return lost


def described(differences):
    """The differences as text."""
    parts = [('raw outputs', differences.raw, '%.1e'), ('boxes', differences.boxes, '%.2g'), ('mask', differences.mask, '%.2g')]
    return ', '.join('%s %s' % (name, form % value) for name, value, form in parts if value is not None)
