"""The dataset `folder`: folders, names and lists in other ways than VOC's own, and splits without lists."""
import os
import shutil

import pytest

from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import trees
from tests.input_fn.datasets.trees import samples


def test_endings_count_in_any_case(config, tree):
    for old, new in (('JPEGImages/a.jpg', 'JPEGImages/a.JpG'), ('Annotations/a.xml', 'Annotations/a.XML'),
                     ('SegmentationClass/a.png', 'SegmentationClass/a.Png')):
        trees.move(tree, old, new)
    sample = samples(config)[2]
    assert (sample.filename, len(sample.boxes), sample.has_mask) == ('a.JpG', 1, True)


def test_an_image_is_known_by_its_path(config, tree):
    for name in 'ab':
        for folder, ending in (('JPEGImages', 'jpg'), ('Annotations', 'xml'), ('SegmentationClass', 'png')):
            trees.move(tree, '%s/%s.%s' % (folder, name, ending), '%s/%s/x.%s' % (folder, name, ending))
    trees.write(tree, 'ImageSets/Main/train.txt', 'a/x\nb/x.jpg\n')
    assert [(sample.filename, sample.classes.tolist()) for sample in samples(config)] == [('a/x.jpg', [1]), ('b/x.jpg', [2])]


def test_byte_order_marks(config, tree):
    trees.write(tree, 'classes.txt', b'\xef\xbb\xbfcat\ndog\nhorse\n')
    trees.write(tree, 'ImageSets/Main/train.txt', b'\xef\xbb\xbfa\nb\n')
    assert [sample.classes.tolist() for sample in samples(config)] == [[1], [2]]


def names(config):
    """{role: set of file names}."""
    return {role: {sample.filename for sample in samples(config, role)} for role in ('train', 'eval')}


def test_without_lists_a_hash_of_each_name_decides(config, tree, caplog):
    shutil.rmtree(os.path.join(tree, 'ImageSets'))
    for i in range(20):
        trees.write(tree, 'JPEGImages/%d.jpg' % i, trees.jpeg(trees.picture(4, 6, i)))
        trees.write(tree, 'Annotations/%d.xml' % i, trees.voc_xml(size=(6, 4)))
    trees.write(tree, 'JPEGImages/new.jpg', trees.jpeg(trees.picture()))
    found = names(config)
    assert len(found['train']) + len(found['eval']) == len(found['train'] | found['eval']) == 23 and 0 < len(found['eval']) < 7
    assert 'a hash of each name takes %d images for training and %d for evaluation' % (len(found['train']), len(found['eval'])) in caplog.text
    assert '1 pictures without labels left out; the first: new.jpg.' in caplog.text
    for i in range(20, 40):
        trees.write(tree, 'JPEGImages/%d.jpg' % i, trees.jpeg(trees.picture(4, 6, i)))
        trees.write(tree, 'Annotations/%d.xml' % i, trees.voc_xml(size=(6, 4)))
    assert found['eval'] <= names(config)['eval']


@pytest.mark.parametrize('images, annotations', [('images', 'annotations'), ('images', 'images'), ('images', 'Annotations'), ('', '')])
def test_folders_of_labelling_tools(config, tree, images, annotations):
    for name in ('SegmentationClass', 'ImageSets'):
        shutil.rmtree(os.path.join(tree, name))
    os.remove(os.path.join(tree, 'classes.txt'))
    for name in 'abc':
        trees.move(tree, 'JPEGImages/%s.jpg' % name, os.path.join(images, name + '.jpg'))
        trees.move(tree, 'Annotations/%s.xml' % name, os.path.join(annotations, name + '.XML'))
    trees.write(tree, os.path.join(images, 'z.jpg'), trees.jpeg(trees.picture()))
    for name in {'JPEGImages', 'Annotations'} - {annotations}:
        os.rmdir(os.path.join(tree, name))
    found = names(config)
    assert sorted(found['train'] | found['eval']) == ['a.jpg', 'b.jpg', 'c.jpg'] and class_names(config) == trees.CLASSES


def test_folders_called_as_splits_are_splits(config, tree):
    shutil.rmtree(os.path.join(tree, 'ImageSets'))
    for name, split in (('a', 'train'), ('b', 'train'), ('c', 'valid')):
        for folder, ending in (('JPEGImages', 'jpg'), ('Annotations', 'xml'), ('SegmentationClass', 'png')):
            trees.move(tree, '%s/%s.%s' % (folder, name, ending), '%s/%s/%s.%s' % (folder, split, name, ending))
    assert names(config) == {'train': {'train/a.jpg', 'train/b.jpg'}, 'eval': {'valid/c.jpg'}}
