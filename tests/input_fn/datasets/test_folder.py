"""The dataset `folder`: what is read of a VOC directory, and each thing that can be wrong in one."""
import dataclasses
import os
import shutil

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import prepared
from input_fn.datasets.images import encode_png, limit_pixels
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from tests.input_fn.datasets import trees


@pytest.fixture
def tree(tmp_path):
    return trees.voc_tree(tmp_path / 'pets')


@pytest.fixture
def config(tmp_path, tree):
    return DataConfig(dataset='folder', data_dir=tree, prepared_dir=str(tmp_path / 'prepared'))


def samples(config, role='train'):
    return list(read_samples(open_dataset(config, role)))


def test_samples_come_in_the_order_of_the_list(config):
    source = open_dataset(config, 'train')
    read = list(read_samples(source))
    assert [sample.filename for sample in read] == ['c.jpg', 'b.jpg', 'a.jpg']
    assert [sample.source_id for sample in read] == [0, 1, 2]
    assert [sample.classes.tolist() for sample in read] == [[3], [2], [1]]
    assert (source.split, source.num_examples, source.class_names, source.num_classes) == ('train', 3, trees.CLASSES, 4)
    assert class_names(config) == trees.CLASSES


def test_pixels_boxes_and_mask_are_the_files(config, tree):
    sample = samples(config)[2]
    with open(os.path.join(tree, 'JPEGImages/a.jpg'), 'rb') as file:
        assert sample.image_bytes == file.read()
    assert (sample.height, sample.width) == (20, 30) and sample.image().shape == (20, 30, 3)
    np.testing.assert_allclose(sample.boxes, [[5 / 20, 3 / 30, 10 / 20, 12 / 30]], rtol=1e-6)
    mask = sample.mask()
    assert (mask[:10] == 1).sum() == 45 and (mask == 255).sum() == 9 and set(np.unique(mask)) == {0, 1, 255}
    assert (sample.difficult.tolist(), sample.crowd.tolist(), sample.has_boxes, sample.has_mask) == ([False], [False], True, True)


def test_a_picture_of_too_many_pixels_is_a_bad_record(config):
    try:
        with pytest.raises(UserError, match='JPEGImages/c.jpg: the image has 30 x 20 pixels .* --max_pixels=599'):
            samples(dataclasses.replace(config, max_pixels=599))
    finally:
        limit_pixels(config.max_pixels)


def test_a_long_list_keeps_its_order(tmp_path, config, tree):
    order = np.random.RandomState(0).choice(['a', 'b', 'c'], 40)
    trees.write(tree, 'ImageSets/Main/train.txt', '\n'.join(order))
    assert [sample.filename[0] for sample in samples(config)] == list(order)


def test_floats_empty_tags_and_missing_difficult_are_read(config, tree):
    part = '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>'
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(
        trees.voc_object('cat', '3.0', ' 5.5 ', '12', '10', '<pose></pose><difficult/>'),
        trees.voc_object(' dog ', 0, 0, 30, 20, '<difficult>1</difficult>' + part), size=(0, 0)))
    sample = samples(config)[2]
    np.testing.assert_allclose(sample.boxes, [[5.5 / 20, 3 / 30, 10 / 20, 12 / 30], [0, 0, 1, 1]], rtol=1e-6)
    assert sample.classes.tolist() == [1, 2] and sample.difficult.tolist() == [False, True]


def test_boxes_outside_are_clipped_or_dropped_and_counted(config, tree, caplog):
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(
        trees.voc_object('cat', -3, 5, 40, 10), trees.voc_object('cat', 31, 5, 40, 10), trees.voc_object('cat', 9, 5, 9, 10),
        trees.voc_object('dog', 12, 5, 9, 10)))
    with caplog.at_level('WARNING', 'blitznet'):
        sample = samples(config)[2]
    np.testing.assert_allclose(sample.boxes, [[5 / 20, 0, 10 / 20, 1]])
    assert '1 boxes clipped to their image.' in caplog.text
    assert '3 boxes dropped that were empty or outside their image.' in caplog.text


def test_image_without_objects(config, tree):
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml())
    sample = samples(config)[2]
    assert sample.boxes.shape == (0, 4) and sample.classes.shape == (0,) and sample.has_boxes


def test_image_without_mask_is_for_detection_only(config, tree):
    os.remove(os.path.join(tree, 'SegmentationClass/a.png'))
    sample = samples(config)[2]
    assert sample.mask() is None and not sample.has_mask and sample.has_boxes and len(sample.boxes) == 1


def test_image_without_annotation_is_for_segmentation_only(config, tree):
    os.remove(os.path.join(tree, 'Annotations/a.xml'))
    sample = samples(config)[2]
    assert not sample.has_boxes and len(sample.boxes) == 0 and sample.mask().shape == (20, 30)


def test_annotations_belong_to_the_upright_image(config, tree):
    trees.write(tree, 'JPEGImages/a.jpg', trees.jpeg(trees.picture(30, 20), turn=6))  # upright 30 wide, 20 high
    sample = samples(config)[2]
    assert sample.image().shape == (20, 30, 3) and sample.mask().shape == (20, 30)


def test_one_pixel_image(config, tree):
    trees.write(tree, 'JPEGImages/a.jpg', trees.jpeg(trees.picture(1, 1)))
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(trees.voc_object('cat', 0, 0, 1, 1), size=(1, 1)))
    trees.write(tree, 'SegmentationClass/a.png', trees.png(np.array([[2]], np.uint8)))
    sample = samples(config)[2]
    assert sample.boxes.tolist() == [[0, 0, 1, 1]] and sample.mask().tolist() == [[2]] and sample.image().shape == (1, 1, 3)


