"""3x3 convolution of an upsampled map, without the upsampled map.

A pixel may be repeated a hundred times: its products with the filter's nine taps are made once. Two matrix products with zeros and ones, one per
axis, then add each to the output pixels that it counts for.
"""
import numpy as np

from blitznet_estimator.runtime import tf

_TAPS = 3  # along an axis


def conv3x3(x, weights, size):
    """Convolution, stride 1, SAME, of x resized to `size` by nearest neighbours: [B, h, w, C] by [3, 3, C, D] -> [B, *size, D]."""
    channels, depth = [int(length) for length in weights.shape[2:]]
    (height, width), (rows, columns) = [int(side) for side in x.shape[1:3]], size
    taps = tf.reshape(tf.transpose(weights, [2, 1, 0, 3]), [channels, -1])  # by column, row, D
    products = tf.reshape(tf.matmul(tf.reshape(x, [-1, channels]), taps), [-1, width * _TAPS, _TAPS * depth])  # [B * h, ...]
    wide = tf.reshape(tf.matmul(_tap_sums(width, columns), products), [-1, height, columns, _TAPS, depth])
    wide = tf.reshape(tf.transpose(wide, [0, 1, 3, 2, 4]), [-1, height * _TAPS, columns * depth])
    return tf.reshape(tf.matmul(_tap_sums(height, rows), wide), [-1, rows, columns, depth])


def _tap_sums(before, after):
    """[after, before * 3] of zeros and ones: whether a tap at an output pixel falls on an input pixel, along one axis."""
    source = np.floor(np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))).astype(int)
    counts = np.zeros([after, before, _TAPS], np.float32)
    for tap in range(_TAPS):
        seen = np.arange(after) + tap - _TAPS // 2
        inside = (seen >= 0) & (seen < after)
        counts[np.flatnonzero(inside), source[seen[inside]], tap] = 1
    return tf.constant(counts.reshape(after, before * _TAPS))
