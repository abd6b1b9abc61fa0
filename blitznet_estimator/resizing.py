"""The resizing of TensorFlow 1, in numpy: bilinear, with the first sample of either side in the same place. Equal to the graph's to the last bit."""
import numpy as np

_UNIT = np.float32(1 / 255)


def taps(source, target):
    """The two samples that each of `target` takes out of `source`, and the part of the second."""
    at = np.arange(target, dtype=np.float32) * (np.float32(source) / np.float32(target))
    low = np.minimum(np.floor(at).astype(np.int64), source - 1)
    return low, np.minimum(low + 1, source - 1), at - low.astype(np.float32)


def network_input(image, side):
    """What the network sees of an image, RGB uint8 [h, w, 3]: the whole of it as float32 [side, side, 3] in [0, 1].

    The same pixels as `input_fn.rendering.resize_image` gives in the graph, for engines without one.
    """
    (low, high, down), (left, right, across) = taps(image.shape[0], side), taps(image.shape[1], side)
    if image.shape[0] < side:  # the columns first: whole rows, some of them several times, may be gigabytes of a very wide image
        columns = _mixed(image[:, left], image[:, right], across[None, :, None])
        upper, lower = columns[low], columns[high]
    else:
        upper, lower = (_mixed(rows[:, left], rows[:, right], across[None, :, None]) for rows in (image[low], image[high]))
    return _mixed(upper, lower, down[:, None, None]) * _UNIT


def _mixed(first, second, part):
    first = first.astype(np.float32)
    return first + (second.astype(np.float32) - first) * part
