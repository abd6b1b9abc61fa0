"""Resizing of maps as TF1 does it: pixel i of n reads from i * h / n (no corner alignment, no half-pixel centres)."""
import numpy as np

from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels import cpu

METHODS = {'bilinear': tf.raw_ops.ResizeBilinear, 'nearest': tf.raw_ops.ResizeNearestNeighbor}
_GRADIENT = 'ResizeBilinearGradientOnCpu'


def resize(x, size, method):
    """[B, h, w, D] -> [B, *size, D], by method bilinear or nearest."""
    if [int(side) for side in x.shape[1:3]] == list(size):
        return x
    if method == 'bilinear' and _products_pay():
        return _as_products(x, size)
    with cpu.gradient('ResizeBilinear', _GRADIENT):
        return METHODS[method](images=x, size=size, align_corners=False, half_pixel_centers=False)


def _products_pay():
    """On TensorFlow 1.15 they take half the time of its own op, which works on one core; in bfloat16 less, with their gradients."""
    return bool(cpu.precision()) if IS_TF1 else cpu.precision() == 'mixed' and cpu.with_gradients()


def _as_products(x, size):
    """Bilinear resizing, one matrix product an axis."""
    (height, width), depth = [int(side) for side in x.shape[1:3]], int(x.shape[-1])
    x = tf.matmul(tf.transpose(_weights(height, size[0])), tf.reshape(x, [-1, height, width * depth]))
    x = tf.matmul(tf.transpose(_weights(width, size[1])), tf.reshape(x, [-1, width, depth]))
    return tf.reshape(x, [-1, *size, depth])


@tf.RegisterGradient(_GRADIENT)
def _gradient_as_products(op, dy):
    """The gradient by the images, one matrix product an axis: TensorFlow's own op works on one pixel after the other, in float32 alone."""
    (height, width), (rows, columns) = [[int(side) for side in tensor.shape[1:3]] for tensor in (op.inputs[0], dy)]
    depth = int(dy.shape[-1])
    dy = tf.matmul(_weights(height, rows), tf.reshape(dy, [-1, rows, columns * depth]))
    dx = tf.matmul(_weights(width, columns), tf.reshape(dy, [-1, columns, depth]))
    return tf.reshape(dx, [-1, height, width, depth]), None


def _weights(before, after):
    """[before, after]: how much of each place before goes to each place after."""
    at = np.arange(after, dtype=np.float32) * (np.float32(before) / np.float32(after))
    low = np.floor(at).astype(int)
    weights = np.zeros([before, after], np.float32)
    np.add.at(weights, (low, np.arange(after)), 1 - (at - low))
    np.add.at(weights, (np.minimum(low + 1, before - 1), np.arange(after)), at - low)
    return tf.constant(weights)
