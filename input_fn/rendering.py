"""Rendering: the pixels of one sample with its targets, decoded, cut to their place, resized and distorted; and its mask."""
import cv2
import numpy as np

from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.normalisation import MEAN_RGB
from blitznet_estimator.runtime import tf
from input_fn import mosaic, photometric

CANVAS_COLOR = np.array(MEAN_RGB, np.float32) / 255  # around a zoomed-out image, RGB in [0, 1]: the network sees it as 0
_UNIT = np.float32(1 / 255)
_GRID = 32  # the mean colour of a whole image is taken from a grid of this many pixels per side
_UNLABELED = np.full([1, 1], IGNORE_LABEL, np.uint8)  # stands for the mask of an image without one


def render(sample, network, raw, keys):
    """The picture of a sample with its targets (see `targets`): a flat dict of the `keys` that its batch holds.

    The image and the mask are made here; the rest is the sample's own.
    network: a NetworkConfig. raw: whether the sample has pixels in place of encoded bytes.
    """
    side, masks = network.image_size, 'mask' in keys
    picture, mask = _mosaic(sample, network, raw) if 'joint' in sample else _single(sample, (side, side), raw, masks)
    made = {'image': picture}
    if masks:
        made['mask'] = tf.ensure_shape(mask, [network.segmentation_size] * 2)
    return {key: made[key] if key in made else sample[key] for key in keys}


def _single(sample, sides, raw, masks):
    """(picture [height, width, 3], mask or None) of the one image of a sample. sides: (height, width)."""
    size = sample['size']
    image = _checked('image', decode_image(sample['image'], size if raw else None), size, sample)
    picture = _augmented_picture(image, sample, sides) if 'source' in sample else resize_image(image, sides[0])
    return picture, _mask_picture(sample, raw) if masks else None


def _mosaic(sample, network, raw):
    """As `_single`, of the four images of a sample with mosaics (see `targets`), which always has labels."""
    side, joint = network.image_size, sample['joint']
    tiles = mosaic.tiles_of(joint[None], side)[0]
    cells = mosaic.cells_before(joint, side, network.segmentation_size)
    pictures, masks = zip(*[_tile(sample, number, tiles[number, 2:], cells, raw) for number in range(mosaic.TILES)])
    return tf.reshape(mosaic.assemble(pictures), [side, side, 3]), mosaic.assemble(masks)


def _tile(sample, number, sides, cells, raw):
    """As `_single`, of one tile of [height, width] `sides`; nothing is decoded for an empty one. cells: [2], of the mask before the joint."""
    part = {key: value[number] for key, value in sample.items() if key not in ('joint', 'boxes', 'classes', 'match')}
    part['rows'] = part['rows'][cells[0]:] if number // 2 else part['rows'][:cells[0]]
    part['columns'] = part['columns'][cells[1]:] if number % 2 else part['columns'][:cells[1]]

    def empty():
        return tf.zeros(tf.concat([sides, [3]], 0)), tf.zeros([tf.size(part['rows']), tf.size(part['columns'])], tf.int32)
    return tf.cond(tf.reduce_all(sides > 0), lambda: _single(part, tf.unstack(sides), raw, masks=True), empty)


def decoded_sample(sample, raw):
    """The sample with raw pixels in place of encoded bytes, and without its source_id."""
    size = sample['size']
    given = tf.not_equal(sample['mask'], '')
    mask, mask_size = decode_mask(sample['mask'], given, raw, size)
    decoded = {key: value for key, value in sample.items() if key != 'source_id'}
    decoded['image'] = _raw_bytes(_checked('image', decode_image(sample['image'], size if raw else None), size, sample))
    decoded['mask'] = tf.where(given, _raw_bytes(_checked('mask', mask, mask_size, sample)), '')
    return decoded


def _raw_bytes(pixels):
    """A string of uint8 pixels' bytes: they end a serialized tensor."""
    serialized, count = tf.io.serialize_tensor(pixels), tf.size(pixels)
    return tf.strings.substr(serialized, tf.strings.length(serialized) - count, count)


def decode_image(data, raw_size=None):
    """RGB uint8 [height, width, 3] of JPEG or PNG bytes; of raw pixels of `raw_size` where given."""
    if raw_size is not None:
        return tf.reshape(tf.decode_raw(data, tf.uint8), tf.concat([raw_size, [3]], 0))
    # The JPEG op reads PNG too. The method is named because the default is the build's choice.
    return tf.image.decode_jpeg(data, channels=3, dct_method='INTEGER_ACCURATE')


