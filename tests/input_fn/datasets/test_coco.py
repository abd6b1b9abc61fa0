"""COCO from small trees in its true format: polygons, run-length codes, crowds, splits and counts."""
import json
import os
import zipfile

import numpy as np
import pytest
from pycocotools import mask as codes

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import coco
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from tests.input_fn.datasets import trees

PERSON, DOG, ZEBRA = 1, 18, 24  # COCO's own category ids
CATEGORIES = [{'id': PERSON, 'name': 'person'}, {'id': DOG, 'name': 'dog'}, {'id': ZEBRA, 'name': 'zebra'}]


def rectangle(left, top, right, bottom):
    """[h, w] uint8 of the picture's size, 1 in a rectangle of pixels."""
    pixels = np.zeros((20, 30), np.uint8)
    pixels[top:bottom, left:right] = 1
    return pixels


def polygon(left, top, right, bottom):
    return [[left, top, right, top, right, bottom, left, bottom]]


def plain_code(pixels):
    """Uncompressed run-length code: column by column, runs of zeros and ones in turn."""
    runs, value = [0], 0
    for pixel in pixels.T.ravel():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return {'size': list(pixels.shape), 'counts': runs}


def compressed_code(pixels):
    code = codes.encode(np.asfortranarray(pixels))
    return {'size': code['size'], 'counts': code['counts'].decode()}


def instance(image_id, category, box, segmentation, crowd=0):
    return {'image_id': image_id, 'category_id': category, 'bbox': box, 'segmentation': segmentation, 'iscrowd': crowd, 'id': 1}


INSTANCES = [
    instance(7, PERSON, [3, 5, 9, 5], polygon(3, 5, 12, 10)),
    instance(7, DOG, [10, 5, 5, 5], polygon(10, 5, 15, 10)),  # paints over the person
    instance(5, ZEBRA, [0, 0, 30, 10], plain_code(rectangle(0, 0, 30, 10)), crowd=1),
    instance(5, PERSON, [20, 10, 5, 10], compressed_code(rectangle(20, 10, 25, 20))),
    instance(5, PERSON, [20, 10, 0, 10], []),  # COCO has empty boxes
]


def write_coco(root, name, images=(7, 5, 6), instances=INSTANCES, folder='train2014', categories=CATEGORIES):
    content = {'categories': categories, 'annotations': instances, 'images': [
        {'id': i, 'file_name': 'COCO_%012d.jpg' % i, 'height': 20, 'width': 30} for i in images]}
    trees.write(root, 'annotations/instances_%s.json' % name, json.dumps(content))
    for i in images:
        trees.write(root, '%s/COCO_%012d.jpg' % (folder, i), trees.jpeg(trees.picture(seed=i)))
    return str(root)


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(coco, 'SPLITS', {name: tuple(form._replace(count=3) for form in forms) for name, forms in coco.SPLITS.items()})
    return DataConfig(dataset='coco-train', data_dir=str(tmp_path / 'coco'), prepared_dir=str(tmp_path / 'prepared'))


def samples(config, role='train', **changes):
    return list(read_samples(open_dataset(DataConfig(**dict(vars(config), **changes)), role)))


def test_boxes_classes_and_masks(config):
    write_coco(config.data_dir, 'train2014')
    first, second, third = samples(config)
    assert [sample.filename for sample in (first, second, third)] == ['COCO_%012d.jpg' % i for i in (7, 5, 6)]
    np.testing.assert_allclose(first.boxes, [[5 / 20, 3 / 30, 10 / 20, 12 / 30], [5 / 20, 10 / 30, 10 / 20, 15 / 30]], rtol=1e-6)
    person, dog, zebra = (1 + coco.CLASS_NAMES.index(name) for name in ('person', 'dog', 'zebra'))
    assert (person, dog, zebra) == (15, 12, 80)
    assert first.classes.tolist() == [person, dog] and not first.crowd.any() and not first.difficult.any()
    expected = person * rectangle(3, 5, 12, 10)
    expected[5:10, 10:15] = dog
    np.testing.assert_array_equal(first.mask(), expected)
    assert second.classes.tolist() == [zebra, person] and second.crowd.tolist() == [True, False]
    np.testing.assert_array_equal(second.mask(), zebra * rectangle(0, 0, 30, 10) + person * rectangle(20, 10, 25, 20))
    assert third.has_boxes and len(third.boxes) == 0 and third.mask().max() == 0  # an image of nothing


def test_an_instance_of_several_polygons(config):
    parts = polygon(0, 0, 5, 5) + polygon(10, 10, 20, 20)
    write_coco(config.data_dir, 'train2014', instances=[instance(7, DOG, [0, 0, 20, 20], parts)])
    dog = 1 + coco.CLASS_NAMES.index('dog')
    np.testing.assert_array_equal(samples(config)[0].mask(), dog * (rectangle(0, 0, 5, 5) + rectangle(10, 10, 20, 20)))


def test_class_order():
    assert len(coco.CLASS_NAMES) == 80 == len(class_names(DataConfig(dataset='coco-minival')))
    assert coco.CLASS_NAMES[19] == 'tv' and list(coco.CLASS_NAMES[20:]) == sorted(coco.CLASS_NAMES[20:])


def test_official_counts():
    assert [form.count for name in sorted(coco.SPLITS) for form in coco.SPLITS[name]] == [5000, 5000, 82783, 118287, 35504, 35504]


