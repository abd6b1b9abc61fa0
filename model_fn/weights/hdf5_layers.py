"""The layers of a Keras .h5 file, and a trial of reading them: python hdf5_layers.py PATH.

HDF5's library goes round in circles over some damaged files, takes more memory than there is over others, or ends its process. So a file is
read in a process of its own first, which needs neither TensorFlow nor this project. Nothing of a file is executed, and no other file is reached.
"""
import math
import os
import resource
import subprocess
import sys
import time

import h5py

MOST_BYTES = 2 * 2 ** 30  # of all arrays: VGG-16 with its classifier has 0.55 GB
MODEL = 'model_weights'  # group of the weights in a file of a whole model
REFUSED = 3  # exit code of a trial whose file is refused, which says nothing against the library
_SECONDS, _BYTES_A_SECOND = 3, 2 * 10 ** 7  # of the processor: a trial takes a tenth of it
_ERRORS = OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError  # whatever h5py says of a damaged file


def read(path):
    """{layer: its arrays in order} of the layers that have weights. ValueError where the file is of another form or damaged."""
    code = subprocess.call([sys.executable, os.path.abspath(__file__), path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if code not in (0, REFUSED):
        raise ValueError('the library HDF5 does not come to its end')
    return _read(path)


def _read(path):
    try:
        with h5py.File(path, 'r') as file:
            root = file[MODEL] if _is_own(file, MODEL) else file
            if 'layer_names' not in root.attrs:
                raise ValueError('it has no list of layers, as model.save("NAME.h5") of Keras writes it%s' % (
                    '; a .weights.h5 file of Keras 3 has none' if _is_own(file, 'layers') else ''))
            return _layers(root)
    except _ERRORS as error:
        raise ValueError((str(error).splitlines() or [type(error).__name__])[0])


def _layers(root):
    layers, room = {}, MOST_BYTES
    for name in map(_text, root.attrs['layer_names']):
        arrays = []
        for weight in map(_text, root[name].attrs['weight_names']) if _is_own(root, name) else ():
            dataset = _dataset(root[name], weight)
            room -= dataset.size * dataset.dtype.itemsize
            if room < 0:
                raise ValueError('it holds over %d bytes' % MOST_BYTES)
            arrays.append(dataset[()])
        if arrays:
            layers[name] = arrays
    return layers


def _dataset(group, name):
    """A dataset that lies in the file itself."""
    parts = name.split('/')
    for i in range(len(parts)):
        if not _is_own(group, '/'.join(parts[:i + 1])):
            raise ValueError('%s is not in it' % name)
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError('%s is no array of its own' % name)
    return dataset


def _is_own(group, name):
    """Whether a group has something of this name, and not a link to elsewhere."""
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _text(name):
    return name.decode('utf-8') if isinstance(name, bytes) else str(name)


def _try(path):
    """Read a file within bounds of time and memory; the exit code."""
    seconds = math.ceil(time.process_time()) + _SECONDS + os.path.getsize(path) // _BYTES_A_SECOND
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with open('/proc/self/statm', encoding='ascii') as pages:  # the libraries have taken some already, more where there are many cores
        room = int(pages.read().split()[0]) * resource.getpagesize() + 2 * MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    try:
        _read(path)
    except ValueError:
        return REFUSED
    return 0


if __name__ == '__main__':
    sys.exit(_try(sys.argv[1]))
