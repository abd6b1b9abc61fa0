"""Writes state dicts as PyTorch does, without it: the pickle names PyTorch's functions, which stand-ins carry while it is written."""
import collections
import io
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

from model_fn.weights.state_dict import MAGIC, TYPES


class _Tensor:
    """Pickled as a tensor that is a view of a storage of its own."""

    def __init__(self, key, array, storage):
        order = np.argsort(array.strides)[::-1] if array.ndim else []
        flat = np.ascontiguousarray(array.transpose(order)).ravel()  # the memory as it lies
        self.key, self.bytes, self.count, self.storage = key, flat.tobytes(), flat.size, storage
        self.size, self.stride = tuple(array.shape), tuple(step // array.itemsize for step in array.strides)

    def __reduce__(self):
        return sys.modules['torch._utils']._rebuild_tensor_v2, (self.storage(self), 0, self.size, self.stride, False, collections.OrderedDict())


def _stand_ins():
    torch, utils = types.ModuleType('torch'), types.ModuleType('torch._utils')

    def _rebuild_tensor_v2():
        """Never called."""
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = 'torch._utils', '_rebuild_tensor_v2'
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in TYPES:
        setattr(torch, name, type(name, (), {'__module__': 'torch'}))
    torch._utils = utils
    return {'torch': torch, 'torch._utils': utils}


def save(path, arrays, zipped, monkeypatch, extra=None):
    """Write {name: array} as torch.save writes a state dict. extra: put into the dictionary as it is."""
    fakes = _stand_ins()
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, name, module)
    kinds = {np.dtype(dtype): getattr(fakes['torch'], name) for name, dtype in TYPES.items()}

    class Storage:
        def __init__(self, tensor):
            self.tensor = tensor

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            tensor = value.tensor
            return ('storage', kinds[tensor.dtype], tensor.key, 'cpu', tensor.count) + (() if zipped else (None,))

    tensors = collections.OrderedDict()
    for i, (name, array) in enumerate(arrays.items()):
        tensors[name] = _Tensor(str(i), array, Storage)
        tensors[name].dtype = array.dtype
    stream = io.BytesIO()
    Pickler(stream, 2).dump(collections.OrderedDict(tensors, **(extra or {})))
    content = stream.getvalue()
    if zipped:
        with zipfile.ZipFile(str(path), 'w') as archive:
            archive.writestr('model/data.pkl', content)
            for tensor in tensors.values():
                archive.writestr('model/data/' + tensor.key, tensor.bytes)
        return str(path)
    keys = [tensor.key for tensor in tensors.values()]
    older = [pickle.dumps(value, 2) for value in (MAGIC, 1001, dict(little_endian=True))] + [content, pickle.dumps(keys, 2)]
    older += [struct.pack('<q', tensor.count) + tensor.bytes for tensor in tensors.values()]
    path.write_bytes(b''.join(older))
    return str(path)
