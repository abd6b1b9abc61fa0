"""Weights of the classes in the segmentation's loss (--class_weights): given ones, or by how many pixels the training split has of each.

TensorFlow is not needed here.
"""
import math

from blitznet_estimator.errors import UserError

NONE = 'none'


def _balanced(pixels, around):
    """Mean number of pixels of the classes over a class's own: together, all classes weigh the same."""
    seen = [count for count in pixels if count]
    return [sum(seen) / len(seen) / max(count, 1) for count in pixels]


def _median(pixels, around):
    """Median frequency balancing: the median of all frequencies over a class's own (SegNet, arXiv 1511.00561, section 3.1; arXiv 1411.4734).

    The frequency is that of a class's pixels among the pixels of the images that hold it.
    """
    frequencies = [count / max(there, 1) for count, there in zip(pixels, around)]
    seen = sorted(frequency for frequency in frequencies if frequency)
    median = (seen[(len(seen) - 1) // 2] + seen[len(seen) // 2]) / 2
    return [median / max(frequency, 1e-12) for frequency in frequencies]


COUNTED = {'balanced': _balanced, 'median': _median}  # (pixels of each class, labelled pixels of the images that hold it) -> weights


def given(text):
    """The weights of --class_weights=`text`, in the order of the classes with the background first; () for `none` and counted ones.

    Raises UserError where it is neither.
    """
    if text == NONE or text in COUNTED:
        return ()
    try:
        weights = tuple(float(item) for item in text.split(','))
    except ValueError:
        raise UserError('--class_weights=%s is none of %s, %s, and no numbers with commas.' % (text, NONE, ', '.join(COUNTED)))
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise UserError('--class_weights=%s: the weights are 0 or more, and not all 0.' % text)
    return weights


def resolved(config, count_pixels):
    """`config` with its train.pixel_weights, one for each class of its network; none where every class weighs the same.

    Args:
      count_pixels: () -> [(pixels, labelled pixels of the images that hold the class), ...] of the training split, for each class from 0 on.

    Raises UserError where there are more or fewer weights than classes.
    """
    text, classes = config.train.class_weights, config.network.num_classes
    weights = given(text)
    if text in COUNTED:
        counts = ([tuple(map(float, pair)) for pair in count_pixels()] + classes * [(0., 0.)])[:classes]
        weights = _counted_weights(text, *zip(*counts))
    if weights and len(weights) != classes:
        raise UserError('--class_weights has %d weights, and there are %d classes with the background: %s.' % (
            len(weights), classes, ', '.join(names(config))))
    return config.replace(train=dict(pixel_weights=tuple(weights)))


def _counted_weights(name, pixels, around):
    """A class without a pixel weighs 1, which is of no consequence."""
    if not any(pixels):
        raise UserError('--class_weights=%s: no pixel of the training split has a label.' % name)
    return [float('%.6g' % weight) if count else 1. for weight, count in zip(COUNTED[name](pixels, around), pixels)]


def names(config):
    """Names of the classes, with the background."""
    return ('background',) + config.data.class_names


def describe(config):
    """One line: the weight of each class."""
    return 'of pixels (%s): %s' % (config.train.class_weights, ', '.join(
        '%s %.3g' % pair for pair in zip(names(config), config.train.pixel_weights)))
