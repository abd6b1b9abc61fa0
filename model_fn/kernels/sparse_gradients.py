"""Gradients of a convolution whose output's gradient is 0 at most pixels, for CPUs: made of the others alone.

So it is with the detection heads: the loss is of the positive anchors and of three times as many negatives, some hundred of the 45390 of each
picture. At a batch of 8 their gradients come from 0 to 700 of the 45000 pixels of the largest map.
"""
import numpy as np

from blitznet_estimator.runtime import tf

ROWS = 256  # products are made of whole multiples: TensorFlow keeps what it prepares for a shape, and the number of pixels is another at each step


def gradients(x, weights, dy):
    """The gradients, by the input and by the weights, of a convolution, stride 1, SAME: [B, h, w, C] and [k, k, C, D], k odd.

    Args:
      x: the input. weights: [k, k, C, D]. dy: the output's gradient [B, h, w, D].
    """
    size, _, channels, depth = [int(length) for length in weights.shape]
    height, width = [int(side) for side in x.shape[1:3]]
    dy = tf.reshape(dy, [-1, depth])
    present = tf.not_equal(tf.matmul(tf.abs(dy), tf.ones([depth, 1], dy.dtype))[:, 0], 0)  # a product is faster than reduce_any
    pixel = _where(present)
    missing = _missing(pixel)
    rows = tf.pad(tf.gather(dy, pixel), [[0, missing], [0, 0]])

    def by_weights():
        place, inside = _around(pixel, size, height, width)
        seen = tf.gather(tf.reshape(x, [-1, channels]), place)
        seen = tf.reshape(tf.where(inside, seen, tf.zeros_like(seen)), [-1, size * size * channels])
        product = tf.matmul(tf.pad(seen, [[0, missing], [0, 0]]), rows, transpose_a=True)
        return tf.reshape(product, [size, size, channels, depth])

    def by_input():
        near = tf.reshape(tf.to_float(present), [-1, height, width, 1])
        reached = _where(tf.reshape(tf.nn.max_pool(near, [1, size, size, 1], [1, 1, 1, 1], 'SAME'), [-1]) > 0)
        place, inside = _around(reached, size, height, width, direction=-1)
        zeros = tf.size(pixel)  # the first of the rows of zeros
        row = tf.where(present, tf.cumsum(tf.to_int32(present)) - 1, tf.fill(tf.shape(present), zeros))
        row = tf.gather(row, place)
        row = tf.reshape(tf.where(inside, row, tf.fill(tf.shape(row), zeros)), [-1, size * size])
        missing = _missing(reached)
        around = tf.gather(rows, tf.pad(row, [[0, missing], [0, 0]], constant_values=zeros))
        taps = tf.reshape(tf.transpose(weights, [0, 1, 3, 2]), [size * size * depth, channels])
        product = tf.matmul(tf.reshape(around, [-1, size * size * depth]), taps)[:tf.size(reached)]
        return tf.reshape(tf.scatter_nd(reached[:, None], product, [tf.size(present), channels]), [-1, height, width, channels])
    return by_input(), by_weights()


def _where(condition):
    return tf.to_int32(tf.where(condition)[:, 0])


def _missing(pixel):
    """How many rows, at least one, are missing in a whole multiple of ROWS."""
    return ROWS - tf.size(pixel) % ROWS


def _around(pixel, size, height, width, direction=1):
    """Of the pixels [n], numbered through a batch of maps: (number, whether it is inside the map) of each of their size x size neighbours.

    Both are [n * size * size]; beyond the edge, the number is 0. Direction -1: the last neighbour first.
    """
    offset = direction * (np.arange(size, dtype=np.int32) - size // 2)
    row, column = (pixel // width % height)[:, None, None] + offset[:, None], (pixel % width)[:, None, None] + offset
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = pixel[:, None, None] + (offset[:, None] * width + offset)
    return tf.reshape(tf.where(inside, place, tf.zeros_like(place)), [-1]), tf.reshape(inside, [-1])
