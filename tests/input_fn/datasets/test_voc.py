"""VOC and SBD from small trees in their true formats: every split's rule, mixtures, counts."""
import os
import shutil
import struct
import tarfile
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import sbd, voc
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, dataset_names, open_dataset
from tests.input_fn.datasets import trees
from tests.paths import GOLDEN

LISTS = {
    'VOC2007': {'Main/trainval': 'ab', 'Main/test': 'c'},
    'VOC2012': {'Main/train': 'd', 'Main/val': 'efg', 'Main/trainval': 'defg', 'Segmentation/train': 'dh', 'Segmentation/val': 'ei'},
}
# SBD: train d (also in VOC's), j; val e (VOC's validation, so left out), k.
COUNTS = {'voc07-trainval': 2, 'voc07-test': 1, 'voc12-train': 1, 'voc12-val': 3, 'voc12-trainval': 4, 'voc12-train-seg': 2,
          'voc12-val-seg': 2, 'voc12-train-seg-aug': 4, 'voc12-val-boxes': 3, 'voc12-trainval-boxes': 4}


def write_voc(root, names):
    """VOC's trees, with the images `names`; those of a Segmentation list have a mask."""
    for year, lists in LISTS.items():
        for path, ids in lists.items():
            trees.write(root, 'VOCdevkit/%s/ImageSets/%s.txt' % (year, path), '\n'.join(ids) + '\n')
    for i, name in enumerate(names):
        folder = 'VOCdevkit/%s/' % ('VOC2007' if name in 'abc' else 'VOC2012')
        trees.write(root, folder + 'JPEGImages/%s.jpg' % name, trees.jpeg(trees.picture(seed=i)))
        trees.write(root, folder + 'Annotations/%s.xml' % name, trees.voc_xml(trees.voc_object(voc.CLASS_NAMES[i], 3, '5.0', 12, 10)))
        if name in 'adehi':
            mask = np.full((20, 30), 1 + i, np.uint8)
            mask[0] = 255
            trees.write(root, folder + 'SegmentationClass/%s.png' % name, trees.indexed_png(mask))


def write_sbd(root):
    """SBD's tree, with a mask of class 20 for each of its images."""
    trees.write(root, 'benchmark_RELEASE/dataset/train.txt', 'j\nd\n')
    trees.write(root, 'benchmark_RELEASE/dataset/val.txt', 'k\ne\n')
    for name in 'djke':
        path = trees.write(root, 'benchmark_RELEASE/dataset/cls/%s.mat' % name, '')
        savemat(path, {'GTcls': {'Segmentation': np.full((20, 30), 20, np.uint8), 'CategoriesPresent': [20]}})


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(voc, 'SPLITS', {name: split._replace(count=COUNTS[name]) for name, split in voc.SPLITS.items()})
    write_voc(tmp_path / 'sets', 'abcdefghijk')
    write_sbd(tmp_path / 'sets')
    return DataConfig(dataset='voc12-train', data_dir=str(tmp_path / 'sets'), prepared_dir=str(tmp_path / 'prepared'))


def samples(config, name, role='train'):
    return list(read_samples(open_dataset(DataConfig(**dict(vars(config), dataset=name)), role)))


@pytest.mark.parametrize('name, images, with_mask', [
    ('voc07-trainval', 'ab', ''), ('voc07-test', 'c', ''), ('voc12-train', 'd', 'd'), ('voc12-val', 'efg', 'e'),
    ('voc12-trainval', 'defg', 'de'), ('voc12-train-seg', 'dh', 'dh'), ('voc12-val-seg', 'ei', 'ei'),
    ('voc12-train-seg-aug', 'dhjk', 'dhjk'), ('voc12-trainval-boxes', 'defg', ''), ('voc07+12', 'abdefg', ''),
    ('voc07+12-seg', 'abdhjk', 'dhjk'),
    ('voc07+12-segfull', 'abdhjkefg', 'dhjk')])
def test_every_split(config, name, images, with_mask):
    read = samples(config, name)
    assert ''.join(sample.filename[0] for sample in read) == images
    assert ''.join(sample.filename[0] for sample in read if sample.mask() is not None) == with_mask
    for sample in read:
        assert sample.classes.tolist() == [1 + 'abcdefghijk'.index(sample.filename[0])]
        np.testing.assert_allclose(sample.boxes, [[5 / 20, 3 / 30, 10 / 20, 12 / 30]], rtol=1e-6)


def test_masks_are_vocs_where_it_has_them_else_sbds(config):
    read = {sample.filename[0]: sample.mask() for sample in samples(config, 'voc12-train-seg-aug')}
    assert np.unique(read['d']).tolist() == [4, 255] and np.unique(read['h']).tolist() == [8, 255]
    assert np.unique(read['j']).tolist() == np.unique(read['k']).tolist() == [20]


def test_evaluation_goes_to_the_split_that_belongs_to_it(config):
    assert [sample.filename[0] for sample in samples(config, 'voc12-train-seg-aug', 'eval')] == ['e', 'i']
    assert [sample.filename[0] for sample in samples(config, 'voc07+12', 'eval')] == ['c']
    assert [sample.filename[0] for sample in samples(config, 'voc12-val', 'eval')] == ['e', 'f', 'g']


def test_names_and_official_counts():
    assert set(voc.NAMES) <= set(dataset_names()) and len(class_names(DataConfig(dataset='voc07+12'))) == 20
    counts = {name: split.count for name, split in voc.SPLITS.items()}
    assert (counts['voc07-trainval'], counts['voc07-test'], counts['voc12-train'], counts['voc12-val'], counts['voc12-train-seg'],
            counts['voc12-val-seg'], counts['voc12-train-seg-aug']) == (5011, 4952, 5717, 5823, 1464, 1449, 10582)


