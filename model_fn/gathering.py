"""Pixels of maps by their places, for convolutions that are made of matrix products: one copy of each, with zeros beyond the edges."""
import numpy as np

from blitznet_estimator.runtime import tf


def pixels(x, row, column, batch_axis):
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
