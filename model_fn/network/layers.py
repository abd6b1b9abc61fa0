"""Layers: convolution with batch norm or with bias, and their initial weights, under the published checkpoints' variable names."""
import dataclasses
import functools

import numpy as np

from blitznet_estimator.runtime import tf
from model_fn.kernels import cpu
from model_fn.kernels.convolution import convolve, convolve_resized, joining_pays
from model_fn.kernels.resize import resize

EPSILON = 1e-5  # of batch norm
_WIDE = 256  # channels, from which maps of one pixel are the fastest for batch norm; of fewer, maps of a row are
HE = tf.variance_scaling_initializer(2., 'fan_in', 'truncated_normal')  # arXiv 1502.01852
SMALL = tf.variance_scaling_initializer(.1, 'fan_in', 'truncated_normal')  # of detection heads
XAVIER = tf.glorot_uniform_initializer()


@dataclasses.dataclass(frozen=True)
class Norm:
    """How batch norm behaves in a whole network."""
    training: bool  # normalise with the batch's own statistics, and update the moving averages by UPDATE_OPS
    decay: float  # of the moving averages
    folded: bool = False  # its scale is in the weights already, and beta is the bias that is left: see `folded_weights`


def variable(name, shape, initializer, **options):
    """A float32 variable in the current scope, also in the collection MODEL_VARIABLES."""
    return tf.get_variable(name, shape, tf.float32, initializer, **options, collections=[
        tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])


def depth_of(x):
    """Channels of [..., depth]."""
    return int(x.shape[-1])


def conv_norm(x, depth, size, scope, norm, stride=1, padding='SAME', relu=True):
    """Convolution without bias, batch norm, and relu unless told otherwise: [B, h, w, _] -> [B, h', w', depth]."""
    with tf.variable_scope(scope):
        return batch_norm(convolve(x, _weights(depth_of(x), depth, size, HE), stride, padding), norm, relu)


def joined_conv_norm(x, skip, depth, scope, method, norm):
    """`conv_norm` by 1x1 of `x`, resized to the size of `skip`, beside `skip`: [B, h', w', _] and [B, h, w, _] -> [B, h, w, depth].

    `x` is convolved before it is resized: that is the same, for both are linear and neither looks at the other's axes, but of fewer pixels.
    """
    with tf.variable_scope(scope):
        channels = [depth_of(x), depth_of(skip)]
        of_x, of_skip = _split(_weights(sum(channels), depth, 1, HE), channels)
        x = resize(convolve(x, of_x), [int(side) for side in skip.shape[1:3]], method)
        if norm.folded:  # only a bias is left, which counts once: beside the convolution both become one op
            return tf.nn.relu(batch_norm(convolve(skip, of_skip), norm) + x)
        return batch_norm(convolve(skip, of_skip) + x, norm, relu=True)


def _split(weights, channels):
    """Weights [size, size, sum(channels), depth] by inputs. Constants stay constants: a compiler for a device wants them as filters."""
    value = tf.get_static_value(weights)
    if value is None:
        return tf.split(weights, channels, axis=2)
    return [tf.constant(part) for part in np.split(value, np.cumsum(channels)[:-1], axis=2)]


def conv_bias(x, depth, size, scope, stride=1, rate=1, padding='SAME', relu=True, initializer=XAVIER):
    """Convolution with bias, and relu unless told otherwise: [B, h, w, _] -> [B, h', w', depth]. The same scope again shares its weights."""
    weights, biases = _weights_and_biases(depth_of(x), depth, size, scope, initializer)
    x = tf.nn.bias_add(convolve(x, weights, stride, padding, rate), biases)
    return tf.nn.relu(x) if relu else x


def conv_pair(x, depths, size, scopes, initializer=XAVIER, sparse_gradient=False):
    """Two convolutions with bias, without relu: [B, h, w, _] -> [[B, h, w, depth] for depth in depths], in one where that is faster.

    sparse_gradient: as of `convolve`.
    """
    convolution = functools.partial(convolve, x, sparse_gradient=sparse_gradient)
    weights, biases = zip(*[_weights_and_biases(depth_of(x), depth, size, scope, initializer) for depth, scope in zip(depths, scopes)])
    if not joining_pays(x, size, sum(depths)):
        return [tf.nn.bias_add(convolution(own), bias) for own, bias in zip(weights, biases)]
    both = tf.nn.bias_add(convolution(tf.concat(weights, axis=-1)), tf.concat(biases, axis=-1))
    return tf.split(both, depths, axis=-1)


def resized_conv_bias(maps, size, depth, kernel, scope, initializer=XAVIER):
    """Convolution with bias, without relu, of maps [B, h, w, _] side by side, each resized to `size` by nearest neighbours: [B, *size, depth]."""
    channels = [depth_of(x) for x in maps]
    weights, biases = _weights_and_biases(sum(channels), depth, kernel, scope, initializer)
    if cpu.precision() and kernel == 3:
        parts = [convolve_resized(x, own, size) for x, own in zip(maps, _split(weights, channels))]
        return tf.nn.bias_add(tf.add_n(parts), biases)
    x = tf.concat([resize(x, size, 'nearest') for x in maps], axis=-1)
    return tf.nn.bias_add(convolve(x, weights), biases)


def _weights_and_biases(channels, depth, size, scope, initializer):
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        return _weights(channels, depth, size, initializer), variable('biases', [depth], tf.zeros_initializer())


def _weights(channels, depth, size, initializer):
    return variable('weights', [size, size, channels, depth], initializer)


def batch_norm(x, norm, relu=False):
    """Batch norm of [B, h, w, depth] over all axes but the last, with variables in the scope BatchNorm, and relu if told so."""
    depth = [depth_of(x)]
    activation = tf.nn.relu if relu else tf.identity
    with tf.variable_scope('BatchNorm'):
        beta = variable('beta', depth, tf.zeros_initializer())
        if norm.folded:
            return activation(tf.nn.bias_add(x, beta))
        gamma = variable('gamma', depth, tf.ones_initializer())
        mean = _moving_average('moving_mean', depth, tf.zeros_initializer())
        variance = _moving_average('moving_variance', depth, tf.ones_initializer())
        if not norm.training:
            return activation(tf.nn.fused_batch_norm(x, gamma, beta, mean, variance, epsilon=EPSILON, is_training=False)[0])
        y, batch_mean, batch_variance = tf.nn.fused_batch_norm(_cut(x), gamma, beta, epsilon=EPSILON)
        _update(mean, batch_mean, norm.decay)
        # The fused op normalises by the biased variance but returns the unbiased one (times n / (n - 1)): published checkpoints average that.
        _update(variance, batch_variance, norm.decay)
        y = activation(y)
        return y if y.shape[1:] == x.shape[1:] else tf.reshape(y, [-1, *x.shape.as_list()[1:]])


def _cut(x):
    """[B, h, w, depth] as more maps of fewer pixels, which is the same to batch norm: in bfloat16 a CPU, which shares them out, is faster so."""
    if cpu.precision() != 'mixed':
        return x
    width, depth = [int(length) for length in x.shape[2:]]
    return tf.reshape(x, [-1, 1 if depth >= _WIDE else width, 1, depth])


def _moving_average(name, shape, initializer):
    # On several devices each replica updates its own copy; a checkpoint gets their mean.
    return variable(name, shape, initializer, trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.MEAN)


def _update(average, value, decay):
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, average.assign_sub((average - value) * (1 - decay)))