def test_another_count_is_an_error(config, monkeypatch):
    monkeypatch.setattr(voc, 'SPLITS', dict(voc.SPLITS, **{'voc12-val': voc.SPLITS['voc12-val']._replace(count=5823)}))
    with pytest.raises(UserError, match='voc12-val: 3 images found in .*VOC2012, but the official voc12-val has 5823'):
        samples(config, 'voc12-val')


def test_missing_image_is_named(config):
    os.remove(os.path.join(config.data_dir, 'VOCdevkit/VOC2012/JPEGImages/f.jpg'))
    with pytest.raises(UserError, match='val.txt lists f, but there is no .*f.jpg'):
        samples(config, 'voc12-val')


def test_missing_masks_are_named(config):
    os.remove(os.path.join(config.data_dir, 'VOCdevkit/VOC2012/SegmentationClass/i.png'))
    with pytest.raises(UserError, match='voc12-val-seg: .*i.jpg has no mask'):
        samples(config, 'voc12-val-seg')
    os.remove(os.path.join(config.data_dir, 'benchmark_RELEASE/dataset/cls/j.mat'))
    with pytest.raises(UserError, match='j.jpg has a mask neither in VOC nor in SBD'):
        samples(config, 'voc12-train-seg-aug')


@pytest.mark.parametrize('content', [b'', b'MATLAB 5.0 but not really', None])
def test_corrupt_mat_file_is_named(config, content):
    path = os.path.join(config.data_dir, 'benchmark_RELEASE/dataset/cls/j.mat')
    if content is None:
        savemat(path, {'other': [1]})
    else:
        trees.write(config.data_dir, 'benchmark_RELEASE/dataset/cls/j.mat', content)
    with pytest.raises(UserError, match='j.mat: not a mask file of SBD'):
        samples(config, 'voc12-train-seg-aug')


def packed(content):
    """A .mat file of one packed element."""
    data = zlib.compress(content)
    return bytes(124) + b'\0\1IM' + struct.pack('<II', 15, len(data)) + data


@pytest.mark.parametrize('content', [packed(bytes(1 << 27)), packed(struct.pack('<II', 14, 2 ** 31)), packed(b''), packed(b'')[:-3], bytes(1 << 20)])
def test_a_mat_file_that_claims_or_packs_more_than_there_is(tmp_path, content):
    with pytest.raises(UserError, match='a.mat: not a mask file of SBD'):
        sbd.read_mask(trees.write(tmp_path, 'a.mat', content))


@pytest.mark.parametrize('do_compression', [False, True])
def test_masks_of_mat_files(tmp_path, do_compression):
    mask, path = np.arange(200).reshape(10, 20), trees.write(tmp_path, 'a.mat', '')
    for kind in (np.uint8, np.int64, np.float64):
        savemat(path, {'other': [1], 'GTcls': {'Boundaries': [[1.5]], 'Segmentation': mask.astype(kind), 'CategoriesPresent': [20]}},
                do_compression=do_compression)
        found = sbd.read_mask(path)
        assert found.dtype == np.uint8 and found.tolist() == mask.tolist()
    for wrong in (mask + 100, mask / 3., mask - 1, mask[None], np.array(['text'])):
        savemat(path, {'GTcls': {'Segmentation': wrong}})
        with pytest.raises(UserError, match='a.mat: not a mask file of SBD'):
            sbd.read_mask(path)


def test_from_the_official_archives(config, tmp_path):
    sets, packed = config.data_dir, tmp_path / 'packed'
    packed.mkdir()
    for archive, folder in (('VOCtrainval_11-May-2012.tar', 'VOCdevkit'), ('benchmark.tgz', 'benchmark_RELEASE')):
        with tarfile.open(str(packed / archive), 'w:gz' if archive.endswith('gz') else 'w') as file:
            file.add(os.path.join(sets, folder), folder)
    shutil.rmtree(sets)
    read = samples(DataConfig(**dict(vars(config), data_dir=str(packed))), 'voc12-train-seg-aug')
    assert ''.join(sample.filename[0] for sample in read) == 'dhjk'
    assert sorted(os.listdir(str(packed))) == ['VOCtrainval_11-May-2012.tar', 'benchmark.tgz']  # the user's folder is only read


def test_given_folder_must_exist(config):
    with pytest.raises(UserError, match='--data_dir=/nowhere is not a folder'):
        samples(DataConfig(**dict(vars(config), data_dir='/nowhere')), 'voc12-val')


def test_without_files_and_network(config, tmp_path, monkeypatch):
    monkeypatch.setattr(voc, '_URLS', {name: 'file:///nowhere/' + name for name in voc._URLS})
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='VOCtest_06-Nov-2007.tar cannot be downloaded .*put it into --data_dir'):
        samples(DataConfig(**dict(vars(config), data_dir=str(tmp_path / 'empty'))), 'voc07-test')


def test_records_that_bear_the_name_of_a_split_are_taken(tmp_path):
    shutil.copy(os.path.join(GOLDEN, 'camvid_val4_reference_jpeg.tfrecord'), str(tmp_path / 'voc12-train-seg'))
    source = open_dataset(DataConfig(dataset='voc12-train-seg', data_dir=str(tmp_path), prepared_dir=str(tmp_path / 'prepared')), 'train')
    assert source.num_examples == 4 and source.class_names == voc.CLASS_NAMES
