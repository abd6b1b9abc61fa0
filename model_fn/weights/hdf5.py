"""Reads the weights in Keras's .h5 files."""
import os

from blitznet_estimator.errors import UserError
from model_fn.weights import hdf5_layers
from model_fn.weights.named_arrays import NamedArrays


def read(path):
    """NamedArrays of the layers that have weights: each has its arrays in the order of the layer.

    Raises UserError where the file is not of the form that `keras.applications` publishes, and `model.save('NAME.h5')` writes.
    """
    try:
        return NamedArrays(path, hdf5_layers.read(path))
    except ValueError as error:
        raise UserError('%s cannot be read as weights of Keras: %s.' % (os.path.normpath(path), str(error).rstrip('.')))
