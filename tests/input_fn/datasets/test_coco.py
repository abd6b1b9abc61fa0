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
from input_fn.datasets.folders import read_bytes
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
    'unknown category': (dict(categories=CATEGORIES + [{'id': 99, 'name': 'unicorn'}]), "json has the class 'unicorn', which is not in the class"),
    'unlisted category': (dict(instances=[instance(7, 55, [1, 1, 2, 2], [])]), r'train2014.json, annotations\[0\]: an instance has the category 55'),
    'code of another size': (dict(instances=[instance(7, DOG, [1, 1, 2, 2], plain_code(rectangle(1, 1, 2, 2)[:-1]))]),
                             r'annotations\[0\]: .* 30 x 19'),
    'outline of nothing': (dict(instances=[instance(7, DOG, [1, 1, 2, 2], {'size': [20, 30]})]), r'annotations\[0\]: the outline of an instance'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_instances(config, name):
    changes, message = BAD[name]
    write_coco(config.data_dir, 'train2014', **changes)
    with pytest.raises(UserError, match=message):
        samples(config)


def own(config, *instances, **image):
    """The dataset `coco` of one image with instances, each a dict of what differs from a good one."""
    good = instance(7, 1, [3, 5, 9, 5], polygon(3, 5, 12, 10))
    content = {'categories': [{'id': 1, 'name': 'van'}], 'annotations': [dict(good, **changes) for changes in instances],
               'images': [dict({'id': 7, 'file_name': 'a/b.jpg', 'height': 20, 'width': 30}, **image)]}
    for split in ('train', 'val'):
        trees.write(config.data_dir, 'annotations/instances_%s.json' % split, json.dumps(content))
    trees.write(config.data_dir, 'train/a/b.jpg', trees.jpeg(trees.picture()))
    return dict(dataset='coco')


ODD = (None, '', 'x', [], {}, True, -1.5)
FIELDS = [('bbox', value) for value in ODD + ([1, 2, 3], [1, 2, '3', 4], [1, 2, None, 4], [1, 2, float('nan'), 4])]
FIELDS += [('iscrowd', value) for value in (None, 'x', 2, [])]
FIELDS += [('category_id', value) for value in (None, '', [], True, 99)] + [('image_id', value) for value in (None, '', [], True)]
FIELDS += [('segmentation', value) for value in (
    7, 'x', [[1, 2, 3, 4, 5, 6, 7]], [['1'] * 6], [[None] * 6], [[1e9] * 6], {}, {'size': 7, 'counts': []})]
FIELDS += [('segmentation', {'size': [20, 30], 'counts': value}) for value in ([1, 2], [-600, 1200], ['600'], '~', '0P', None, [[600]],
                                                                                           [2 ** 62] * 4 + [600])]  # whose sum wraps to 600
FIELDS += [('segmentation', value) for value in (
    [[1, 2, float('nan'), 4, 5, 6]], [[1, 2, float('inf'), 4, 5, 6]], [[1, 2, 1e8, 4, 5, 6]], [[1, 2, 10 ** 400, 4, 5, 6]],
    {'size': [400000, 600000], 'counts': [240000000000]}, {'size': [20, 30], 'counts': []}, {'size': [20, 30], 'counts': [300]})]
FIELDS += [('segmentation', [[x for i in range(1000) for x in (5, (-1) ** i * 2900)]])]  # 5.8 million pixels of edges: 0.5 GB
FIELDS += [('bbox', [1, 2, 10 ** 400, 4]), ('bbox', [1, 2, float('nan'), 4]), ('category_id', '\u00b2'), ('category_id', '9' * 5000)]


@pytest.mark.parametrize('field, value', FIELDS)
def test_a_wrong_field_of_an_instance_is_a_sentence_and_skip_skips(config, field, value):
    changes = own(config, {}, {field: value})
    with pytest.raises(UserError, match=r'instances_train.json, annotations\[1\]: .*' + field.split('_')[0]):
        samples(config, **changes)
    other = instance(8, 1, [0, 0, 5, 5], polygon(0, 0, 5, 5))
    path = os.path.join(config.data_dir, 'annotations', 'instances_train.json')
    with open(path) as file:
        content = json.load(file)
    content['images'].append({'id': 8, 'file_name': 'c.jpg', 'height': 20, 'width': 30})
    trees.write(config.data_dir, 'train/c.jpg', trees.jpeg(trees.picture()))
    trees.write(config.data_dir, 'annotations/instances_train.json', json.dumps(dict(content, annotations=content['annotations'] + [other])))
    assert samples(config, on_bad_record='skip', **changes)[-1].filename == 'c.jpg'


@pytest.mark.parametrize('field, value', [
    ('id', None), ('id', []), ('id', True), ('file_name', None), ('file_name', 5), ('file_name', ' '), ('height', '20'), ('height', 20.5),
    ('height', 10 ** 400), ('width', 0), ('width', [])])
def test_a_wrong_field_of_an_image_is_a_sentence(config, field, value):
    changes = own(config, **{field: value})
    with pytest.raises(UserError, match=r'instances_train.json(, images\[0\])?: .*' + field):
        samples(config, **changes)


def test_a_box_whose_sums_no_float_holds_is_outside_of_its_image(config):
    sample, = samples(config, **own(config, {}, {'bbox': [10 ** 308] * 4}, {'bbox': [-10 ** 308, 0, 10 ** 308, 10 ** 308]}))
    assert len(sample.boxes) == 1


@pytest.mark.parametrize('name', ['a\0.jpg', 'a\ud800.jpg'])
def test_a_name_that_no_file_can_have_is_a_bad_image(config, name):
    with pytest.raises(UserError, match='cannot be read'):
        read_bytes(os.path.join(config.data_dir, name))


def test_ids_are_one_in_every_form_and_sizes_may_be_absent(config):
    sample, = samples(config, **own(config, {'image_id': '7', 'category_id': '1'}, {'image_id': 7.0}, height=None, width=30.0))
    assert sample.classes.tolist() == [1, 1] and sample.filename == 'a/b.jpg' and (sample.height, sample.width) == (20, 30)


@pytest.mark.parametrize('instances', [({'image_id': 3},), ({'image_id': 'b'}, {'image_id': 3})])
def test_a_file_whose_instances_are_of_no_image_of_it_is_refused(config, instances):
    with pytest.raises(UserError, match='No instance is of an image of its file'):
        samples(config, **own(config, *instances))


def test_instances_of_other_images_are_counted(config, caplog):
    with caplog.at_level('WARNING', 'blitznet'):
        assert len(samples(config, **own(config, {}, {'image_id': 3}, {'image_id': 4}))[0].boxes) == 1
    assert '2 instances left out that are of no image of their file; the first: ' in caplog.text


@pytest.mark.parametrize('nothing', [[], [[]], None, [[1, 2]], [[1, 2, 3, 4]]])
def test_an_object_without_an_outline_is_not_background(config, nothing, caplog):
    changes = own(config, {'segmentation': nothing})
    assert samples(config, **changes)[0].mask() is None  # a file for detection alone
    with caplog.at_level('WARNING', 'blitznet'):
        assert samples(config, **own(config, {}, {'segmentation': nothing}))[0].mask() is None
    assert '1 images have no mask, as an object of theirs has no outline.' in caplog.text


def test_a_part_of_an_outline_without_area_is_left_out(config):
    mask = samples(config, **own(config, {'segmentation': [[1, 2]] + polygon(3, 5, 12, 10)}))[0].mask()
    np.testing.assert_array_equal(mask, rectangle(3, 5, 12, 10))


@pytest.mark.parametrize('changes, message', [
    (dict(images=[{'id': 7, 'file_name': 'x'}, {'id': '7', 'file_name': 'b'}]), '2 images have the id 7'),
    (dict(images=[{'id': 7, 'file_name': 'x'}, {'id': 8, 'file_name': 'x'}]), '2 images have the file_name x'),
    (dict(categories=[{'id': 1, 'name': 'a'}, {'id': 1, 'name': 'b'}]), '2 categories have the id 1'),
    (dict(categories=[{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'a '}]), "2 categories have the name 'a'"),
    (dict(categories=[{'id': 1}]), r'categories\[0\]: "name" is missing'),
    (dict(categories=[{'name': 'a'}]), r'categories\[0\]: "id" is missing'),
    (dict(annotations={}), 'its annotations must be a list'),
    (dict(images=[7]), 'its images must be a list of objects'),
    (dict(categories=[{'id': i, 'name': str(i)} for i in range(300)]), 'has 300 classes; masks can hold 254'),
    (dict(categories=[]), 'names no class'),
])
def test_a_file_that_contradicts_itself(config, changes, message):
    own(config)
    path = os.path.join(config.data_dir, 'annotations', 'instances_train.json')
    with open(path) as file:
        content = dict(json.load(file), **changes)
    trees.write(config.data_dir, 'train/x', trees.jpeg(trees.picture()))
    trees.write(config.data_dir, 'annotations/instances_train.json', json.dumps(content))
    with pytest.raises(UserError, match='instances_train.json.*' + message):
        samples(config, dataset='coco')


def test_a_byte_order_mark_and_other_names_of_val(config):
    own(config, {})
    folder = os.path.join(config.data_dir, 'annotations')
    os.rename(os.path.join(folder, 'instances_val.json'), os.path.join(folder, 'instances_valid.json'))
    path = os.path.join(folder, 'instances_train.json')
    with open(path, 'rb') as file:
        trees.write(folder, 'instances_train.json', b'\xef\xbb\xbf' + file.read())
    assert len(samples(config, dataset='coco')) == 1
    os.rename(os.path.join(config.data_dir, 'train'), os.path.join(config.data_dir, 'valid'))
    assert open_dataset(DataConfig(**dict(vars(config), dataset='coco')), 'eval').split == 'valid'


@pytest.mark.parametrize('content, message', [
    ('{', 'not a readable JSON'), ('[]', 'not a JSON file of an object'), ('{}', 'has no images, annotations, categories')])
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
