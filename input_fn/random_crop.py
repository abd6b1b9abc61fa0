"""The random crop that must cover a box, for a batch of images at once.

Its distribution is that of `tf.image.sample_distorted_bounding_box`: up to 50 tries, each with an aspect ratio, then a
height among those whose area fits, then a place; the first try that covers some box enough is taken, the whole image when
none does. All tries of all images are drawn together, in a few operations.
"""
from blitznet_estimator.runtime import tf

TRIES = 50
NUMBERS = 4  # random numbers per try
COVERAGES = (0., .1, .3, .5, .7, .9)
ASPECT_RATIOS = (.5, 2.)  # width / height
AREAS = (.3, 1.)  # of the image's


def sample_crops(size, boxes, coverage, uniform):
    """Windows (top, left, height, width) [B, 4] float32, in whole pixels.

    Args:
      size: [B, 2] float32, height and width of the images in pixels.
      boxes: [B, N, 4] float32 in pixels; empty ones count as none.
      coverage: [B] float32, the least part of some box that the crop must hold.
      uniform: [B, TRIES, NUMBERS] random numbers in [0, 1).
    """
    height, width = size[:, 0, None], size[:, 1, None]  # [B, 1]
    crop_height, crop_width, fits = _shapes(height, width, uniform[..., 0], uniform[..., 1])  # [B, TRIES]
    top = tf.floor(uniform[..., 2] * (height - crop_height))
    left = tf.floor(uniform[..., 3] * (width - crop_width))
    crops = tf.stack([top, left, crop_height, crop_width], axis=-1)  # [B, TRIES, 4]
    good = fits & _covers(crops, boxes, coverage)
    whole = tf.concat([tf.zeros_like(size), size], axis=1)[:, None]  # [B, 1, 4]
    good = tf.pad(good, [[0, 0], [0, 1]], constant_values=True)
    first = tf.argmax(tf.cast(good, tf.int32), axis=1, output_type=tf.int32)  # [B]
    return tf.gather(tf.concat([crops, whole], axis=1), first[:, None], batch_dims=1)[:, 0]


def _shapes(height, width, aspect_number, height_number):
    """Heights and widths of the tries [B, TRIES], and whether they fit the image and the range of areas."""
    aspect = ASPECT_RATIOS[0] + aspect_number * (ASPECT_RATIOS[1] - ASPECT_RATIOS[0])
    least, most = AREAS[0] * height * width, AREAS[1] * height * width
    lowest = tf.round(tf.sqrt(least / aspect))
    # The highest whose width, rounded, is still within the image.
    highest = tf.minimum(tf.minimum(tf.round(tf.sqrt(most / aspect)), tf.floor((width + .49999) / aspect)), height)
    lowest = tf.minimum(lowest, highest)
    crop_height = tf.minimum(lowest + tf.floor(height_number * (highest - lowest + 1)), highest)
    # Rounding may leave the area just out of its range: a pixel more or less mends it.
    area = crop_height * tf.round(crop_height * aspect)
    crop_height += tf.cast(area < least, tf.float32)
    area = crop_height * tf.round(crop_height * aspect)
    crop_height -= tf.cast(area > most, tf.float32)
    crop_width = tf.round(crop_height * aspect)
    area = crop_height * crop_width
    fits = (area >= least) & (area <= most) & (crop_height <= height) & (crop_width <= width) & (area > 0)
    return crop_height, crop_width, fits


def _covers(crops, boxes, coverage):
    """Whether each try [B, TRIES] covers some box of its image by `coverage` at least."""
    low = tf.maximum(crops[:, :, None, :2], boxes[:, None, :, :2])  # [B, TRIES, N, 2]
    high = tf.minimum(crops[:, :, None, :2] + crops[:, :, None, 2:], boxes[:, None, :, 2:])
    inside = tf.maximum(high - low, 0.)
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])  # [B, N]
    needed = tf.where(area > 0, coverage[:, None] * area, tf.fill(tf.shape(area), float('inf')))
    return tf.reduce_any(inside[..., 0] * inside[..., 1] >= needed[:, None], axis=2)
