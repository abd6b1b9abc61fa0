"""Pixels of maps by their places: one copy of each, with zeros beyond the edges. For convolutions that are made of matrix products, and strides."""
import numpy as np

from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients

_GRADIENT = 'StridedPixelsGradient'


def gather_pixels(x, row, column, batch_axis):
    """Pixels of each image of [B, h, w, C], zeros where a place is beyond the edges: [..., B, ..., C].

    Args:
      x: the maps.
      row, column: integer arrays that broadcast to the shape of the result, with 1 for B and without C.
      batch_axis: where B is in that shape.
    """
    height, width, channels = [int(length) for length in x.shape[1:]]
    row, column = np.broadcast_arrays(row, column)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    image = tf.reshape(tf.range(tf.shape(x)[0]), [-1 if axis == batch_axis else 1 for axis in range(row.ndim)])
    place = inside.astype(np.int32) * (1 + (row * width + column).astype(np.int32) + height * width * image)  # 0 is the zeros'
    return tf.gather(tf.concat([tf.zeros([1, channels], x.dtype), tf.reshape(x, [-1, channels])], axis=0), place)


def gather_maps(vectors, place, batch, size):
    """Maps [B, *size, C] of vectors [n, C], gathered from the places [B, *size].

    The shape names the batch, [B], of the maps they come from: TensorFlow fuses an addition with the convolution before it where it sees that both
    shapes are the same.
    """
    found = tf.gather(vectors, tf.reshape(place, [-1]))
    return tf.reshape(found, tf.concat([batch, [*size, int(vectors.shape[-1])]], axis=0))


def strided_pixels(x, stride):
    """Every stride-th pixel along both axes, from the first: [B, h, w, C] -> [B, ceil(h / stride), ceil(w / stride), C]."""
    height, width, channels = [int(length) for length in x.shape[1:]]
    rows, columns = [np.arange(0, side, stride) for side in (height, width)]
    batch = tf.shape(x)[:1]
    place = (rows[:, None] * width + columns).astype(np.int32) + height * width * tf.range(batch[0])[:, None, None]
    found = gather_maps(tf.reshape(x, [-1, channels]), place, batch, [len(rows), len(columns)])
    return gradients.attach(_GRADIENT, found, [x, stride])


def _strided_pixels_gradient(x, stride, dy):
    """By x: each pixel of the output's gradient at its place, zeros between them. None by the stride."""
    stride = int(tf.get_static_value(stride))
    row, column = [np.where(np.arange(side) % stride, -1, np.arange(side) // stride) for side in [int(side) for side in x.shape[1:3]]]
    return gather_pixels(dy, row[None, :, None], column[None, None], batch_axis=0), None


gradients.register(_GRADIENT, _strided_pixels_gradient)
