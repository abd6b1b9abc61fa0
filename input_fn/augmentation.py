"""Augmentation: every random choice for a batch of images, drawn at once, as windows and amounts that the pixels then follow.

The order is BlitzNet's: photometric distortion, zoom-out, crop, flip, resize. Zoom-out, crop and flip are composed on
coordinates first, into one window on the image, so that only the pixels of the picture are computed. Large-scale jitter makes
another window, in the place of zoom-out and crop. Random numbers depend on nothing but the seed and the step.
"""
from blitznet_estimator.runtime import tf
from input_fn import photometric, random_crop

ZOOM = (1.05, 4.)  # sides of the zoomed-out canvas, relative to the image's
FLIP_PROBABILITY = .5
_AMOUNTS = ('order', 'brightness', 'saturation', 'hue', 'contrast', 'zooms', 'zoom', 'top', 'left', 'coverage', 'flip')


def draw(seed, step, count, shard=(0, 1)):
    """The random numbers of a batch of `count` images, in [0, 1): {amount: [count]}, and 'tries' for `random_crop`.

    shard: (index, count) of a worker, which gets those of every image of its turn in the batch of all workers together.
    """
    tries, (index, workers) = random_crop.TRIES * random_crop.NUMBERS, shard
    numbers = tf.random.stateless_uniform([count * workers, len(_AMOUNTS) + tries], tf.stack([tf.cast(seed, tf.int64), step]))
    if workers > 1:
        numbers = numbers[index::workers]
    drawn = {name: numbers[:, i] for i, name in enumerate(_AMOUNTS)}
    drawn['tries'] = tf.reshape(numbers[:, len(_AMOUNTS):], [count, random_crop.TRIES, random_crop.NUMBERS])
    return drawn


def color_amounts(drawn):
    """What `photometric.distort` takes, for each image: {gain, shift [B, 3]; saturation, hue [B]}."""
    order = tf.cast(drawn['order'] * photometric.ORDERS, tf.int32)
    brightness = _between(drawn['brightness'], (-photometric.BRIGHTNESS, photometric.BRIGHTNESS))
    gain, shift = photometric.affine_steps(order, brightness, _between(drawn['contrast'], photometric.CONTRAST))
    return {'gain': gain, 'shift': shift, 'saturation': _between(drawn['saturation'], photometric.SATURATION),
            'hue': _between(drawn['hue'], (-photometric.HUE, photometric.HUE))}


def sample_windows(drawn, size, boxes, data):
    """Windows [B, 4] on images of `size` [B, 2] with `boxes` [B, N, 4], by a DataConfig, and which [B] are mirrored."""
    if data.scale_jitter:
        windows = _jittered(drawn, tf.cast(size, tf.float32), data.scale_jitter)
    else:
        windows = _cropped(drawn, size, boxes, data.zoomout_prob)
    return windows, drawn['flip'] < FLIP_PROBABILITY


def _jittered(drawn, size, scales):
    """Windows on images that are resized by a number of `scales` (least, most), uniformly, at a place that is uniform too.

    An image that becomes larger than the picture is cut, a smaller one lies on the canvas: so the window is smaller or larger than it.
    Source: large-scale jitter of "Simple Copy-Paste", arXiv 2012.07177, section 3; there a smaller image lies in the corner.
    """
    extent = size / _between(drawn['zoom'], scales)[:, None]
    return tf.concat([tf.stack([drawn['top'], drawn['left']], axis=1) * (size - extent), extent], axis=1)


def _cropped(drawn, size, boxes, zoomout_prob):
    """Windows of zoom-out and of the crop that covers a box."""
    canvas, corner = _zoom_out(drawn, tf.cast(size, tf.float32), zoomout_prob)
    pixels = boxes * tf.cast(tf.tile(size, [1, 2]), tf.float32)[:, None] + tf.tile(corner, [1, 2])[:, None]  # [B, N, 4], on the canvas
    choice = tf.cast(drawn['coverage'] * len(random_crop.COVERAGES), tf.int32)
    crops = random_crop.sample_crops(canvas, pixels, tf.gather(tf.constant(random_crop.COVERAGES), choice), drawn['tries'])
    return tf.concat([crops[:, :2] - corner, crops[:, 2:]], axis=1)


def _zoom_out(drawn, size, probability):
    """Canvases' sizes and the images' corners on them, [B, 2] in whole pixels; the images themselves where not zoomed."""
    zoom = tf.where(drawn['zooms'] < probability, _between(drawn['zoom'], ZOOM), tf.ones_like(drawn['zoom']))
    canvas = tf.floor(size * zoom[:, None])
    return canvas, tf.floor(tf.stack([drawn['top'], drawn['left']], axis=1) * (canvas - size + 1))


def _between(number, limits):
    return limits[0] + number * (limits[1] - limits[0])
