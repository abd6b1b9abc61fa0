"""Weights as constants: a checkpoint's values in the graph itself, with batch norm folded into the convolutions before it.

Such a graph needs no checkpoint any more, and is faster than one with variables: kernels arrange a constant filter once, a variable's at
every call.
"""
import contextlib

import numpy as np

from blitznet_estimator import checkpoint_variables, weight_files
from blitznet_estimator.averaged_weights import stored_name
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf


@contextlib.contextmanager
def folded_weights(values):
    """Inside the `with` block get_variable gives constants: those of a `FoldedValues`.

    Raises UserError where the checkpoint lacks a variable, or has it in another shape.
    """
    made = {}

    def get_constant(getter, name, shape=None, **options):
        del getter, options
        if name not in made:
            with tf.name_scope(None):
                made[name] = weight_files.constant(values.get(name, [int(size) for size in shape]), name)
        return made[name]

    with tf.variable_scope(tf.get_variable_scope(), custom_getter=get_constant):
        yield


class FoldedValues:
    """The values of a checkpoint's variables, or their averages where it has these.

    Where batch norm follows, weights are scaled, and `beta` is the bias that is left:
    gamma (w * x - mean) / sqrt(variance + epsilon) + beta = (w scale) * x + (beta - mean scale)
    """

    def __init__(self, checkpoint, of_images=None):
        """of_images: {name of the weights that take RGB in [0, 1] instead of normalised images: Normalisation}."""
        self._checkpoint, self._of_images, self._reader = checkpoint, of_images or {}, tf.train.load_checkpoint(checkpoint)
        self._names = checkpoint_variables.shapes(self._reader)
        self._norm_of, self._epsilons = {}, {}

    def follow(self, weights, norm, epsilon):
        """Say that batch norm follows the convolution with some weights, before either is asked for: their name and its scope."""
        self._norm_of[weights], self._epsilons[norm] = norm, epsilon

    def get(self, name, shape):
        """The value [*shape], float32, of the variable `name`."""
        value = self._read(name)
        if list(value.shape) != list(shape):
            raise self._other_network('%s has shape %s instead of %s' % (name, list(value.shape), list(shape)))
        scope, _, leaf = name.rpartition('/')
        if leaf == 'beta' and scope in self._epsilons:
            value = value - self._read(scope + '/moving_mean') * self._scale(scope)
        elif name in self._norm_of:
            scale = self._scale(self._norm_of[name])
            value = value * (scale if value.shape[-1] == len(scale) else scale[:, None])  # depthwise weights are [k, k, C, 1]
        if name in self._of_images:
            normalisation = self._of_images[name]
            value = (value[:, :, ::-1] if normalisation.bgr else value) * (255. / np.array(normalisation.deviation)[:, None])
        return value.astype(np.float32)

    def _scale(self, scope):
        variance = self._read(scope + '/moving_variance') + np.float64(self._epsilons[scope])
        return self._read(scope + '/gamma').astype(np.float64) / np.sqrt(variance)

    def _read(self, name):
        if name not in self._names:
            raise self._other_network('it has no %s' % name)
        return self._reader.get_tensor(stored_name(name, self._names))

    def _other_network(self, reason):
        return UserError('%s is of another network (%s): give the flags that it was trained with.' % (self._checkpoint, reason))
