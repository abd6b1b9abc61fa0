"""Serving: encoded images in, the network's features out, inside the exported graph. A picture that cannot be read harms no other one."""
import collections

from blitznet_estimator.runtime import map_fn, no_autograph, tf
from input_fn.datasets.image_headers import JPEG, PNG
from input_fn.rendering import decode_image, resize_image

OK, NO_PICTURE, TOO_LARGE, DAMAGED = STATUSES = 'ok', 'not a JPEG or PNG file', 'too many pixels', 'damaged'
_PNG_SIZE = 16  # offset of width and height, four bytes each

# inputs: {name: placeholder}; each may be left out, as it is empty by default.
# Of the encoded images and then the given pixels: image [B, S, S, 3] as in `blitznet_estimator.batch`, and size [B, 2]; both 0 where an image
# could not be read; status [B], one of STATUSES.
Received = collections.namedtuple('Received', 'inputs image size status')


def receive(config):
    """The graph's input, a `Received`.

    `image_bytes` [B] string: whole JPEG or PNG files of any size, up to run.export_max_pixels, grey or in colour. Transparency is dropped,
    EXIF orientation not looked at. `images` [B, H, W, 3] uint8: pixels, RGB.
    """
    side = config.network.image_size
    data = tf.placeholder_with_default(tf.zeros([0], tf.string), [None], name='image_bytes')
    pixels = tf.placeholder_with_default(tf.zeros([0, 1, 1, 3], tf.uint8), [None, None, None, 3], name='images')
    image, size, status = map_fn(lambda one: _read(one, side, config.run.export_max_pixels), data, back_prop=False,
                                    dtype=(tf.float32, tf.int32, tf.string))
    given = tf.shape(pixels)
    size = tf.concat([size, tf.tile(given[None, 1:3], [given[0], 1])], axis=0)
    image, status = tf.concat([image, _resized(pixels, side)], axis=0), tf.concat([status, tf.fill([given[0]], OK)], axis=0)
    return Received({'image_bytes': data, 'images': pixels}, image, size, status)


def _resized(pixels, side):
    """[B, S, S, 3] float32 in [0, 1] of pixels [B, H, W, 3], as `rendering.resize_image` does it."""
    return map_fn(lambda image: resize_image(image, side), pixels, dtype=tf.float32, back_prop=False)


def _read(data, side, max_pixels):
    """(image [S, S, 3], size [2], status) of the bytes of a picture; an image of zeros and size 0 where it cannot be read.

    The size is read from the header first: a larger picture is not decoded.
    """
    is_jpeg, is_png = _begins(data, JPEG), _begins(data, PNG)
    sides = _or_else(_stated_size, data, tf.zeros([2], tf.int64))
    stated = tf.reduce_all(sides > 0)
    fits = stated & (sides[0] <= max_pixels // tf.maximum(sides[1], 1))  # their product may not fit in 64 bits

    def decoded(data):
        image = decode_image(data)
        return resize_image(image, side), tf.shape(image)[:2]

    nothing = tf.zeros([side, side, 3]), tf.zeros([2], tf.int32)
    image, size = _or_else(decoded, tf.where(fits & (is_jpeg | is_png), data, ''), nothing)
    why = tf.where(is_jpeg | is_png, tf.where(stated & tf.logical_not(fits), TOO_LARGE, DAMAGED), NO_PICTURE)
    return image, size, tf.where(size[0] > 0, OK, why)


def _begins(data, magic):
    return tf.equal(tf.strings.substr(data, 0, len(magic)), magic)


def _stated_size(data):
    """[height, width] int64 that the header of a JPEG or PNG file states; 0 for other files. It fails where a header is cut short."""
    def of_png():
        digits = tf.cast(tf.decode_raw(tf.strings.substr(data, _PNG_SIZE, 8), tf.uint8), tf.int64)
        return tf.reduce_sum(tf.reshape(digits, [2, 4]) * [1 << 24, 1 << 16, 1 << 8, 1], axis=1)[::-1]

    def of_jpeg():
        return tf.cast(tf.image.extract_jpeg_shape(data)[:2], tf.int64)

    def of_other():  # the JPEG reader would say on standard error that it is none
        return tf.cond(_begins(data, JPEG), of_jpeg, lambda: tf.zeros([2], tf.int64))

    return tf.cond(_begins(data, PNG), of_png, of_other)


def _or_else(function, data, otherwise):
    """function(data), or `otherwise`, of the same shapes and types, where that fails: only a tf.data pipeline survives an error in a graph."""
    made = tf.data.Dataset.from_tensors(data).map(no_autograph(function)).apply(tf.data.experimental.ignore_errors())
    return tf.data.experimental.get_single_element(made.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1))
