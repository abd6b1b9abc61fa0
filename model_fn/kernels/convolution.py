"""How a convolution is made: by TensorFlow's own op, or, on a CPU, by what was faster for its shape as measured. So are its gradients."""
import functools

from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels import cpu, matmul_gradients, pixel_gather, sparse_gradients, upsampled_conv, winograd

_LEAST_SIDE = 19  # of maps, for Winograd's convolution; on smaller ones the direct sum was faster
_LEAST_CHANNELS = 128  # of the input
_LEAST_DEPTH = 96  # of the output
_LEAST_SPARSE_SIDE = 19  # of maps, for gradients made of few pixels
_GRADIENT = 'ConvolutionGradientOnCpu_%s'  # of each precision, and of few pixels


def convolve(x, weights, stride=1, padding='SAME', rate=1, sparse_gradient=False):
    """Convolution: [B, h, w, C] by [size, size, C, D] -> [B, h', w', D].

    sparse_gradient: whether the output's gradient will be 0 at most pixels.
    """
    if rate > 1:  # through space-to-batch: TensorFlow's CPU kernels have no gradient of a dilated convolution
        return tf.nn.atrous_conv2d(x, weights, rate, padding)
    size, depth = int(weights.shape[0]), int(weights.shape[-1])
    if cpu.precision() and (stride, padding) == (1, 'SAME') and size in (1, 3):
        return _convolve_on_cpu(x, weights, size, depth, sparse_gradient)
    return tf.nn.conv2d(x, weights, strides=[1, stride, stride, 1], padding=padding)


def convolve_resized(x, weights, size):
    """Convolution of a map that is resized to `size` first, by nearest neighbours: [B, h, w, C] by [3, 3, C, D] -> [B, *size, D]. For a CPU."""
    if [int(side) for side in x.shape[1:3]] == list(size):
        return convolve(x, weights)
    return upsampled_conv.conv3x3(x, weights, size)


def subsample(x, stride):
    """Every stride-th pixel, as a strided 1x1 convolution sees them: [B, h, w, C] -> [B, ceil(h / stride), ceil(w / stride), C]."""
    if cpu.precision():
        return pixel_gather.every(x, stride)
    return tf.nn.max_pool(x, [1, 1, 1, 1], [1, stride, stride, 1], 'VALID')


def joining_pays(x, size, depth):
    """Whether to make two convolutions of [B, h, w, _] by [size, size, _, _], which have `depth` channels together, in one."""
    return cpu.precision() == 'mixed' or _winograd_pays(x, size, depth)


def _convolve_on_cpu(x, weights, size, depth, sparse_gradient):
    sparse_gradient = sparse_gradient and min(int(side) for side in x.shape[1:3]) >= _LEAST_SPARSE_SIDE
    if _winograd_pays(x, size, depth):
        return winograd.conv3x3(x, weights, sparse_gradients.gradients if sparse_gradient else None)
    with cpu.gradient('Conv2D', _GRADIENT % ('sparse' if sparse_gradient else cpu.precision())):
        return tf.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding='SAME')


def _winograd_pays(x, size, depth):
    height, width, channels = [int(length) for length in x.shape[1:]]
    large = min(height, width) >= _LEAST_SIDE and channels >= _LEAST_CHANNELS and depth >= _LEAST_DEPTH
    return cpu.precision() == 'fp32' and size == 3 and large


def _gradients(precision, op, dy):
    """The gradients of a Conv2D op of stride 1, SAME, by its inputs."""
    x, weights = op.inputs
    return _by_input(precision, x, weights, dy), _by_filter(precision, x, weights, dy)


for _each in 'fp32', 'mixed':
    tf.RegisterGradient(_GRADIENT % _each)(functools.partial(_gradients, _each))
tf.RegisterGradient(_GRADIENT % 'sparse')(lambda op, dy: sparse_gradients.gradients(*op.inputs, dy))


def _by_input(precision, x, weights, dy):
    size, side = int(weights.shape[0]), int(x.shape[1])
    if IS_TF1 and size == 3 and side > 10:  # its own op is made for none but small filters
        return tf.nn.conv2d(dy, matmul_gradients.mirrored(weights), strides=[1, 1, 1, 1], padding='SAME')
    if IS_TF1 or precision == 'mixed' and size == 1:
        return matmul_gradients.by_input(weights, dy)
    return tf.nn.conv2d_backprop_input(tf.shape(x), weights, dy, [1, 1, 1, 1], 'SAME')


def _by_filter(precision, x, weights, dy):
    size, _, channels, depth = [int(length) for length in weights.shape]
    side = int(x.shape[1])
    if size == 1 and (precision == 'fp32' or side <= 38):
        return matmul_gradients.by_filter(x, dy, size)
    if size == 3 and (IS_TF1 and side > 10 or precision == 'mixed' and side >= 19 and 3 * depth <= channels):
        return matmul_gradients.by_filter_of_few(x, dy, size)
    if size == 3 and (IS_TF1 or precision == 'mixed' and side <= 19):
        return matmul_gradients.by_filter(x, dy, size)
    return tf.nn.conv2d_backprop_filter(x, tf.shape(weights), dy, [1, 1, 1, 1], 'SAME')
