"""The dataset `yolo`: what is read of a directory in YOLO layout, the forms of its data.yaml, and each thing that can be wrong in one."""
import functools
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import coco_outlines
from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import trees

BOX = '0 0.5 0.25 0.2 0.5'  # on 30 x 20 pixels: x 12 to 18, y 0 to 10
SQUARE = '1 0.1 0.2 0.4 0.2 0.4 0.6 0.1 0.6'  # x 3 to 12, y 4 to 12
YAML = 'train: images/train\nval: images/val\nnames: [cat, dog, horse]\n'


@pytest.fixture(name='root')
def tree(tmp_path):
    """Two images for training and one for evaluation, with boxes."""
    root = tmp_path / 'pets'
    trees.write(root, 'data.yaml', YAML)
    for seed, name in enumerate(('train/a', 'train/b', 'val/c')):
        trees.write(root, 'images/%s.png' % name, trees.png(trees.picture(seed=seed)))
        trees.write(root, 'labels/%s.txt' % name, BOX + '\n')
    return root


config, samples = functools.partial(trees.config_of, 'yolo'), functools.partial(trees.samples_of, 'yolo')


def test_boxes_alone_train_detection_only(root):
    read = samples(root)
    assert [sample.filename for sample in read] == ['images/train/a.png', 'images/train/b.png']
    np.testing.assert_allclose(read[0].boxes, [[0, .4, .5, .6]], atol=1e-6)
    assert read[0].classes.tolist() == [1] and read[0].has_boxes and not read[0].has_mask and class_names(config(root)) == trees.CLASSES
    assert [sample.filename for sample in samples(root, 'eval')] == ['images/val/c.png']


def test_polygons_give_boxes_and_paint_the_mask_in_order(root):
    trees.write(root, 'labels/train/a.txt', '%s\n2 0.2 0.3 0.6 0.3 0.6 0.5\n' % SQUARE)
    first, second = samples(root)[0], coco_outlines.pixels([[6, 6, 18, 6, 18, 10]], 20, 30, '')
    np.testing.assert_allclose(first.boxes, [[.2, .1, .6, .4], [.3, .2, .5, .6]], atol=1e-6)
    wanted = np.zeros((20, 30), np.uint8)
    wanted[4:12, 3:12] = 2
    wanted[second] = 3
    assert 0 < second.sum() < 48 and first.mask().tolist() == wanted.tolist() and first.classes.tolist() == [2, 3]


def test_a_box_among_polygons_leaves_its_image_without_a_mask(root, caplog):
    trees.write(root, 'labels/train/a.txt', '%s\n\n%s\n' % (SQUARE, BOX))
    trees.write(root, 'labels/train/b.txt', '')
    os.remove(str(root / 'labels/val/c.txt'))
    mixed, empty = samples(root)
    assert len(mixed.boxes) == 2 and not mixed.has_mask
    assert len(empty.boxes) == 0 and empty.has_boxes and not empty.mask().any()
    assert '1 images have no mask, as an object of theirs has no outline.' in caplog.text


def test_no_label_file_means_nothing_in_the_image(root, caplog):
    os.remove(str(root / 'labels/train/a.txt'))
    trees.write(root, 'labels/train/A.txt', BOX)
    sample = samples(root)[0]
    assert sample.has_boxes and len(sample.boxes) == 0 and not sample.has_mask
    assert '1 images have no label file' in caplog.text and '1 label files belong to no image of the split; the first: ' in caplog.text


@pytest.mark.parametrize('text', [
    'path: .\n' + YAML,
    'path: ../elsewhere\n' + YAML,
    '\ufeffpath: /content/pets\ntrain: [images/train]\nvalid: ../images/val\ntest:\nnc: 3\nnames: {0: cat, 1: dog, 2: horse}\n',
    'train: ../images/train\nval: ../images/val\nnames:\n  "0": cat\n  1: dog\n  2: horse\nroboflow: {license: MIT}\n',
    'train: [lists/one.txt, images/train/more]\nval: images/val\nnames: [cat, dog, horse]\n'])
def test_forms_of_the_yaml(root, text):
    trees.write(root, 'data.yaml', text)
    trees.write(root, 'lists/one.txt', './../images/train/a.png\r\nimages\\train\\b.png\n')
    (root / 'images/train/more').mkdir()
    if 'more' in text:
        trees.write(root, 'images/train/more/d.jpg', trees.jpeg(trees.picture()))
    read = samples(root)
    assert [os.path.basename(sample.filename) for sample in read] == ['a.png', 'b.png'] + ['d.jpg'] * ('more' in text)
    assert class_names(config(root)) == trees.CLASSES and len(samples(root, 'eval')) == 1


def test_the_yaml_itself_may_be_named(root):
    os.rename(str(root / 'data.yaml'), str(root / 'pets.yaml'))
    assert len(samples(root)) == len(samples(root, data_dir=str(root / 'pets.yaml'))) == 2


