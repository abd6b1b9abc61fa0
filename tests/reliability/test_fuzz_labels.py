"""Label files and what is written of prepared data, damaged in every way: each reader gives what it can read, or one sentence with the file."""
import json
import random

import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import labelme_shapes, prepared, yolo_labels, yolo_yaml
from input_fn.datasets.json_files import read_object
from input_fn.datasets.voc_xml import names_in, read_annotation
from tests.input_fn.datasets import trees
from tests.reliability.damage import damaged_bytes, damaged_json

TRIES = 150

XML = '<?xml version="1.0" encoding="UTF-8"?>\n' + trees.voc_xml(
    trees.voc_object('cat', 3, 5, 12, 10, '<difficult>1</difficult>'), trees.voc_object('dog', 1.5, 2, 20, 19))
INFO = json.dumps({'name': 'folder', 'version': '1.1.0', 'splits': [
    {'name': 'train', 'shardLengths': ['20', '3'], 'numBytes': '1000'}, {'name': 'val', 'shardLengths': ['8'], 'numBytes': '100'}]})
LABELME = json.dumps({'imagePath': 'a.png', 'imageData': None, 'imageHeight': 20, 'imageWidth': 30, 'shapes': [
    {'label': 'cat', 'points': [[3, 4], [7, 4.5], [7, 9]], 'shape_type': 'polygon', 'group_id': 1},
    {'label': 'dog', 'points': [[3, 4], [7, 9]], 'shape_type': 'rectangle', 'group_id': None}]})
YAML = 'path: .\ntrain: images/train\nval: [images/val, more.txt]\nnc: 2\nnames:\n  0: cat\n  1: "dog"\n'


def variants(text, is_json=False):
    dice = random.Random(0)
    for _ in range(TRIES):
        yield damaged_bytes(text.encode('utf-8'), dice)
        if is_json:
            yield json.dumps(damaged_json(json.loads(text), dice)).encode('utf-8')


def read_labelme(path):
    return [labelme_shapes.pixels(shape, 20, 30).sum() + labelme_shapes.box([shape], 20, 30).sum()
            for shape in labelme_shapes.read(read_object(path), path)]


READERS = {
    'a.xml': (XML, lambda path: read_annotation(path, ('cat', 'dog'), 20, 30) and names_in(path)),
    'dataset_info.json': (INFO, lambda path: prepared.shard_lengths(path[:-len('/dataset_info.json')])),
    'a.json': (LABELME, read_labelme),
    'a.txt': ('0 .5 .5 .1 .2\n1 .1 .1 .2 .1 .2 .3\n', lambda path: list(yolo_labels.objects(yolo_labels.read(path, 2), 20, 30, True))),
    'data.yaml': (YAML, yolo_yaml.read)}


@pytest.mark.parametrize('name', READERS)
@pytest.mark.filterwarnings('ignore:.*overflow')
def test_a_damaged_file_is_read_or_a_sentence_that_names_it(tmp_path, name):
    text, read = READERS[name]
    path, said = str(tmp_path / name), 0
    trees.write(tmp_path, name, text)
    read(path)
    for data in variants(text, name.endswith('.json')):
        trees.write(tmp_path, name, data)
        try:
            read(path)
        except UserError as error:
            assert path in str(error)
            said += 1
    assert said


@pytest.mark.parametrize('change, said', [
    (dict(splits=None), '"splits" is None; it must be a list. Delete the folder'), (dict(splits=[7]), r'splits\[0\]: "name" must be a text'),
    (dict(splits=[{'name': 'train', 'shardLengths': ['x']}]), r'splits\[0\]: "shardLengths" holds \'x\', which is no count'),
    (dict(splits=[{'name': 'train', 'shardLengths': ['1'], 'numBytes': -1}]), r'"numBytes" holds -1, which is no count')])
def test_fields_of_prepared_data_are_named(tmp_path, change, said):
    trees.write(tmp_path, 'dataset_info.json', json.dumps(dict(json.loads(INFO), **change)))
    with pytest.raises(UserError, match='dataset_info.json.*' + said):
        prepared.shard_lengths(str(tmp_path))