def test_png_images_and_names_with_extension(config, tree):
    os.remove(os.path.join(tree, 'JPEGImages/a.jpg'))
    trees.write(tree, 'JPEGImages/a.png', trees.png(trees.picture()))
    trees.write(tree, 'ImageSets/Main/train.txt', 'a.png\r\n\r\n  b\n')
    read = samples(config)
    assert [sample.filename for sample in read] == ['a.png', 'b.jpg']
    np.testing.assert_array_equal(read[0].image(), trees.picture())


def test_lists_of_both_tasks(config, tree):
    trees.write(tree, 'ImageSets/Segmentation/train.txt', 'a')
    trees.write(tree, 'ImageSets/Segmentation/masks.txt', 'b')
    for split, names in (('train', 'cba'), ('Segmentation/train', 'a'), ('masks', 'b'), ('Segmentation/masks', 'b')):
        read = samples(DataConfig(**dict(vars(config), train_split=split)))
        assert ''.join(sample.filename[0] for sample in read) == names


def test_class_file_renames_classes(config, tree, tmp_path):
    path = trees.write(tmp_path, 'more.txt', 'horse\ncat\ndog\ncow\n')
    read = samples(DataConfig(**dict(vars(config), class_file=path)))
    assert [sample.classes.tolist() for sample in read] == [[1], [3], [2]]


def test_a_changed_file_prepares_the_split_anew_and_removes_the_old(config, tree):
    first = open_dataset(config, 'train')
    assert open_dataset(config, 'train') == first
    other = open_dataset(config, 'eval')
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(trees.voc_object('horse', 0, 0, 30, 20)))
    second = open_dataset(config, 'train')
    assert second.files != first.files and not os.path.exists(first.files[0]) and os.path.exists(other.files[0])
    assert list(read_samples(second))[2].classes.tolist() == [3]


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
    'class twice': (bad('classes.txt', 'cat\ndog\ncat'), 'classes.txt names cat twice'),
    'background listed': (bad('classes.txt', '__background__\ncat'), 'classes.txt lists the background'),
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


def move(tree, old, new):
    os.makedirs(os.path.dirname(os.path.join(tree, new)), exist_ok=True)
    os.rename(os.path.join(tree, old), os.path.join(tree, new))


def test_endings_count_in_any_case(config, tree):
    for old, new in (('JPEGImages/a.jpg', 'JPEGImages/a.JpG'), ('Annotations/a.xml', 'Annotations/a.XML'),
                     ('SegmentationClass/a.png', 'SegmentationClass/a.Png')):
        move(tree, old, new)
    sample = samples(config)[2]
    assert (sample.filename, len(sample.boxes), sample.has_mask) == ('a.JpG', 1, True)


@pytest.mark.parametrize('old, new', [('Annotations/a.xml', 'Annotations/a.json'), ('SegmentationClass/a.png', 'SegmentationClass/a.bmp')])
def test_labels_of_another_kind_are_not_lost(config, tree, old, new):
    move(tree, old, new)
    with pytest.raises(UserError, match='%s is no ' % os.path.basename(new)):
        samples(config)


def test_an_image_is_known_by_its_path(config, tree):
    for name in 'ab':
        for folder, ending in (('JPEGImages', 'jpg'), ('Annotations', 'xml'), ('SegmentationClass', 'png')):
            move(tree, '%s/%s.%s' % (folder, name, ending), '%s/%s/x.%s' % (folder, name, ending))
    trees.write(tree, 'ImageSets/Main/train.txt', 'a/x\nb/x.jpg\n')
    assert [(sample.filename, sample.classes.tolist()) for sample in samples(config)] == [('a/x.jpg', [1]), ('b/x.jpg', [2])]


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


def test_skip_leaves_out_what_a_list_names_in_vain(config, tree):
    os.remove(os.path.join(tree, 'JPEGImages/b.jpg'))
    assert [sample.filename for sample in samples(DataConfig(**dict(vars(config), on_bad_record='skip')))] == ['c.jpg', 'a.jpg']


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
        move(tree, 'JPEGImages/%s.jpg' % name, os.path.join(images, name + '.jpg'))
        move(tree, 'Annotations/%s.xml' % name, os.path.join(annotations, name + '.XML'))
    trees.write(tree, os.path.join(images, 'z.jpg'), trees.jpeg(trees.picture()))
    for name in {'JPEGImages', 'Annotations'} - {annotations}:
        os.rmdir(os.path.join(tree, name))
    found = names(config)
    assert sorted(found['train'] | found['eval']) == ['a.jpg', 'b.jpg', 'c.jpg'] and class_names(config) == trees.CLASSES


def test_folders_called_as_splits_are_splits(config, tree):
    shutil.rmtree(os.path.join(tree, 'ImageSets'))
    for name, split in (('a', 'train'), ('b', 'train'), ('c', 'valid')):
        for folder, ending in (('JPEGImages', 'jpg'), ('Annotations', 'xml'), ('SegmentationClass', 'png')):
            move(tree, '%s/%s.%s' % (folder, name, ending), '%s/%s/%s.%s' % (folder, split, name, ending))
    assert names(config) == {'train': {'train/a.jpg', 'train/b.jpg'}, 'eval': {'valid/c.jpg'}}


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
