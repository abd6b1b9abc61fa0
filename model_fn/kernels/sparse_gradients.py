"""Gradients of a convolution whose output's gradient is 0 at most pixels, for CPUs: made of the others alone.

So it is with the detection heads: the loss is of the positive anchors and of three times as many negatives, some hundred of the 45390 of each
picture. At a batch of 8 their gradients come from 0 to 700 of the 45000 pixels of the largest map.
"""
import numpy as np

from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients as registered
from model_fn.kernels import thresholds

OF_CONV2D = 'SparseGradientOfConv2D'  # for ops of that type
OF_WINOGRAD = 'SparseGradientOfWinograd'  # for `gradients.attach`


def gradients(x, weights, dy):
    """The gradients, by the input and by the weights, of a convolution, stride 1, SAME: [B, h, w, C] and [k, k, C, D], k odd.

    Args:
      x: the input.
      weights: [k, k, C, D].
      dy: the output's gradient [B, h, w, D].
    """
    depth = int(dy.shape[-1])
    flat = tf.reshape(dy, [-1, depth])
    present = tf.not_equal(tf.matmul(tf.abs(flat), tf.ones([depth, 1], dy.dtype))[:, 0], 0)  # a product is faster than reduce_any
    pixel = _true_indices(present)
    rows = _pad_rows(tf.gather(flat, pixel), pixel)
    return _input_gradient(x, weights, present, pixel, rows), _filter_gradient(x, weights, pixel, rows)


registered.register(OF_WINOGRAD, gradients)
tf.RegisterGradient(OF_CONV2D)(lambda op, dy: gradients(*op.inputs, dy))


def _filter_gradient(x, weights, pixel, rows):
    """[k, k, C, D] from the pixels [n] of the output that have a gradient, and these `rows` [n and padding, D]."""
    size, _, channels, depth = [int(length) for length in weights.shape]
    neighbour, inside = _neighbours(pixel, size, *_sides(x))
    patches = tf.gather(tf.reshape(x, [-1, channels]), neighbour)
    patches = tf.reshape(tf.where(inside, patches, tf.zeros_like(patches)), [-1, size * size * channels])
    return tf.reshape(tf.matmul(_pad_rows(patches, pixel), rows, transpose_a=True), [size, size, channels, depth])


def _input_gradient(x, weights, present, pixel, rows):
    """[B, h, w, C] from the same, where `present` [B * h * w] says which pixels have a gradient."""
    size, _, channels, depth = [int(length) for length in weights.shape]
    height, width = _sides(x)
    near = tf.reshape(tf.to_float(present), [-1, height, width, 1])
    reached = _true_indices(tf.reshape(tf.nn.max_pool(near, [1, size, size, 1], [1, 1, 1, 1], 'SAME'), [-1]) > 0)
    neighbour, inside = _neighbours(reached, size, height, width, direction=-1)
    zeros = tf.size(pixel)  # the first of the rows of zeros
    row = tf.where(present, tf.cumsum(tf.to_int32(present)) - 1, tf.fill(tf.shape(present), zeros))
    row = tf.gather(row, neighbour)
    row = tf.reshape(tf.where(inside, row, tf.fill(tf.shape(row), zeros)), [-1, size * size])
    patches = tf.reshape(tf.gather(rows, _pad_rows(row, reached, zeros)), [-1, size * size * depth])
    taps = tf.reshape(tf.transpose(weights, [0, 1, 3, 2]), [size * size * depth, channels])
    product = tf.matmul(patches, taps)[:tf.size(reached)]
    return tf.reshape(tf.scatter_nd(reached[:, None], product, [tf.size(present), channels]), [-1, height, width, channels])


def _sides(x):
    return [int(side) for side in x.shape[1:3]]


def _true_indices(condition):
    return tf.to_int32(tf.where(condition)[:, 0])


def _pad_rows(values, pixel, value=0):
    """[n, ...] of the pixels [n], padded by at least one row to a whole multiple of SPARSE_ROWS."""
    missing = thresholds.SPARSE_ROWS - tf.size(pixel) % thresholds.SPARSE_ROWS
    return tf.pad(values, [[0, missing], [0, 0]], constant_values=value)


def _neighbours(pixel, size, height, width, direction=1):
    """Of the pixels [n], numbered through a batch of maps: (number, whether it is inside the map) of each of their size x size neighbours.

    Both are [n * size * size]; beyond the edge, the number is 0. Direction -1: the last neighbour first.
    """
    offset = direction * (np.arange(size, dtype=np.int32) - size // 2)
    row, column = (pixel // width % height)[:, None, None] + offset[:, None], (pixel % width)[:, None, None] + offset
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = pixel[:, None, None] + (offset[:, None] * width + offset)
    return tf.reshape(tf.where(inside, place, tf.zeros_like(place)), [-1]), tf.reshape(inside, [-1])
