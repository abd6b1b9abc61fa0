"""Datasets of the TFDS catalogue by name, with one in the catalogue that the test defines."""
import io
import os
import socket
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets import tfds_privates
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from tests.input_fn.datasets import trees


class StandardPets(tfds.core.GeneratorBasedBuilder):
    """As TFDS's own voc has it."""
    VERSION = tfds.core.Version('1.2.0')
    code_path = None

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({
            'image': tfds.features.Image(), 'image/filename': tfds.features.Text(),
            'objects': tfds.features.Sequence({
                'label': tfds.features.ClassLabel(names=trees.CLASSES), 'bbox': tfds.features.BBoxFeature(), 'is_difficult': tf.bool})}))

    def _split_generators(self, dl_manager):
        return [tfds.core.SplitGenerator(name=split, gen_kwargs={'count': count}) for split, count in (('train', 3), ('validation', 2))]

    def _generate_examples(self, count):
        for i in range(count):
            objects = [{'label': trees.CLASSES[i], 'bbox': tfds.features.BBox(.1, .2, .3, .4), 'is_difficult': i == 1}] * i
            yield i, {'image': io.BytesIO(trees.jpeg(trees.picture(seed=i))), 'image/filename': '%d.jpg' % i, 'objects': objects}


class UnreachablePets(StandardPets):
    """Its archive lies at a port where nobody listens."""

    def _split_generators(self, dl_manager):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            dl_manager.download('http://127.0.0.1:%d/pets.tar' % free.getsockname()[1])


@pytest.fixture
def config(tmp_path):
    return DataConfig(dataset='tfds:standard_pets', data_dir=str(tmp_path / 'tfds'), prepared_dir=str(tmp_path / 'prepared'))


def check(source, count):
    samples = sorted(read_samples(source), key=lambda sample: sample.filename)  # TFDS shuffles its own datasets
    assert [sample.filename for sample in samples] == ['%d.jpg' % i for i in range(count)]
    for i, sample in enumerate(samples):
        assert sample.classes.tolist() == [1 + i] * i and sample.difficult.tolist() == [i == 1] * i
        np.testing.assert_allclose(sample.boxes, np.tile(np.float32([[.1, .2, .3, .4]]), (i, 1)))
        assert sample.mask() is None and (sample.height, sample.width) == (20, 30)


def test_prepared_by_tfds(config):
    with tfds_privates.no_bucket():
        StandardPets(data_dir=config.data_dir).download_and_prepare(
            download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    assert class_names(config) == trees.CLASSES
    source = open_dataset(config, 'train')
    assert source.format.name == 'tfds_voc' and source.class_names == trees.CLASSES and source.num_examples == 3
    check(source, 3)
    check(open_dataset(config, 'eval'), 2)
    assert not os.path.exists(config.prepared_dir)


def test_skip_leaves_out_what_is_damaged(config, caplog):
    path, = open_dataset(config, 'train').files
    with open(path, 'r+b') as file:
        file.seek(60)
        file.write(b'\xff\x00\xff')
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(DataConfig(**dict(vars(config), on_bad_record='skip')), 'train')
    assert source.num_examples == 2 == len(list(read_samples(source)))
    assert 'Left out: %s, record 0: damaged' % path in caplog.text and '1 of 3 records left out' in caplog.text


def test_prepared_on_first_use(config):
    assert class_names(config) == trees.CLASSES
    check(open_dataset(config, 'train'), 3)
    assert os.listdir(config.prepared_dir) == ['tfds']


def test_labels_are_not_taken_for_other_classes(config):
    """A model of two breeds, evaluated on these pets: a label would count for the breed of its number."""
    open_dataset(config, 'eval')
    with pytest.raises(UserError, match='--dataset=tfds:standard_pets has the classes %s, and those of the model .* are poodle, siamese: its labels'
                       % ', '.join(trees.CLASSES)):
        open_dataset(DataConfig(**dict(vars(config), class_names=('poodle', 'siamese'))), 'eval')


def test_an_unreachable_archive_fails_fast(config, monkeypatch):
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    start = time.time()
    with pytest.raises(UserError, match='tfds:unreachable_pets cannot be prepared .*[Rr]efused'):
        open_dataset(DataConfig(**dict(vars(config), dataset='tfds:unreachable_pets', class_names=trees.CLASSES)), 'train')
    assert time.time() - start < 10


def test_unknown_name_is_answered_with_the_nearest(config):
    with pytest.raises(UserError, match='tfds:standard_pet cannot be opened. Nearest: standard_pets'):
        class_names(DataConfig(**dict(vars(config), dataset='tfds:standard_pet')))


def test_dataset_without_boxes(config):
    with pytest.raises(UserError, match='tfds:mnist has no labelled boxes'):
        class_names(DataConfig(**dict(vars(config), dataset='tfds:mnist')))


@pytest.mark.parametrize('name', ['tfds:', 'tfds:/etc', 'tfds:../x'])
def test_no_name(config, name):
    with pytest.raises(UserError, match='write tfds:NAME'):
        class_names(DataConfig(**dict(vars(config), dataset=name)))


def test_unknown_split(config):
    with pytest.raises(UserError, match='--train_split=tarin is no split of the dataset tfds:standard_pets. Nearest: train'):
        open_dataset(DataConfig(**dict(vars(config), train_split='tarin')), 'train')
