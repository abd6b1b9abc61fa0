"""The one decision on faster forms: which ops a network is made of, and which form an op and its gradient have for a shape, on a CPU.

All numbers that it decides by are in `thresholds`.
"""
import contextlib
import functools

from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels import matmul_gradients, pixel_gather, resize, sparse_gradients, thresholds, upsampled_conv, winograd
from model_fn.network.ops import PlainOps, depth_of, sides_of, split_filter

_CONV_GRADIENT = 'ConvolutionGradientOnCpu_%s'  # of each precision
_DEPTHWISE_GRADIENT = 'DepthwiseGradientOnCpu'


def choose(cpu_precision, with_gradients):
    """The operations that a network is made of: a PlainOps, or equal ones that are faster on a CPU.

    Args:
      cpu_precision: of a graph for a CPU, 'fp32' or 'mixed' (bfloat16); None of any other graph.
      with_gradients: whether the speed of gradients matters as well.
    """
    return CpuOps(cpu_precision, with_gradients) if cpu_precision else PlainOps()


class CpuOps(PlainOps):
    """Each operation in the form that was the fastest on a CPU for its shape, as measured."""

    def __init__(self, precision, with_gradients):
        """Args: as `choose` has them."""
        self._precision, self._with_gradients = precision, with_gradients

    def convolve(self, x, weights, stride=1, padding='SAME', rate=1, sparse_gradient=False):
        size = int(weights.shape[0])
        if (stride, padding, rate) != (1, 'SAME', 1) or size not in (1, 3):
            return super().convolve(x, weights, stride, padding, rate)
        sparse = sparse_gradient and min(sides_of(x)) >= thresholds.SPARSE_LEAST_SIDE
        if self._winograd_pays(x, size, depth_of(weights)):
            return winograd.conv3x3(x, weights, sparse_gradients.OF_WINOGRAD if sparse else None)
        with self._gradient('Conv2D', sparse_gradients.OF_CONV2D if sparse else _CONV_GRADIENT % self._precision):
            return super().convolve(x, weights)

    def convolve_channels(self, x, weights, stride=1):
        with self._gradient('DepthwiseConv2dNative', _DEPTHWISE_GRADIENT) if stride == 1 and not IS_TF1 else contextlib.nullcontext():
            return super().convolve_channels(x, weights, stride)

    def convolve_with_biases(self, x, filters, biases, sparse_gradient=False):
        depths = [depth_of(weights) for weights in filters]
        if self._precision != 'mixed' and not self._winograd_pays(x, int(filters[0].shape[0]), sum(depths)):
            return super().convolve_with_biases(x, filters, biases, sparse_gradient)
        together = self.convolve(x, tf.concat(filters, axis=-1), sparse_gradient=sparse_gradient)
        return tf.split(tf.nn.bias_add(together, tf.concat(biases, axis=-1)), depths, axis=-1)

    def convolve_resized(self, maps, weights, size):
        if int(weights.shape[0]) != 3:
            return super().convolve_resized(maps, weights, size)
        filters = split_filter(weights, [depth_of(x) for x in maps])
        return tf.add_n([self.convolve(x, own) if sides_of(x) == list(size) else upsampled_conv.conv3x3(x, own, size)
                         for x, own in zip(maps, filters)])

    def strided_pixels(self, x, stride):
        return pixel_gather.strided_pixels(x, stride)

    def resize_bilinear(self, x, size):
        if self._precision == 'mixed' and self._with_gradients or IS_TF1:
            return resize.resize_bilinear(x, size)
        with self._gradient('ResizeBilinear', resize.GRADIENT):
            return super().resize_bilinear(x, size)

    def batch_norm(self, x, gamma, beta, epsilon, relu):
        if self._precision != 'mixed':
            return super().batch_norm(x, gamma, beta, epsilon, relu)
        (_, width), depth = sides_of(x), depth_of(x)
        lacking = -depth % thresholds.BATCH_NORM_CHANNELS_AT_ONCE
        if lacking:
            # tf.split, as the gradient of a slice takes 9 ms where that of a split takes 1
            return [tf.split(found, [depth, lacking], axis=-1)[0] for found in self.batch_norm(
                tf.pad(x, [[0, 0]] * 3 + [[0, lacking]]), *(tf.pad(values, [[0, lacking]]) for values in (gamma, beta)), epsilon, relu)]
        # As more maps of fewer pixels, which is the same to batch norm: TensorFlow shares out maps to its threads.
        small = tf.reshape(x, [-1, 1 if depth >= thresholds.BATCH_NORM_PIXEL_MAPS_CHANNELS else width, 1, depth])
        y, mean, variance = super().batch_norm(small, gamma, beta, epsilon, relu)
        return tf.reshape(y, [-1, *x.shape.as_list()[1:]]), mean, variance

    def reverse_channels(self, images):
        return tf.reverse(images, [-1])

    def _winograd_pays(self, x, size, depth):
        large = (min(sides_of(x)) >= thresholds.WINOGRAD_LEAST_SIDE and depth_of(x) >= thresholds.WINOGRAD_LEAST_CHANNELS
                 and depth >= thresholds.WINOGRAD_LEAST_DEPTH)
        return self._precision == 'fp32' and size == 3 and large

    def _gradient(self, op_type, name):
        """A context in which ops of a type get the gradient that is registered as `name`, if gradients matter."""
        return tf.get_default_graph().gradient_override_map({op_type: name} if self._with_gradients else {})


