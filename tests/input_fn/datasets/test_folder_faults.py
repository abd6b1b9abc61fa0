"""The dataset `folder`: each thing that can be wrong in a VOC directory, and what a split lacks."""
import os
import shutil

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import prepared
from input_fn.datasets.images import encode_png
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees
from tests.input_fn.datasets.trees import samples


def xml_with(box):
    return lambda tree: trees.write(tree, 'Annotations/b.xml', trees.voc_xml(box))


def bad(path, content):
    return lambda tree: trees.write(tree, path, content)


def one_image_without_lists(tree):
    for name in ('ImageSets', 'Annotations', 'SegmentationClass'):
        shutil.rmtree(os.path.join(tree, name))
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml())


BAD_TREES = {
    'corrupt image': (bad('JPEGImages/b.jpg', b'bad'), 'b.jpg: the image cannot be decoded'),
    'image cut short': (bad('JPEGImages/b.jpg', trees.jpeg(trees.picture())[:-50]), 'b.jpg: the image cannot be decoded'),
    'missing image': (lambda tree: os.remove(os.path.join(tree, 'JPEGImages/b.jpg')), 'train.txt lists b, but there is no .*b.jpg'),
    'corrupt XML': (bad('Annotations/b.xml', '<annotation><object>'), 'b.xml: not a readable XML file'),
    'unknown class': (xml_with(trees.voc_object('hrose', 1, 1, 2, 2)), "b.xml: .*'hrose'.*Nearest: horse"),
    'class without name': (xml_with(trees.voc_object('', 1, 1, 2, 2)), "b.xml: .*''.*Known: cat, dog, horse"),
    'word for a number': (xml_with(trees.voc_object('cat', 1, 'x', 2, 2)), "b.xml: <ymin> of a box is 'x'"),
    'NaN': (xml_with(trees.voc_object('cat', 1, 1, 'nan', 2)), "b.xml: <xmax> of a box is 'nan'"),
    'empty coordinate': (xml_with(trees.voc_object('cat', 1, 1, 2, '')), "b.xml: <ymax> of a box is ''"),
    'no box': (xml_with('<object><name>cat</name></object>'), 'b.xml: an object has no <bndbox>'),
    'other size stated': (bad('Annotations/b.xml', trees.voc_xml(size=(31, 20))), 'b.xml: made for an image of 31 x 20 .* has 30 x 20.$'),
    'turned size stated': (bad('Annotations/b.xml', trees.voc_xml(size=(20, 30))), 'b.xml: .* annotations belong to the upright image'),
    'corrupt mask': (bad('SegmentationClass/b.png', b'bad'), 'b.png: the mask is not a PNG file'),
    'mask of another size': (bad('SegmentationClass/b.png', encode_png(np.zeros((20, 31), np.uint8))), 'b.png: .* has 31 x 20 .*30 x 20'),
    'turned mask': (bad('SegmentationClass/b.png', encode_png(np.zeros((30, 20), np.uint8))), 'b.png: .* masks belong to the upright'),
    'mask beyond': (bad('SegmentationClass/b.png', encode_png(np.full((20, 30), 4, np.uint8))), 'b.png: .* the value 4, .* 3 cl'),
    'coloured mask': (bad('SegmentationClass/b.png', trees.png(trees.picture())), 'b.png: the mask is a colour picture'),
    'empty list': (bad('ImageSets/Main/train.txt', '\n'), 'The list .*train.txt is empty'),
    'no lists and one image': (one_image_without_lists, 'pets has no lists of splits and 1 image with labels: two are needed'),
    'no class file': (lambda tree: os.remove(os.path.join(tree, 'classes.txt')), 'classes.txt cannot be read'),
    'empty class file': (bad('classes.txt', ''), 'classes.txt is empty'),
    'class twice': (bad('classes.txt', 'cat\ndog\ncat'), "classes.txt: two classes have the name 'cat'"),
    'background listed': (bad('classes.txt', '__background__\ncat'), 'classes.txt has a class __background__, which stands'),
    'too many classes': (bad('classes.txt', '\n'.join(map(str, range(255)))), 'classes.txt has 255 classes'),
    'no images': (lambda tree: shutil.rmtree(os.path.join(tree, 'JPEGImages')), '--data_dir=.*pets is not a directory in VOC layout'),
}


@pytest.mark.parametrize('name', BAD_TREES)
def test_bad_tree_is_one_sentence_that_names_the_file(config, tree, name):
    damage, message = BAD_TREES[name]
    damage(tree)
    with pytest.raises(UserError, match=message):
        open_dataset(config, 'train')
    prepared = os.path.join(config.prepared_dir, 'folder')
    for folder in os.listdir(prepared) if os.path.isdir(prepared) else ():
        assert set(os.listdir(os.path.join(prepared, folder))) <= {'.lock', 'chunks-1.1.0'}  # nothing that passes for a dataset