def test_minival_of_either_year(config):
    write_coco(config.data_dir, 'val2017', folder='val2017')
    assert len(samples(config, 'eval')) == 3
    write_coco(config.data_dir, 'minival2014', images=(5, 6, 7), folder='val2014')
    assert [sample.filename[-5] for sample in samples(config, 'eval')] == ['5', '6', '7']


def test_trainval35k_of_either_year(config):
    write_coco(config.data_dir, 'train2017', images=(6, 5, 7), folder='train2017')
    assert [sample.filename[-5] for sample in samples(config, dataset='coco-trainval35k')] == ['6', '5', '7']
    write_coco(config.data_dir, 'train2014', folder='images/train2014')
    write_coco(config.data_dir, 'valminusminival2014', images=(9, 8, 1), instances=[], folder='val2014')
    source = open_dataset(DataConfig(**dict(vars(config), dataset='coco-trainval35k')), 'train')
    assert source.num_examples == 6 and (source.name, source.split) == ('coco-trainval35k', 'coco-trainval35k')
    assert ''.join(sample.filename[-5] for sample in read_samples(source)) == '756981'


def test_val_without_minival(config):
    write_coco(config.data_dir, 'val2014', images=(9, 3, 8, 1), instances=[], folder='val2014')
    write_coco(config.data_dir, 'minival2014', images=(3, 4, 5), folder='val2014')
    assert ''.join(sample.filename[-5] for sample in samples(config, dataset='coco-valminusminival')) == '981'


def test_from_the_official_archives(config, tmp_path):
    tree = write_coco(tmp_path / 'tree', 'train2014')
    os.mkdir(config.data_dir)
    for archive, folder in (('annotations_trainval2014.zip', 'annotations'), ('train2014.zip', 'train2014')):
        with zipfile.ZipFile(os.path.join(config.data_dir, archive), 'w') as file:
            for name in os.listdir(os.path.join(tree, folder)):
                file.write(os.path.join(tree, folder, name), folder + '/' + name)
    assert len(samples(config)) == 3


def test_own_directory(config):
    categories = [{'id': 9, 'name': 'van'}, {'id': 4, 'name': 'bus'}]
    boxes_only = [{'image_id': 7, 'category_id': 9, 'bbox': [-3, 0, 33, 20]}]
    write_coco(config.data_dir, 'train', instances=boxes_only, folder='images/train', categories=categories)
    write_coco(config.data_dir, 'val', instances=[], folder='val', categories=categories)
    assert class_names(DataConfig(**dict(vars(config), dataset='coco'))) == ('bus', 'van')
    read = samples(config, dataset='coco')
    assert read[0].classes.tolist() == [2] and read[0].boxes.tolist() == [[0, 0, 1, 1]] and read[0].mask() is None
    assert len(samples(config, 'eval', dataset='coco')) == 3


def test_a_prepared_split_needs_no_instance_file_read(config, monkeypatch):
    write_coco(config.data_dir, 'train2014')
    first = open_dataset(config, 'train')
    monkeypatch.setattr(coco.coco_instances, 'read_instances', None)
    assert open_dataset(config, 'train') == first


BAD = {
    'other count': (dict(images=(7, 5)), 'instances_train2014.json lists 2 images, but the official one 3'),
    'unknown category': (dict(categories=CATEGORIES + [{'id': 99, 'name': 'unicorn'}]), "json: the category 'unicorn' is not in the class"),
    'unlisted category': (dict(instances=[instance(7, 55, [1, 1, 2, 2], [])]), '7.jpg: an instance has the category 55'),
    'code of another size': (dict(instances=[instance(7, DOG, [1, 1, 2, 2], plain_code(rectangle(1, 1, 2, 2)[:-1]))]), '7.jpg: .* 30 x 19'),
    'outline of nothing': (dict(instances=[instance(7, DOG, [1, 1, 2, 2], {'size': [20, 30]})]), '7.jpg: the outline of an instance'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_instances(config, name):
    changes, message = BAD[name]
    write_coco(config.data_dir, 'train2014', **changes)
    with pytest.raises(UserError, match=message):
        samples(config)


@pytest.mark.parametrize('content, message', [('{', 'not a readable JSON'), ('[]', 'has no images, annotations, categories')])
def test_bad_instance_file(config, content, message):
    write_coco(config.data_dir, 'train2014')
    trees.write(config.data_dir, 'annotations/instances_train2014.json', content)
    with pytest.raises(UserError, match='instances_train2014.json: .*' + message):
        samples(config)


def test_bad_images(config, monkeypatch):
    write_coco(config.data_dir, 'train2014')
    path = trees.write(config.data_dir, 'train2014/COCO_%012d.jpg' % 5, trees.jpeg(trees.picture(21, 30)))
    with pytest.raises(UserError, match='5.jpg: the image has 30 x 21 pixels .* says 30 x 20'):
        samples(config)
    assert len(samples(config, on_bad_record='skip')) == 2
    os.remove(path)
    with pytest.raises(UserError, match='5.jpg cannot be read'):
        samples(config)
    monkeypatch.setattr(coco, '_URLS', {})
    os.rename(os.path.join(config.data_dir, 'train2014'), os.path.join(config.data_dir, 'elsewhere'))
    with pytest.raises(UserError, match='lists COCO_0*7.jpg, but it is not in .*train2014'):
        samples(config)


def test_missing_files_are_named(config, monkeypatch):
    monkeypatch.setattr(coco, '_URLS', {})
    os.mkdir(config.data_dir)
    with pytest.raises(UserError, match='coco-train needs instances_train2014.json in --data_dir'):
        samples(config)
    with pytest.raises(UserError, match='has no annotations/instances_<split>.json'):
        samples(config, dataset='coco')
