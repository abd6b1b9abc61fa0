"""The network's operations, as TensorFlow's own ops. `model_fn.kernels.dispatch` has faster equal ones."""
import numpy as np

from blitznet_estimator.runtime import tf


def depth_of(x):
    """Channels of [..., depth]."""
    return int(x.shape[-1])


def sides_of(x):
    """[h, w] of [B, h, w, depth]."""
    return [int(side) for side in x.shape[1:3]]


def split_filter(weights, channels):
    """Weights [size, size, sum(channels), depth] by inputs. Constants stay constants: a compiler for a device wants them as filters."""
    value = tf.get_static_value(weights)
    if value is None:
        return tf.split(weights, channels, axis=2)
    return [tf.constant(part) for part in np.split(value, np.cumsum(channels)[:-1], axis=2)]


RESIZE_METHODS = {'bilinear': 'resize_bilinear', 'nearest': 'resize_nearest'}  # of PlainOps


class PlainOps:
    """TensorFlow's own ops, on any device. Maps are [B, h, w, depth], of static shape but for B."""

    def convolve(self, x, weights, stride=1, padding='SAME', rate=1, sparse_gradient=False):
        """Convolution: [B, h, w, C] by [size, size, C, D] -> [B, h', w', D].

        Args:
          x, weights, stride, padding: as of tf.nn.conv2d.
          rate: of dilation, with stride 1.
          sparse_gradient: whether the output's gradient will be 0 at most pixels, which a faster form may use.
        """
        del sparse_gradient
        if rate > 1:  # through space-to-batch: TensorFlow's CPU kernels have no gradient of a dilated convolution
            return tf.nn.atrous_conv2d(x, weights, rate, padding)
        return tf.nn.conv2d(x, weights, strides=[1, stride, stride, 1], padding=padding)

    def convolve_channels(self, x, weights, stride=1):
        """Convolution of each channel by itself, SAME: [B, h, w, C] by [size, size, C, 1] -> [B, h', w', C]."""
        return tf.nn.depthwise_conv2d(x, weights, [1, stride, stride, 1], 'SAME')

    def convolve_with_biases(self, x, filters, biases, sparse_gradient=False):
        """Convolutions of one map, stride 1, SAME, each with its bias: [B, h, w, C] by [size, size, C, D] each -> [B, h, w, D] each.

        The filters are of one size. sparse_gradient: as of `convolve`.
        """
        return [tf.nn.bias_add(self.convolve(x, weights, sparse_gradient=sparse_gradient), bias) for weights, bias in zip(filters, biases)]

    def convolve_resized(self, maps, weights, size):
        """Convolution of maps side by side, each resized to `size` by nearest neighbours: [B, h, w, _] each -> [B, *size, D].

        Args:
          maps: of any sides.
          weights: [k, k, C, D], where C is the sum of the maps' depths.
          size: (height, width).
        """
        return self.convolve(tf.concat([self.resize(x, size, 'nearest') for x in maps], axis=-1), weights)

    def strided_pixels(self, x, stride):
        """Every stride-th pixel, as a strided 1x1 convolution sees them: [B, h, w, C] -> [B, ceil(h / stride), ceil(w / stride), C]."""
        return tf.nn.max_pool(x, [1, 1, 1, 1], [1, stride, stride, 1], 'VALID')

    def resize(self, x, size, method):
        """[B, h, w, D] -> [B, *size, D], by method bilinear or nearest, as TF1 does it: pixel i of n reads from i * h / n.

        There is no alignment of corners, and pixels have no half-pixel centres.
        """
        if sides_of(x) == list(size):
            return x
        return getattr(self, RESIZE_METHODS[method])(x, size)

    def resize_bilinear(self, x, size):
        """`resize` to another size."""
        return tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=False, half_pixel_centers=False)

    def resize_nearest(self, x, size):
        """`resize` to another size."""
        return tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, align_corners=False, half_pixel_centers=False)

    def batch_norm(self, x, gamma, beta, epsilon, relu):
        """Batch norm of [B, h, w, D] by its own statistics, then relu if told so: (result, mean [D], unbiased variance [D])."""
        y, mean, variance = tf.nn.fused_batch_norm(x, gamma, beta, epsilon=epsilon)
        return tf.nn.relu(y) if relu else y, mean, variance

    def reverse_channels(self, images):
        """RGB to BGR, [B, h, w, 3]."""
        return tf.concat(tf.split(images, 3, axis=-1)[::-1], axis=-1)
