"""What `--dataset=auto` takes a folder for."""
import os

import pytest

from blitznet_estimator.dataset_layouts import resolved
from blitznet_estimator.errors import UserError
from tests.input_fn.datasets import trees

FILES = {
    'folder': [{'JPEGImages/a.jpg': '', 'SegmentationClass/a.png': ''}, {'images/a.png': '', 'annotations/a.xml': '<annotation/>'},
               {'a.JPG': '', 'a.xml': '<annotation>'}],
    'coco': [{'annotations/instances_train.json': '{"images": []}', 'train/a.jpg': ''}],
    'yolo': [{'data.yaml': 'names: [cat]'}, {'pets.yml': 'nc: 2', 'images/a.jpg': ''}, {'classes.txt': 'cat', 'labels/train/a.txt': ''}],
    'labelme': [{'train/a.json': '{"imageData": null, "shapes": []}'}],
    'records': [{'train.tfrecord': ''}, {'val.record': ''}, {'voc-train-00000-of-00001': ''}],
    'cityscapes': [{'leftImg8bit/train/a/a.png': '', 'gtFine/train/a/b.png': ''}],
    'datumaro:coco_panoptic': [{'annotations/panoptic_train.json': '{}'}],
    'shapes': [{}, {'shapes/x': ''}]}


@pytest.mark.parametrize('name, files', [(name, files) for name, choices in FILES.items() for files in choices])
def test_layouts(tmp_path, name, files, caplog):
    for path, content in files.items():
        trees.write(tmp_path, path, content)
    with caplog.at_level('INFO', 'blitznet'):
        assert resolved('auto', str(tmp_path)) == name
    assert '--data_dir=%s has ' % tmp_path in caplog.text and caplog.text.endswith(': --dataset=%s.\n' % name)
    assert resolved('coco-train', str(tmp_path)) == 'coco-train'


def test_a_file_or_a_pattern_may_be_named(tmp_path):
    for name in ('pets.yaml', 'a-00000-of-00002', 'a-00001-of-00002'):
        trees.write(tmp_path, name, 'names: [cat]')
    assert resolved('auto', str(tmp_path / 'pets.yaml')) == 'yolo'
    assert resolved('auto', str(tmp_path / 'a-*')) == 'records'


def test_several_layouts_are_named(tmp_path):
    trees.write(tmp_path, 'data.yaml', 'names: [cat]')
    trees.write(tmp_path, 'annotations/instances_train.json', '{}')
    with pytest.raises(UserError, match=r'choose one with --dataset=coco \(it has .*\) or --dataset=yolo \(it has data.yaml\)'):
        resolved('auto', str(tmp_path))


@pytest.mark.parametrize('files, said', [
    ({'notes.md': ''}, 'has data in no layout that is known'),
    ({'pets/JPEGImages/a.jpg': ''}, 'in no layout .*; --data_dir=.*/pets has'),
    ({'VOCdevkit/VOC2012/JPEGImages/a.jpg': ''}, 'has PASCAL VOC: name the split, as in --dataset=voc12-train-seg-aug'),
    ({'a.jpg': '', 'feed.xml': '<rss/>'}, 'no layout'), ({'config.json': '{}'}, 'no layout'), ({'ci.yaml': 'on: push'}, 'no layout')])
def test_what_is_no_data_is_said(tmp_path, files, said):
    for path, content in files.items():
        trees.write(tmp_path, path, content)
    with pytest.raises(UserError, match=said):
        resolved('auto', str(tmp_path))
    with pytest.raises(UserError, match='there is no such folder. To draw shapes there, give --dataset=shapes'):
        resolved('auto', os.path.join(str(tmp_path), 'gone'))
