"""The resizing of TensorFlow 1, without it: bilinear, the first sample of either side in the same place. Equal to the graph to the last bit."""
import cv2
import numpy as np

ROWS = 32  # at once: a core's cache holds them, which takes a quarter of the time of all at once
CHANNELS = 4  # of a pixel here, the last one unused
_UNIT = np.float32(1 / 255)


def taps(source, target):
    """The two samples that each of `target` takes out of `source`, and the part of the second."""
    at = np.arange(target, dtype=np.float32) * (np.float32(source) / np.float32(target))
    low = np.minimum(np.floor(at).astype(np.int64), source - 1)
    return low, np.minimum(low + 1, source - 1), at - low.astype(np.float32)


def lerp(values, low, high, part, axis, out, scratch):
    """Write the values at `low` and `high` along `axis`, mixed by `part`, into `out`. scratch: as large as `out`."""
    values.take(low, axis, out=out, mode='clip')  # all are in range, and the other modes copy once more
    values.take(high, axis, out=scratch, mode='clip')
    _mix(out, scratch, part)


def network_input(image, side):
    """What the network sees of an image, RGB uint8 [h, w, 3]: the whole of it as float32 [side, side, 3] in [0, 1].

    The same pixels as `input_fn.rendering.resize_image` gives in the graph, for engines without one.
    """
    (low, high, down), across = taps(image.shape[0], side), taps(image.shape[1], side)
    rows, places = np.unique(np.concatenate([low, high]), return_inverse=True)  # the columns of each row that is needed, once
    columns, found = _columns(image, rows, across), np.empty([side, side, 3], np.float32)
    mixed, scratch = np.empty([2, ROWS] + list(columns.shape[1:]), np.float32)
    for top in range(0, side, ROWS):
        block = slice(top, top + ROWS)
        count = len(low[block])
        lerp(columns, places[:side][block], places[side:][block], down[block, None], 0, mixed[:count], scratch[:count])
        np.multiply(mixed[:count].reshape(count, side, CHANNELS)[..., :3], _UNIT, out=found[block])
    return found


def _columns(image, rows, across):
    """Some rows of an image at another width, float32 [n, side * CHANNELS]. across: the taps of the columns."""
    left, right, part = across
    order = cv2.COLOR_RGB2RGBA
    if image.strides[2] < 0:  # BGR turned over as a view, which costs much less to read as it lies in memory
        image, order = image[..., ::-1], cv2.COLOR_BGR2RGBA
    columns, part = np.empty([len(rows), len(part) * CHANNELS], np.float32), np.repeat(part, CHANNELS)
    scratch = np.empty([ROWS] + list(columns.shape[1:]), np.float32)
    for top in range(0, len(rows), ROWS):
        pixels = cv2.cvtColor(np.ascontiguousarray(image[rows[top:top + ROWS]]), order).view(np.uint32)[..., 0]  # each is taken as one number
        first, second = columns[top:top + ROWS], scratch[:len(pixels)]
        first[:], second[:] = (pixels.take(one, 1, mode='clip').view(np.uint8) for one in (left, right))
        _mix(first, second, part)
    return columns


def _mix(first, second, part):
    """Change `first` to first + (second - first) * part, and `second` to no matter what."""
    second -= first
    second *= part
    first += second
