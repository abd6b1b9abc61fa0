"""Files of Keras: the layers' arrays in their order, and what is refused."""
import os

import h5py
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from model_fn.weights import hdf5
from tests.reliability.fuzz import FOUND

LAYERS = {'conv': {'conv/kernel:0': np.ones([1, 1, 2, 3], 'f'), 'conv/bias:0': np.arange(3, dtype='f')}, 'relu': {},
          'bn': {'bn_gamma:0': np.ones(3, 'f')}}


def save(path, layers=None, group=''):
    """A file as Keras writes weights alone, or, with the group model_weights, a model."""
    layers = LAYERS if layers is None else layers
    with h5py.File(str(path), 'w') as file:
        root = file.create_group(group) if group else file
        root.attrs['layer_names'] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            own = root.create_group(name)
            own.attrs['weight_names'] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                own.create_dataset(weight, data=array)
    return str(path)


@pytest.mark.parametrize('group', ['', 'model_weights'])
def test_arrays_by_layer(tmp_path, group):
    layers = hdf5.read(save(tmp_path / 'a.h5', group=group))
    kernel, bias = layers.take('conv', 4, 1)
    assert kernel.shape == (1, 1, 2, 3) and bias.tolist() == [0, 1, 2]
    assert 'relu' not in layers and 'bn' in layers
    with pytest.raises(UserError, match='a.h5 does not fit the trunk: this trunk has no bn. --trunk names the trunk'):
        layers.finish()


def test_what_is_no_file_of_keras(tmp_path):
    (tmp_path / 'a.h5').write_bytes(b'no HDF5' * 99)
    with pytest.raises(UserError, match='a.h5 cannot be read as weights of Keras'):
        hdf5.read(str(tmp_path / 'a.h5'))
    with h5py.File(str(tmp_path / 'b.weights.h5'), 'w') as file:
        file.create_group('layers')
    with pytest.raises(UserError, match='no list of layers.*a .weights.h5 file of Keras 3 has none'):
        hdf5.read(str(tmp_path / 'b.weights.h5'))


def test_a_file_over_which_the_library_goes_round_in_circles(tmp_path):
    """The type of the list of layers says that its texts lie elsewhere."""
    path = tmp_path / 'a.h5'
    with open(os.path.join(FOUND, 'a.h5', '1'), 'rb') as file:
        path.write_bytes(file.read())
    with pytest.raises(UserError, match='a.h5 cannot be read as weights of Keras: the library HDF5 does not come to its end.'):
        hdf5.read(str(path))


@pytest.mark.parametrize('link', [h5py.ExternalLink('other.h5', '/secret'), h5py.SoftLink('/conv/conv/bias:0')])
def test_links_are_not_followed(tmp_path, link):
    save(tmp_path / 'other.h5', {'secret': {'secret': np.ones(3, 'f')}})
    path = save(tmp_path / 'a.h5')
    with h5py.File(path, 'a') as file:
        del file['bn/bn_gamma:0']
        file['bn']['bn_gamma:0'] = link
    with pytest.raises(UserError, match='a.h5 .*bn_gamma:0 is not in it'):
        hdf5.read(path)


def test_numbers_outside_the_file_are_not_read(tmp_path):
    path = save(tmp_path / 'a.h5')
    (tmp_path / 'secret').write_bytes(b'1234' * 3)
    with h5py.File(path, 'a') as file:
        del file['bn/bn_gamma:0']
        file['bn'].create_dataset('bn_gamma:0', (3,), 'f', external=[(str(tmp_path / 'secret'), 0, 12)])
    with pytest.raises(UserError, match='bn_gamma:0 is no array of its own'):
        hdf5.read(path)


def test_more_than_fits_is_refused_before_it_is_read(tmp_path):
    path = save(tmp_path / 'a.h5')
    with h5py.File(path, 'a') as file:
        file['bn'].create_dataset('huge', (2 ** 15, 2 ** 15), 'f', chunks=(1, 2 ** 15))  # 4 GB, none of it written
        file['bn'].attrs['weight_names'] = [b'huge']
    with pytest.raises(UserError, match='it holds over 2147483648 bytes'):
        hdf5.read(path)
