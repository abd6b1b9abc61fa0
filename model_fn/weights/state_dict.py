"""Reads the arrays in a state dict of PyTorch (.pth), without PyTorch, and without executing anything of the file.

A .pth file is a pickle with the arrays' bytes beside it: in a zip archive since PyTorch 1.6, one after the other before.
"""
import collections
import functools
import io
import operator
import os
import pickle
import pickletools
import zipfile

import numpy as np

from blitznet_estimator.errors import UserError
from model_fn.weights.named_arrays import NamedArrays

MOST_BYTES = 2 * 2 ** 30  # of a file, and of all its arrays
MAGIC = 0x1950a86a20f9469cfc6c  # that the older form begins with
TYPES = dict(DoubleStorage='<f8', FloatStorage='<f4', HalfStorage='<f2', LongStorage='<i8', IntStorage='<i4', ShortStorage='<i2',
             CharStorage='i1', ByteStorage='u1', BoolStorage='?')
LEAVES = ('weight', 'bias', 'running_mean', 'running_var')  # of a module, in the order in which they are given


class _Malformed(Exception):
    """A file that is no state dict; the text says why."""


_Storage = collections.namedtuple('_Storage', 'dtype key count')


class _Array:
    """What stands in the pickle for an array: where its numbers are."""

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)
        numbers = (offset,) + self.shape + self.strides
        if not isinstance(storage, _Storage) or len(self.shape) != len(self.strides) or not all(
                isinstance(number, int) and 0 <= number <= MOST_BYTES for number in numbers):
            raise _Malformed('an array is of no known form')
        self.bytes = functools.reduce(operator.mul, self.shape, 1) * np.dtype(storage.dtype).itemsize
        self.end = offset + 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides)) if self.bytes else 0

    def of(self, stored):
        """The array, out of all numbers of its storage, [count]."""
        if self.end > len(stored):
            raise _Malformed('it ends before its last array')
        if not self.bytes:
            return np.zeros(self.shape, self.storage.dtype)
        strides = [stride * stored.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(stored[self.offset:], self.shape, strides, writeable=False).copy()


def _rebuild(storage, offset, shape, strides, *unused):
    del unused  # whether it has a gradient, and its hooks, of which there are none in a state dict
    return _Array(storage, offset, shape, strides)


_KNOWN = {('collections', 'OrderedDict'): collections.OrderedDict, ('torch._utils', '_rebuild_tensor_v2'): _rebuild,
          ('torch._utils', '_rebuild_parameter'): lambda array, *unused: array}
_KNOWN.update({('torch', name): dtype for name, dtype in TYPES.items()})


class _Unpickler(pickle.Unpickler):
    """Knows arrays, and nothing that could be called for another purpose."""

    def find_class(self, module, name):
        if (module, name) not in _KNOWN:
            raise _Malformed('it holds %s.%s, which is no array' % (module, name))
        return _KNOWN[module, name]

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != 'storage' or pid[1] not in TYPES.values():
            raise _Malformed('its arrays are of no known type')
        if not isinstance(pid[2], str) or not isinstance(pid[4], int) or pid[4] < 0 or any(pid[5:]):
            raise _Malformed('its arrays are stored in no known way')
        return _Storage(pid[1], pid[2], pid[4])


def read(path):
    """NamedArrays of the modules of a state dict: each has what it has of LEAVES. Raises UserError where the file is of another form."""
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise _Malformed('it has over %d bytes' % MOST_BYTES)
        found = _of_zip(path) if zipfile.is_zipfile(path) else _of_older_form(path)
        return NamedArrays(path, _modules(found))
    except Exception as error:  # a damaged pickle or archive may raise anything
        if isinstance(error, MemoryError):
            raise
        raise UserError('%s cannot be read as a state dict of PyTorch, which torch.save(model.state_dict(), FILE) writes: %s.'
                        % (path, (str(error).splitlines() or [type(error).__name__])[0].rstrip('.')))


def _modules(arrays):
    modules = collections.OrderedDict()
    for name in arrays:
        modules.setdefault(name.rpartition('.')[0], None)
    for module in modules:
        modules[module] = [arrays[name] for name in ('%s.%s' % (module, leaf) for leaf in LEAVES) if name in arrays]
    return collections.OrderedDict((module, found) for module, found in modules.items() if found)


def _unpickled(stream):
    """The next pickle of a stream in memory. Its operations are looked through first: one number of a few bytes can ask for gigabytes."""
    start = stream.tell()
    for count, (operation, argument, _) in enumerate(pickletools.genops(stream)):
        if 'PUT' in operation.name and argument > count or operation.name.startswith(('EXT', 'FRAME')):
            raise _Malformed('its pickle has an operation that no state dict needs')
    stream.seek(start)
    return _Unpickler(stream, encoding='utf-8').load()


def _of_zip(path):
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        if sum(sizes.values()) > MOST_BYTES:
            raise _Malformed('it unpacks to over %d bytes' % MOST_BYTES)
        pickles = [name for name in sizes if name.split('/')[1:] == ['data.pkl']]
        if len(pickles) != 1:
            raise _Malformed('there is no data.pkl in it')
        folder = pickles[0].split('/')[0]
        if folder + '/byteorder' in sizes and archive.read(folder + '/byteorder') != b'little':
            raise _Malformed('it was written on a machine of another byte order')
        content = _unpickled(io.BytesIO(archive.read(pickles[0])))
        return _arrays(content, lambda storage: archive.read('%s/data/%s' % (folder, storage.key)))


def _of_older_form(path):
    with open(path, 'rb') as file:
        stream = io.BytesIO(file.read())
    if _unpickled(stream) != MAGIC:
        raise _Malformed('it does not begin as one')
    _unpickled(stream)  # the version of the form
    if not _unpickled(stream).get('little_endian'):
        raise _Malformed('it was written on a machine of another byte order')
    content = _unpickled(stream)
    dtypes = {array.storage.key: array.storage.dtype for array in _values(content).values()}
    stored = {}
    for key in _unpickled(stream):
        count = int.from_bytes(stream.read(8), 'little')
        size = count * np.dtype(dtypes.get(key, 'u1')).itemsize
        if key not in dtypes or size > MOST_BYTES:
            raise _Malformed('it stores what belongs to no array')
        stored[key] = stream.read(size)
    return _arrays(content, lambda storage: stored[storage.key])


def _values(content):
    """{name: _Array} of a state dict."""
    if not isinstance(content, dict) or not content or not all(
            isinstance(name, str) and isinstance(value, _Array) for name, value in content.items()):
        raise _Malformed('it is no dictionary of arrays by name')
    return content


def _arrays(content, stored):
    """{name: array} of a state dict; stored: _Storage -> its bytes."""
    found, data, room = {}, {}, MOST_BYTES
    for name, array in _values(content).items():
        storage = array.storage
        room -= array.bytes
        if room < 0:
            raise _Malformed('its arrays have over %d bytes' % MOST_BYTES)
        if storage.key not in data:
            data[storage.key] = np.frombuffer(stored(storage), storage.dtype)
        found[name] = array.of(data[storage.key])
    return found
