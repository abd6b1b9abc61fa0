"""The datasets of `datumaro`: what it reads is read as this project's own readers read it. Most of it needs the package datumaro."""
import dataclasses
import json
import os
import shutil
import sys
import types

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import datumaro_formats
from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import test_same_labels, trees


@pytest.fixture(name='needed')
def _datumaro():
    return pytest.importorskip('datumaro', reason='datumaro is not installed: pip install -r requirements-data.txt')


def config_of(tmp_path, name):
    return trees.config_of('datumaro:' + name, tmp_path / 'data')


def test_without_the_package_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'datumaro', None)
    with pytest.raises(UserError, match='--dataset=datumaro:cvat needs the package datumaro: pip install -r requirements-data.txt'):
        class_names(config_of(tmp_path, 'cvat'))


def test_an_unknown_format_and_other_data_are_sentences(needed, tmp_path):
    with pytest.raises(UserError, match='datumaro:cvatt: datumaro has no such format. Nearest: cvat'):
        class_names(config_of(tmp_path, 'cvatt'))
    trees.write(tmp_path, 'data/x', '')
    with pytest.raises(UserError, match=r'--data_dir=.* cannot be read as coco_instances by datumaro \(\w+: '):
        class_names(config_of(tmp_path, 'coco_instances'))


def test_coco_instances_equal_those_of_the_own_reader(needed, tmp_path):
    test_same_labels.write_coco(tmp_path / 'data')
    for split in ('train', 'val'):
        os.makedirs(str(tmp_path / 'data/images'), exist_ok=True)
        os.rename(str(tmp_path / 'data' / split), str(tmp_path / 'data/images' / split))
        path = os.path.join(str(tmp_path), 'data/annotations/instances_%s.json' % split)
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        for i, fields in enumerate(content['annotations']):
            fields.update(id=i + 1, iscrowd=0, area=1, category_id=fields['category_id'] + 1)
        for fields in content['categories']:
            fields['id'] += 1
        trees.write(tmp_path, path, json.dumps(content))
    config = config_of(tmp_path, 'coco_instances')
    assert class_names(config) == trees.CLASSES
    for role in ('train', 'eval'):
        own = trees.samples(dataclasses.replace(config, dataset='coco'), role)
        read = trees.samples(config, role)
        for one, other in zip(own, read):
            np.testing.assert_allclose(other.boxes, one.boxes, atol=1e-6)
            assert other.classes.tolist() == one.classes.tolist() and other.mask().tolist() == one.mask().tolist()
        assert len(own) == len(read) == len(test_same_labels.NAMES[{'eval': 'val'}.get(role, role)])


@pytest.mark.parametrize('runs, said', [
    ({'size': [20, 30], 'counts': [10, 90, 501]}, 'do not add up'), ({'size': [20, 30], 'counts': [2 ** 40, 1]}, 'cannot be'),
    ({'size': [20, 30], 'counts': 'zzz'}, 'cut short|none of the kind'), ({'size': [20000, 30000], 'counts': 'PPP>'}, '30000 x 20000'),
    ({'size': [20, 30], 'counts': [10, 90, 500]}, '')])