def test_image_without_any_label_is_an_error(config, tree):
    os.remove(os.path.join(tree, 'Annotations/b.xml'))
    os.remove(os.path.join(tree, 'SegmentationClass/b.png'))
    with pytest.raises(UserError, match='b.jpg has neither boxes .* nor a mask'):
        open_dataset(config, 'train')


def test_unknown_split_is_answered_with_the_nearest(config):
    with pytest.raises(UserError, match='--train_split=trian is no split of the dataset folder. Nearest: train'):
        open_dataset(DataConfig(**dict(vars(config), train_split='trian')), 'train')


@pytest.mark.parametrize('old, new', [('Annotations/a.xml', 'Annotations/a.json'), ('SegmentationClass/a.png', 'SegmentationClass/a.bmp')])
def test_labels_of_another_kind_are_not_lost(config, tree, old, new):
    trees.move(tree, old, new)
    with pytest.raises(UserError, match='%s is no ' % os.path.basename(new)):
        samples(config)


@pytest.mark.parametrize('name', ['../JPEGImages/a', '/tmp/a'])
def test_a_list_has_paths_within_the_folder(config, tree, name):
    trees.write(tree, 'ImageSets/Main/train.txt', name)
    with pytest.raises(UserError, match='train.txt lists %s: a list has paths within JPEGImages' % name):
        samples(config)


def test_two_images_of_one_name_are_told_apart_by_their_endings(config, tree):
    trees.write(tree, 'JPEGImages/a.png', trees.png(trees.picture()))
    with pytest.raises(UserError, match='lists a, which may be a.jpg or a.png'):
        samples(config)
    trees.write(tree, 'ImageSets/Main/train.txt', 'a.png')
    assert samples(config)[0].filename == 'a.png'


def test_skip_leaves_out_what_is_bad_and_says_so(config, tree, monkeypatch, caplog):
    trees.write(tree, 'JPEGImages/b.jpg', b'bad')
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(trees.voc_object('cow', 0, 0, 30, 20)))
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(DataConfig(**dict(vars(config), on_bad_record='skip')), 'train')
    assert source.num_examples == 1 and [sample.filename for sample in read_samples(source)] == ['c.jpg']
    assert 'b.jpg: the image cannot be decoded' in caplog.text and "'cow'" in caplog.text and '2 images left out' in caplog.text
    monkeypatch.setattr(prepared, '_reminded', set())  # as in a new process
    caplog.clear()
    with caplog.at_level('WARNING', 'blitznet'):
        assert open_dataset(DataConfig(**dict(vars(config), on_bad_record='skip')), 'train') == source
    assert 'Left out before, as --on_bad_record=skip says: 2, the first: ' in caplog.text and 'left_out.json' in caplog.text
    with pytest.raises(UserError, match='b.jpg: the image'):  # what was left out does not pass for the whole
        open_dataset(config, 'train')


def test_skip_does_not_hide_that_everything_is_bad(config, tree):
    for name in 'abc':
        trees.write(tree, 'JPEGImages/%s.jpg' % name, b'bad')
    with pytest.raises(UserError, match='All 3 images are bad; the first: .*c.jpg'):
        open_dataset(DataConfig(**dict(vars(config), on_bad_record='skip')), 'train')


def test_skip_leaves_out_what_a_list_names_in_vain(config, tree):
    os.remove(os.path.join(tree, 'JPEGImages/b.jpg'))
    assert [sample.filename for sample in samples(DataConfig(**dict(vars(config), on_bad_record='skip')))] == ['c.jpg', 'a.jpg']


def every(tree, pattern, content):
    for name in 'abc':
        trees.write(tree, pattern % name, content)


@pytest.mark.parametrize('damage, said', [
    (lambda tree: every(tree, 'Annotations/%s.xml', trees.voc_xml()), ['no image has a box, so that detection learns nothing from it']),
    (lambda tree: shutil.rmtree(os.path.join(tree, 'SegmentationClass')), ['no image has a mask, so that segmentation learns nothing from it']),
    (lambda tree: every(tree, 'SegmentationClass/%s.png', encode_png(np.full((20, 30), 255, np.uint8))),
     ['no pixel of its masks has a label, so that segmentation learns nothing from it']),
    (lambda tree: every(tree, 'SegmentationClass/%s.png', encode_png(np.full((20, 30), 2, np.uint8))),
     ['all pixels of its masks are of one class, dog']),
    (lambda tree: None, [])])
def test_what_a_split_lacks_is_said_at_every_start(config, tree, caplog, monkeypatch, damage, said):
    damage(tree)
    for attempt in range(3):  # it is prepared, read in the same process, and read in another one
        caplog.clear()
        open_dataset(config, 'train')
        told = [record.getMessage() for record in caplog.records]
        assert told == (['Split train: %s.' % one for one in said] if attempt != 1 else [])
        if attempt == 1:
            monkeypatch.setattr(prepared, '_reminded', set())
