"""Bilinear resizing of maps and its gradient as matrix products, for CPUs. It is that of TF1: pixel i of n reads from i * h / n."""
import numpy as np

from blitznet_estimator.runtime import tf

GRADIENT = 'ResizeBilinearGradientOnCpu'  # of TensorFlow's own ResizeBilinear


def resize_bilinear(x, size):
    """[B, h, w, D] -> [B, *size, D], one matrix product per axis."""
    (height, width), depth = [int(side) for side in x.shape[1:3]], int(x.shape[-1])
    x = tf.matmul(tf.transpose(_interpolation(height, size[0])), tf.reshape(x, [-1, height, width * depth]))
    x = tf.matmul(tf.transpose(_interpolation(width, size[1])), tf.reshape(x, [-1, width, depth]))
    return tf.reshape(x, [-1, *size, depth])


@tf.RegisterGradient(GRADIENT)
def _resize_bilinear_gradient(op, dy):
    """By the images, one matrix product per axis: TensorFlow's own op works on one pixel after the other, in float32 alone."""
    (height, width), (rows, columns) = [[int(side) for side in tensor.shape[1:3]] for tensor in (op.inputs[0], dy)]
    depth = int(dy.shape[-1])
    dy = tf.matmul(_interpolation(height, rows), tf.reshape(dy, [-1, rows, columns * depth]))
    dx = tf.matmul(_interpolation(width, columns), tf.reshape(dy, [-1, columns, depth]))
    return tf.reshape(dx, [-1, height, width, depth]), None


def _interpolation(before, after):
    """[before, after]: the weight of each input pixel in each output pixel, along one axis."""
    at = np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))
    low = np.floor(at).astype(int)
    weights = np.zeros([before, after], np.float32)
    np.add.at(weights, (low, np.arange(after)), 1 - (at - low))
    np.add.at(weights, (np.minimum(low + 1, before - 1), np.arange(after)), at - low)
    return tf.constant(weights)