def resize_image(image, side):
    """The whole image [height, width, 3] resized to [side, side, 3] float32 in [0, 1] (bilinear as TF1 does it)."""
    return tf.image.resize_bilinear(image[None], [side, side])[0] * _UNIT


def _augmented_picture(image, sample, sides):
    """The picture [height, width, 3] float32 of the image's place in it, of `sides` (height, width).

    Colours are distorted after resizing, where pixels are fewer, with contrast about the mean of the whole image; the
    canvas keeps its colour.
    """
    part = resized_part(image, sample)
    grid = tf.reshape(tf.image.resize_nearest_neighbor(image[None], [_GRID, _GRID]), [-1, 3])
    planes = tf.unstack(tf.transpose(tf.concat([part, tf.cast(grid, tf.float32)], 0) * _UNIT))
    count = tf.shape(part)[0]
    planes = photometric.distort(planes, count, sample['gain'], sample['shift'], sample['saturation'], sample['hue'])
    part = tf.transpose(tf.stack([plane[:count] for plane in planes]))
    return _on_canvas(part, sample['target'], sides)


def resized_part(image, sample):
    """The pixels [height * width, 3] float32 of the part of an image that its picture shows, in place and size, row by row."""
    source = sample['source']
    part = tf.slice(image, [source[0], source[1], 0], [source[2], source[3], 3])
    part = tf.reverse(part, tf.range(1, 1 + tf.cast(sample['mirrored'], tf.int32)))  # along axis 1 or none
    return tf.reshape(tf.image.resize_bilinear(part[None], sample['target'][2:]), [-1, 3])


def _on_canvas(part, target, sides):
    """[*sides, 3] of the mean colour with pixels [height * width, 3] at `target`. Rows are joined: faster than padding."""
    canvas = tf.constant(np.tile(CANVAS_COLOR, sides)) if isinstance(sides[0], int) else tf.tile(CANVAS_COLOR[None], sides)
    top, left, height, width = tf.unstack(target)
    rows = tf.reshape(part, [height, width * 3])
    rows = tf.concat([canvas[:height, :3 * left], rows, canvas[:height, 3 * (left + width):]], 1)
    return tf.reshape(tf.concat([canvas[:top], rows, canvas[top + height:]], 0), [sides[0], sides[1], 3])


def _mask_picture(sample, raw):
    """Classes [s, s] int32 under the sample's rows and columns; background off the image, no label at all without a mask."""
    given = tf.not_equal(sample['mask'], '')
    mask, size = decode_mask(sample['mask'], given, raw, sample['size'])
    mask = _checked('mask', mask, size, sample)
    rows, columns = sample['rows'], sample['columns']
    last = size - 1
    cells = tf.gather(tf.gather(mask, tf.clip_by_value(rows, 0, last[0])), tf.clip_by_value(columns, 0, last[1]), axis=1)
    outside = (rows < 0)[:, None] | (columns < 0)[None]
    canvas = tf.fill(tf.shape(cells), tf.where(given, 0, IGNORE_LABEL))
    return tf.where(outside, canvas, tf.cast(cells, tf.int32))


def decode_mask(data, given, raw, size):
    """Classes uint8 [height, width] and the size they should have; `_UNLABELED` where no mask is given."""
    size = tf.where(given, size, [1, 1])
    if raw:
        return tf.reshape(tf.decode_raw(tf.where(given, data, _UNLABELED.tobytes()), tf.uint8), size), size
    data = tf.where(given, data, cv2.imencode('.png', _UNLABELED)[1].tobytes())
    return tf.image.decode_png(data, channels=1)[..., 0], size


def _checked(what, pixels, size, sample):
    """The pixels [height, width, ...] of an image or mask, which must be of the recorded size."""
    actual = tf.shape(pixels)[:2]
    message = ['The %s of the record has another size than recorded:' % what, actual, size]
    if 'path' in sample:
        message += ['in file', sample['path'], 'record', sample['index']]
    with tf.control_dependencies([tf.Assert(tf.reduce_all(tf.equal(actual, size)), message)]):
        return tf.identity(pixels)