def test_damaged_runs_of_coco_end_no_process(needed, tmp_path, runs, said):
    """pycocotools, which datumaro decodes by, checks nothing of them."""
    for split in ('train', 'val'):
        trees.write(tmp_path, 'data/images/%s/%s.jpg' % (split, split), trees.jpeg(trees.picture()))
        trees.write(tmp_path, 'data/annotations/instances_%s.json' % split, json.dumps({
            'images': [{'id': 1, 'file_name': split + '.jpg', 'height': 20, 'width': 30}], 'categories': [{'id': 1, 'name': 'cat'}], 'annotations': [
                {'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [0, 0, 6, 20], 'area': 90, 'iscrowd': 1, 'segmentation': runs}]}))
    config = config_of(tmp_path, 'coco_instances')
    if not said:
        sample, = trees.samples(config)
        assert (sample.mask() == 1).sum() == 90 and len(sample.boxes) == 1
        return
    with pytest.raises(UserError, match='train, split train: .*(%s)' % said):
        trees.samples(config)


def panoptic(root):
    """An image of 30 x 20 pixels: a sky, two cats that touch, and pixels of no segment."""
    ids = np.zeros((20, 30), np.int64)
    ids[:8], ids[8:14, 2:10], ids[8:14, 10:16] = 70000, 300, 301
    trees.write(root, 'images/train/a.png', trees.png(trees.picture()))
    trees.write(root, 'annotations/panoptic_train/a.png', trees.png(np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)))
    trees.write(root, 'annotations/panoptic_train.json', json.dumps({
        'images': [{'id': 1, 'file_name': 'a.png', 'height': 20, 'width': 30}],
        'categories': [{'id': 3, 'name': 'cat', 'isthing': 1}, {'id': 9, 'name': 'sky', 'isthing': 0}],
        'annotations': [{'image_id': 1, 'file_name': 'a.png', 'segments_info': [
            {'id': 70000, 'category_id': 9, 'iscrowd': 0, 'bbox': [0, 0, 30, 8], 'area': 240},
            {'id': 300, 'category_id': 3, 'iscrowd': 0, 'bbox': [2, 8, 8, 6], 'area': 48},
            {'id': 301, 'category_id': 3, 'iscrowd': 1, 'bbox': [10, 8, 6, 6], 'area': 36}]}]}))


@pytest.mark.parametrize('categories', ['{}', '{"categories": 7}', '{"categories": [7]}', '{"categories": null}'])
def test_panoptic_categories_of_another_kind_are_named(tmp_path, categories):
    trees.write(tmp_path, 'annotations/panoptic_train.json', categories)
    with pytest.raises(UserError, match='panoptic_train.json: "categories" is .*; it must be a list of objects'):
        datumaro_formats._things(str(tmp_path), ['cat'])


@pytest.mark.parametrize('runs, said', [
    ({'size': [400000, 600000], 'counts': b'1'}, 'its code is of 600000 x 400000 pixels'),
    ({'size': [20, 30], 'counts': b'\xff'}, 'none of the kind'),
    ({'size': [20, 30], 'counts': [300]}, 'do not add up')])
def test_runs_are_looked_at_before_any_decoder_has_them(runs, said):
    mask = types.SimpleNamespace(type=types.SimpleNamespace(name='mask'), group=1, attributes={}, rle=runs)
    for read in (datumaro_formats._pixels, datumaro_formats._bbox):
        with pytest.raises(UserError, match='a, split train: the outline of an instance .*' + said):
            read(mask, 20, 30, 'a, split train')


def test_the_box_of_runs():
    pixels = np.zeros((20, 30), bool)
    pixels[5:10, 3:12] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pixels.T.ravel()])))
    runs = {'size': [20, 30], 'counts': np.diff([0] + edges.tolist() + [600]).tolist()}
    mask = types.SimpleNamespace(type=types.SimpleNamespace(name='mask'), group=1, attributes={}, rle=runs)
    assert datumaro_formats._bbox(mask, 20, 30, '') == (3, 5, 9, 5) and (datumaro_formats._pixels(mask, 20, 30, '') == pixels).all()


def test_panoptic_things_give_boxes_and_all_segments_the_mask(needed, tmp_path, monkeypatch):
    panoptic(tmp_path / 'data')
    config = config_of(tmp_path, 'coco_panoptic')
    sample, = trees.samples(config, 'train')
    wanted = np.full((20, 30), 255)
    wanted[:8], wanted[8:14, 2:16] = 2, 1
    assert sample.mask().tolist() == wanted.tolist() and sample.classes.tolist() == [1, 1]
    found = sorted(zip(sample.crowd.tolist(), (sample.boxes * (20, 30, 20, 30)).round(4).tolist()))
    assert found == [(False, [8, 2, 14, 10]), (True, [8, 10, 14, 16])] and class_names(config) == ('cat', 'sky')
    datumaro_formats._imported.cache_clear()
    monkeypatch.setitem(sys.modules, 'datumaro', None)  # what is prepared needs no datumaro, and not even the data
    assert len(trees.samples(config, 'train')) == 1
    shutil.rmtree(str(tmp_path / 'data'))
    assert class_names(config) == ('cat', 'sky') and len(trees.samples(config, 'train')) == 1
    with pytest.raises(UserError, match='has the classes cat, sky: leave --class_file out'):
        trees.samples(dataclasses.replace(config, class_names=('sky', 'cat')), 'train')