def test_without_a_split_for_evaluation_a_hash_of_the_names_decides(root, caplog):
    trees.write(root, 'data.yaml', 'train: images/train\nnames: [cat, dog, horse]\n')
    for i in range(18):
        trees.write(root, 'images/train/%d.png' % i, trees.png(trees.picture(4, 6, i)))
        trees.write(root, 'labels/train/%d.txt' % i, BOX)
    chosen, rest = (set(sample.filename for sample in samples(root, role)) for role in ('eval', 'train'))
    assert len(chosen) + len(rest) == 20 and not chosen & rest and 1 <= len(chosen) <= 6
    assert 'a hash of each name takes %d images for training and %d for evaluation' % (len(rest), len(chosen)) in caplog.text
    assert 'belong to no image' not in caplog.text
    for i in range(18, 30):
        trees.write(root, 'images/train/%d.png' % i, trees.png(trees.picture(4, 6, i)))
    assert chosen <= set(sample.filename for sample in samples(root, 'eval'))


def test_a_class_list_in_place_of_a_yaml(root):
    os.remove(str(root / 'data.yaml'))
    trees.write(root, 'labels/classes.txt', 'cat\ndog\nhorse\n')
    assert len(samples(root)) == 2 and len(samples(root, 'eval')) == 1 and class_names(config(root)) == trees.CLASSES


def test_classes_go_by_their_names(root):
    trees.write(root, 'names.txt', 'horse\ncat\ndog')
    assert samples(root, class_file=str(root / 'names.txt'))[0].classes.tolist() == [2]


@pytest.mark.parametrize('line, said', [
    ('3 .5 .5 .1 .1', r"a.txt, line 1: the class is 3, but there are the classes 0 to 2"),
    ('-1 .5 .5 .1 .1', 'the class is -1'),
    ('0.5 .5 .5 .1 .1', 'the class is 0.5'),
    ('cat .5 .5 .1 .1', "'cat' is no number"),
    ('0 .5 nan .1 .1', "'nan' is no number"),
    ('0 .5 .5 -.1 .1', 'the box has the size -.1 x .1'),
    ('0 .5 .5 .1', '3 numbers follow the class'),
    ('0 .5 .5 .1 .1 .9', '5 numbers follow the class'),
    ('0 12 3 6 4', '12 is no fraction of the image'),
    ('0 ' + '9' * 400 + ' 3 6 4', 'is no number'),
    ('\xff\xfe', 'cannot be read|is no number')])
def test_what_is_wrong_in_a_label_file(root, line, said):
    trees.write(root, 'labels/train/a.txt', line.encode('latin-1'))
    with pytest.raises(UserError, match=said):
        samples(root)
    assert len(samples(root, on_bad_record='skip')) == 1


@pytest.mark.parametrize('text, said', [
    ('names: [cat]', 'has neither "train" nor "val"'),
    ('train: [', 'data.yaml is no readable YAML file'),
    ('- a', 'data.yaml: not the data.yaml of a dataset'),
    ('train: images/train', 'data.yaml has no "names"'),
    ('train: 7\nnames: [cat]', 'data.yaml: "train" is 7; it must be a folder'),
    ('train: images/trian\nnames: [cat]', 'data.yaml: "train" names images/trian, but there is no .*/images/trian'),
    ('train: labels/train\nnames: [cat]', '"train" has no image in labels/train'),
    ('train: images/train\nval: a\nvalid: b\nnames: [cat]', '"valid" names the split val a second time'),
    ('train: images/train\nnames: [cat, yes]', '"names" holds True for the class 1'),
    ('train: images/train\nnames: {0: cat, 2: dog}', 'the keys of "names" are 0, 2; they must be the numbers 0 to 1'),
    ('train: images/train\nnames: [cat, cat]', "two classes have the name 'cat'"),
    ('train: images/train\nnames: [Background, cat]', 'data.yaml has a class Background, which stands for the pixels of no class'),
    ('train: images/train\nnames: cat', '"names" is \'cat\'; it must be a list'),
    ('train: images/train\nnc: 2\nnames: [cat]', '"nc" says 2 classes, but "names" has 1'),
    ('train: images/train\nnc: 255', '"nc" is 255; it must be the number of classes, 1 to 254'),
    ('train: images/train\nkpt_shape: [17, 3]\nnames: [cat]', 'key points'),
    ('train: !!python/object/apply:os.system ["false"]\nnames: [cat]', 'is no readable YAML file')])
def test_what_is_wrong_in_the_yaml(root, text, said):
    trees.write(root, 'data.yaml', text)
    with pytest.raises(UserError, match=said):
        samples(root)


def test_labels_that_are_nowhere_are_not_taken_for_none(root):
    os.rename(str(root / 'labels'), str(root / 'annotations'))
    with pytest.raises(UserError, match='No image of the split train of .*data.yaml has a label file; the first image: .*a.png'):
        samples(root)
