"""Weights as constants: a checkpoint's values in the graph itself, with batch norm folded into the convolutions before it.

Such a graph needs no checkpoint any more, and is faster than one with variables: kernels arrange a constant filter once, a variable's at
every call.
"""
import contextlib

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from model_fn.network.layers import EPSILON

GAMMA, BETA, MEAN, VARIANCE = ('/BatchNorm/' + name for name in ('gamma', 'beta', 'moving_mean', 'moving_variance'))


@contextlib.contextmanager
def folded_weights(checkpoint, of_images=None):
    """Inside the `with` block get_variable gives constants with the values of `checkpoint`, folded as `FoldedValues` has them.

    Raises UserError where the checkpoint lacks a variable, or has it in another shape.
    """
    values, made = FoldedValues(checkpoint, of_images), {}

    def get_constant(getter, name, shape=None, **options):
        del getter, options
        if name not in made:
            with tf.name_scope(None):
                made[name] = tf.constant(values.get(name, [int(size) for size in shape]), name=name)
        return made[name]

    with tf.variable_scope(tf.get_variable_scope(), custom_getter=get_constant):
        yield


class FoldedValues:
    """The values of a checkpoint's variables; where batch norm follows, `weights` are scaled, and `beta` is the bias that is left.

    gamma (w * x - mean) / sqrt(variance + epsilon) + beta = (w scale) * x + (beta - mean scale)

    The weights named `of_images`, if any, take RGB in [0, 1] instead of BGR in [0, 255].
    """

    def __init__(self, checkpoint, of_images=None):
        self._checkpoint, self._of_images, self._reader = checkpoint, of_images, tf.train.load_checkpoint(checkpoint)

    def get(self, name, shape):
        """The value [*shape], float32, of the variable `name`."""
        value = self._read(name)
        if list(value.shape) != list(shape):
            raise self._other_network('%s has shape %s instead of %s' % (name, list(value.shape), list(shape)))
        scope = name.rpartition('/')[0]
        if name.endswith(BETA):
            scope = scope.rpartition('/')[0]
            value = value - self._read(scope + MEAN) * self._scale(scope)
        elif name.endswith('/weights') and self._reader.has_tensor(scope + GAMMA):
            value = value * self._scale(scope)
        if name == self._of_images:
            value = value[:, :, ::-1] * 255.
        return value.astype(np.float32)

    def _scale(self, scope):
        return self._read(scope + GAMMA).astype(np.float64) / np.sqrt(self._read(scope + VARIANCE) + np.float64(EPSILON))

    def _read(self, name):
        if not self._reader.has_tensor(name):
            raise self._other_network('it has no %s' % name)
        return self._reader.get_tensor(name)

    def _other_network(self, reason):
        return UserError('%s is of another network (%s): give the flags that it was trained with.' % (self._checkpoint, reason))