def _convolution_gradients(precision, op, dy):
    """The gradients of a Conv2D op of stride 1, SAME, by its inputs."""
    x, weights = op.inputs
    return _input_gradient(precision, x, weights, dy), _filter_gradient(precision, x, weights, dy)


for _each in 'fp32', 'mixed':
    tf.RegisterGradient(_CONV_GRADIENT % _each)(functools.partial(_convolution_gradients, _each))


@tf.RegisterGradient(_DEPTHWISE_GRADIENT)
def _depthwise_gradients(op, dy):
    """The gradients of a DepthwiseConv2dNative op of stride 1, SAME, by its inputs. That of the map is a convolution with the flipped filter."""
    x, weights = op.inputs
    flipped = tf.reverse(weights, [0, 1])
    return (tf.nn.depthwise_conv2d(dy, flipped, [1, 1, 1, 1], 'SAME'),
            tf.nn.depthwise_conv2d_backprop_filter(x, tf.shape(weights), dy, [1, 1, 1, 1], 'SAME'))


def _input_gradient(precision, x, weights, dy):
    size, (side, _) = int(weights.shape[0]), sides_of(x)
    if IS_TF1 and size == 3 and side > thresholds.TF1_SMALL_SIDE:  # its own op is made for none but small filters
        return tf.nn.conv2d(dy, matmul_gradients.flipped_filter(weights), strides=[1, 1, 1, 1], padding='SAME')
    if IS_TF1 or precision == 'mixed' and size == 1:
        return matmul_gradients.input_gradient(weights, dy)
    return tf.nn.conv2d_backprop_input(tf.shape(x), weights, dy, [1, 1, 1, 1], 'SAME')


def _filter_gradient(precision, x, weights, dy):
    size, (side, _), mixed = int(weights.shape[0]), sides_of(x), precision == 'mixed'
    if size == 1 and (not mixed or side <= thresholds.MIXED_SMALL_SIDE_1X1):
        return matmul_gradients.filter_gradient(x, dy, size)
    narrow = thresholds.MIXED_NARROW_OUTPUT * depth_of(dy) <= depth_of(x)
    if size == 3 and (IS_TF1 and side > thresholds.TF1_SMALL_SIDE or mixed and side >= thresholds.MIXED_SMALL_SIDE_3X3 and narrow):
        return matmul_gradients.filter_gradient_of_output_patches(x, dy, size)
    if size == 3 and (IS_TF1 or mixed and side <= thresholds.MIXED_SMALL_SIDE_3X3):
        return matmul_gradients.filter_gradient(x, dy, size)
    return tf.nn.conv2d_backprop_filter(x, tf.shape(weights), dy, [1, 1, 1, 1], 'SAME')
