"""State dicts of PyTorch, read without it: both forms, and what is refused."""
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from model_fn.weights import state_dict
from tests.model_fn.weights import torch_files

ARRAYS = {'conv.weight': np.arange(24, dtype='<f4').reshape(2, 3, 4).transpose(2, 0, 1), 'bn.weight': np.array([1.5, 2], '<f4'),
          'bn.bias': np.array([3, 4], '<f8'), 'bn.running_mean': np.array([5, 6], '<f2'), 'bn.running_var': np.array([7, 8], '<f4'),
          'bn.num_batches_tracked': np.array(9, '<i8')}


@pytest.mark.parametrize('zipped', [True, False])
def test_arrays_by_module(tmp_path, monkeypatch, zipped):
    modules = state_dict.read(torch_files.save(tmp_path / 'a.pth', ARRAYS, zipped, monkeypatch))
    weight, = modules.take('conv', 3)
    np.testing.assert_array_equal(weight, ARRAYS['conv.weight'])
    assert [array.tolist() for array in modules.take('bn', 1, 1, 1, 1)] == [[1.5, 2], [3, 4], [5, 6], [7, 8]]
    modules.finish()


class Command:
    """Pickled as a call of a function of the system."""

    def __reduce__(self):
        return os.system, ('touch executed',)


@pytest.mark.parametrize('zipped', [True, False])
def test_nothing_is_called(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = torch_files.save(tmp_path / 'a.pth', ARRAYS, zipped, monkeypatch, extra={'command': Command()})
    with pytest.raises(UserError, match=r'a.pth cannot be read as a state dict of PyTorch.*it holds (posix|nt).system, which is no array'):
        state_dict.read(path)
    assert not os.path.exists('executed')


def zipped_pickle(path, content, **entries):
    with zipfile.ZipFile(str(path), 'w') as archive:
        archive.writestr('m/data.pkl', content)
        for name, data in entries.items():
            archive.writestr('m/' + name.replace('_', '/'), data)
    return str(path)


@pytest.mark.parametrize('content, reason', [
    (pickle.dumps({'epoch': 3}, 2), 'no dictionary of arrays'), (pickle.dumps([], 2), 'no dictionary of arrays'),
    (b'\x80\x02' + b'r' + struct.pack('<I', 2 ** 32 - 1) + b'.', 'an operation that no state dict needs'),  # a place in the memo, of 32 GB
    (b'\x80\x02}q', ''), (b'', '')])
def test_what_is_no_state_dict(tmp_path, content, reason):
    with pytest.raises(UserError, match='a.pth cannot be read as a state dict of PyTorch.*' + reason):
        state_dict.read(zipped_pickle(tmp_path / 'a.pth', content))


def test_an_array_larger_than_what_is_stored(tmp_path, monkeypatch):
    path = torch_files.save(tmp_path / 'a.pth', ARRAYS, True, monkeypatch)
    with zipfile.ZipFile(path) as archive:
        content = archive.read('model/data.pkl')
    with pytest.raises(UserError, match='ends before its last array'):
        state_dict.read(zipped_pickle(tmp_path / 'b.pth', content, **{'data_%d' % i: b'1234' for i in range(6)}))


@pytest.mark.parametrize('zipped', [True, False])
def test_a_file_that_was_cut_off(tmp_path, monkeypatch, zipped):
    path = torch_files.save(tmp_path / 'a.pth', ARRAYS, zipped, monkeypatch)
    with open(path, 'rb') as file:
        content = file.read()
    for size in (0, 1, 20, len(content) // 2, len(content) - 4):
        (tmp_path / 'b.pth').write_bytes(content[:size])
        with pytest.raises(UserError, match='b.pth cannot be read as a state dict'):
            state_dict.read(str(tmp_path / 'b.pth'))


def test_more_than_fits(tmp_path, monkeypatch):
    path = torch_files.save(tmp_path / 'a.pth', ARRAYS, False, monkeypatch)
    monkeypatch.setattr(state_dict, 'MOST_BYTES', os.path.getsize(path) - 1)
    with pytest.raises(UserError, match='it has over'):
        state_dict.read(path)
