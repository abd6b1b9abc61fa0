"""Photometric distortion: brightness, saturation, hue and contrast in one of four orders, in one pass over planes of red, green and blue.

The four published orders are one chain of five operations, affine, saturation, affine, hue, affine, as hue commutes with
brightness (it only depends on differences of channels, and brightness adds one number to all) and with saturation (other
coordinates of HSV); brightness and contrast are affine. So nothing branches, and no image is converted to HSV:

    order 0: brightness, saturation, hue, contrast    = (brightness) saturation ()                     hue (contrast)
    order 1: saturation, brightness, contrast, hue    = ()           saturation (brightness, contrast) hue ()
    order 2: contrast, hue, brightness, saturation    = (contrast, brightness) saturation ()           hue ()
    order 3: hue, saturation, contrast, brightness    = ()           saturation ()                     hue (contrast, brightness)
"""
import numpy as np

from blitznet_estimator.runtime import tf

ORDERS = 4
BRIGHTNESS = .125  # added, at most, either way
SATURATION = (.5, 1.5)
HUE = .07  # of the whole circle, at most, either way
CONTRAST = (.5, 1.5)
_BRIGHTNESS_STEP = np.array([0, 1, 0, 2], np.int32)  # in which of the three affine steps, per order
_CONTRAST_STEP = np.array([2, 1, 0, 2], np.int32)
_TINY = 1e-9


def affine_steps(order, brightness, contrast):
    """(gain, shift) [B, 3] of the chain's affine steps, for order [B] int32 and amounts [B]."""
    gain = tf.where(_at_step(_CONTRAST_STEP, order), _per_step(contrast), tf.ones_like(_per_step(contrast)))
    shift = tf.where(_at_step(_BRIGHTNESS_STEP, order), _per_step(brightness), tf.zeros_like(_per_step(brightness)))
    return gain, shift


def distort(planes, count, gain, shift, saturation, hue):
    """Distorted [red, green, blue], clipped to [0, 1].

    Args:
      planes: three tensors [N] of pixels.
      count: the pixels from this one on stand for the whole image, whose mean contrast leaves as it is.
      gain, shift: [3], of the affine steps.
      saturation, hue: scalars.
    """
    planes = [_affine(plane, gain[0], shift[0], count) for plane in planes]
    planes = _saturate(planes, saturation)
    planes = [_affine(plane, gain[1], shift[1], count) for plane in planes]
    planes = _turn(planes, hue)
    planes = [_affine(plane, gain[2], shift[2], count) for plane in planes]
    return [tf.minimum(tf.maximum(plane, 0.), 1.) for plane in planes]


def _per_step(amount):
    return tf.tile(amount[:, None], [1, 3])


def _at_step(steps, order):
    return tf.equal(tf.gather(steps, order)[:, None], np.arange(3, dtype=np.int32))


def _affine(plane, gain, shift, count):
    """Contrast about the mean, and brightness."""
    return plane * gain + ((1 - gain) * tf.reduce_mean(plane[count:]) + shift)


def _saturate(planes, factor):
    """Saturation of HSV times `factor`, at most 1: at a given hue and value = max(rgb), value - rgb grows in proportion to it."""
    red, green, blue = planes
    value = tf.maximum(tf.maximum(red, green), blue)
    chroma = value - tf.minimum(tf.minimum(red, green), blue)
    # maximum, as a sum would be reordered: value + (_TINY - min) is 0 for black pixels that were darkened
    factor = tf.minimum(tf.maximum(value, 0.) / tf.maximum(chroma, _TINY), factor)
    return [value - (value - plane) * factor for plane in planes]


def _turn(planes, hue):
    """Hue of HSV turned by `hue`, at most 1/6 either way.

    Along the circle of hue a channel rises, stays at the maximum, falls, and stays at the minimum. Stretched to a triangle
    wave by 2 x - median (which leaves the median channel as it is, and puts the others as far beyond their limit as they
    are from leaving it), it moves by six times the turn, up or down as its neighbours compare, and the limits cut it again.
    """
    red, green, blue = planes
    low, high = tf.minimum(red, green), tf.maximum(red, green)
    most, least = tf.maximum(high, blue), tf.minimum(low, blue)
    median = tf.maximum(low, tf.minimum(high, blue))
    step = (most - least) * (6 * hue)
    up, down = step - median, -(step + median)
    return [tf.minimum(tf.maximum(plane + plane + tf.where(before > after, up, down), least), most)
            for plane, before, after in ((red, blue, green), (green, red, blue), (blue, green, red))]
