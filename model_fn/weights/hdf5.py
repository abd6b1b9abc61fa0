"""Reads the weights in Keras's .h5 files. Nothing of a file is executed, and no other file is reached from it."""
import os

import h5py

from blitznet_estimator.errors import UserError
from model_fn.weights.named_arrays import NamedArrays

MOST_BYTES = 2 * 2 ** 30  # of all arrays: VGG-16 with its classifier has 0.55 GB
MODEL = 'model_weights'  # group of the weights in a file of a whole model


def read(path):
    """NamedArrays of the layers that have weights: each has its arrays in the order of the layer.

    Raises UserError where the file is not of the form that `keras.applications` publishes, and `model.save('NAME.h5')` writes.
    """
    try:
        with h5py.File(path, 'r') as file:
            root = file[MODEL] if _is_own(file, MODEL) else file
            if 'layer_names' not in root.attrs:
                raise _error(path, 'it has no list of layers, as model.save("NAME.h5") of Keras writes it%s' % (
                    '; a .weights.h5 file of Keras 3 has none' if _is_own(file, 'layers') else ''))
            return NamedArrays(path, _layers(root, path))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # whatever h5py says of a damaged file
        raise _error(path, (str(error).splitlines() or [type(error).__name__])[0])


def _layers(root, path):
    layers, room = {}, MOST_BYTES
    for name in map(_text, root.attrs['layer_names']):
        arrays = []
        for weight in map(_text, root[name].attrs['weight_names']) if _is_own(root, name) else ():
            dataset = _dataset(root[name], weight, path)
            room -= dataset.size * dataset.dtype.itemsize
            if room < 0:
                raise _error(path, 'it holds over %d bytes' % MOST_BYTES)
            arrays.append(dataset[()])
        if arrays:
            layers[name] = arrays
    return layers


def _dataset(group, name, path):
    """A dataset that lies in the file itself."""
    parts = name.split('/')
    for i in range(len(parts)):
        if not _is_own(group, '/'.join(parts[:i + 1])):
            raise _error(path, '%s is not in it' % name)
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise _error(path, '%s is no array of its own' % name)
    return dataset


def _is_own(group, name):
    """Whether a group has something of this name, and not a link to elsewhere."""
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _text(name):
    return name.decode('utf-8') if isinstance(name, bytes) else str(name)


def _error(path, reason):
    return UserError('%s cannot be read as weights of Keras: %s.' % (os.path.normpath(path), reason.rstrip('.')))
