"""Gradients of convolutions as matrix products, for CPUs: for some shapes these are faster than TensorFlow's own ops.

The gradient of a 1x1 convolution by its input or its filter is one product over the pixels. For a 3x3 convolution the patch around each pixel is
gathered first (im2col), of the map of which that is cheaper: then it is one product as well.
"""
import numpy as np

from blitznet_estimator.runtime import tf
from model_fn.kernels import pixel_gather


def input_gradient(weights, dy):
    """The gradient [B, h, w, C] of a convolution's input, for weights [k, k, C, D], k = 1 or 3, and the output's gradient [B, h, w, D]."""
    size, _, channels, depth = [int(length) for length in weights.shape]
    taps = tf.reshape(flipped_filter(weights), [size * size * depth, channels]) if size > 1 else weights[0, 0]
    product = tf.matmul(_im2col(dy, size), taps, transpose_b=size == 1)
    return tf.reshape(product, [-1] + [int(side) for side in dy.shape[1:3]] + [channels])


def flipped_filter(weights):
    """[k, k, C, D] -> [k, k, D, C], the last tap first: a convolution with these is the gradient by the input of one with `weights`."""
    return tf.transpose(tf.reverse(weights, [0, 1]), [0, 1, 3, 2])  # slices of stride -1 take thirty times as long


def filter_gradient(x, dy, size):
    """The gradient [size, size, C, D] of a convolution's filter, from patches of the input: [B, h, w, C] and [B, h, w, D]."""
    with tf.control_dependencies([dy]):  # else TensorFlow would gather as soon as x is there, and keep all nine neighbours until then
        x = tf.identity(x)
    product = tf.matmul(_im2col(x, size), _im2col(dy, 1), transpose_a=True)
    return tf.reshape(product, [size, size, int(x.shape[-1]), int(dy.shape[-1])])


def filter_gradient_of_output_patches(x, dy, size):
    """As `filter_gradient`, from patches of the output's gradient. That is cheaper where it has fewer channels than the input."""
    channels, depth = int(x.shape[-1]), int(dy.shape[-1])
    product = tf.matmul(_im2col(x, 1), _im2col(dy, size, direction=-1), transpose_a=True)
    return tf.transpose(tf.reshape(product, [channels, size, size, depth]), [1, 2, 0, 3])


def _im2col(x, size, direction=1):
    """For each pixel of [B, h, w, C] the size x size around it, beyond the edge 0: [B * h * w, size * size * C]. Direction -1: the last first."""
    height, width, channels = [int(length) for length in x.shape[1:]]
    if size == 1:
        return tf.reshape(x, [-1, channels])
    offsets = direction * (np.arange(size) - size // 2)
    row, column = np.arange(height)[:, None, None, None] + offsets[:, None], np.arange(width)[:, None, None] + offsets  # of each neighbour
    return tf.reshape(pixel_gather.gather_pixels(x, row[None], column[None], batch_axis=0), [-1, size * size * channels])
