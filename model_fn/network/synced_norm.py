"""Batch norm by the statistics of all replicas together, as one device with all their batches would have it."""
from blitznet_estimator import replicas
from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients

_AT_MEAN = 'GradientOfMeanOverReplicas'


def batch_norm(x, gamma, beta, epsilon, relu):
    """As PlainOps.batch_norm of [B, h, w, D], over the images of all replicas: (result, mean [D], unbiased variance [D])."""
    count = replicas.count() * tf.to_float(tf.reduce_prod(tf.shape(x)[:3]))
    mean = _mean_over_replicas(tf.reduce_mean(x, [0, 1, 2]))
    centred = x - mean
    variance = _mean_over_replicas(tf.reduce_mean(tf.square(centred), [0, 1, 2]))
    y = centred * (gamma * tf.rsqrt(variance + epsilon)) + beta
    return tf.nn.relu(y) if relu else y, mean, variance * (count / tf.maximum(count - 1, 1))


def _mean_over_replicas(x):
    """The mean, with its gradient: every replica's loss depends on every replica's `x`."""
    return gradients.attach(_AT_MEAN, replicas.mean([x])[0], [x])


def _gradient(x, dy):
    del x
    return replicas.mean([dy])


gradients.register(_AT_MEAN, _gradient)
