"""How a convolution is made: by TensorFlow's own op, or, where that is wanted, by what was faster for its shape as measured on CPUs in float32."""
import contextlib

from blitznet_estimator.runtime import tf
from model_fn import shifted, winograd

_LEAST_SIDE = 19  # of maps; on smaller ones the direct sum was faster
_LEAST_CHANNELS = 128  # of the input
_LEAST_DEPTH = 96  # of the output, for the products of Winograd
_FEW = 32  # channels of the output at most, for shifted products

_fast = False


@contextlib.contextmanager
def fast(wanted=True):
    """Inside the `with` block, 3x3 convolutions are made in the way that is fastest on a CPU in float32."""
    global _fast
    before, _fast = _fast, wanted
    try:
        yield
    finally:
        _fast = before


def convolve(x, weights, stride=1, padding='SAME', rate=1):
    """Convolution: [B, h, w, C] by [size, size, C, D] -> [B, h', w', D]."""
    if rate > 1:  # through space-to-batch: TensorFlow's CPU kernels have no gradient of a dilated convolution
        return tf.nn.atrous_conv2d(x, weights, rate, padding)
    size, depth = int(weights.shape[0]), int(weights.shape[-1])
    if winograd_pays(x, size, depth, stride, padding):
        return winograd.conv3x3(x, weights)
    if shifted_pays(x, size, depth, stride, padding):
        return shifted.conv3x3(x, weights)
    return tf.nn.conv2d(x, weights, strides=[1, stride, stride, 1], padding=padding)


def winograd_pays(x, size, depth, stride=1, padding='SAME'):
    """Whether to convolve [B, h, w, _] by [size, size, _, depth] by `winograd`."""
    return _is_large(x, size, stride, padding) and depth >= _LEAST_DEPTH


def shifted_pays(x, size, depth, stride=1, padding='SAME'):
    """Whether to convolve [B, h, w, _] by [size, size, _, depth] by `shifted`."""
    return _is_large(x, size, stride, padding) and depth <= _FEW


def _is_large(x, size, stride, padding):
    height, width, channels = [int(length) for length in x.shape[1:]]
    return _fast and (size, stride, padding) == (3, 1, 'SAME') and min(height, width) >= _LEAST_SIDE and channels >= _LEAST_CHANNELS
