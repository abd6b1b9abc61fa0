"""The dataset `folder`: what is read of a VOC directory."""
import dataclasses
import os

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets.images import limit_pixels
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from tests.input_fn.datasets import trees
from tests.input_fn.datasets.trees import samples


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


def test_image_without_mask_is_for_detection_only(config, tree, caplog):
    os.remove(os.path.join(tree, 'SegmentationClass/a.png'))
    sample = samples(config)[2]
    assert '1 images have no mask, and train detection only; the first: a.jpg.' in caplog.text
    assert sample.mask() is None and not sample.has_mask and sample.has_boxes and len(sample.boxes) == 1


def test_image_without_annotation_is_for_segmentation_only(config, tree, caplog):
    trees.move(tree, 'Annotations/a.xml', 'Annotations/A.xml')  # of no image, where cases are told apart
    sample = samples(config)[2]
    assert '1 images have no XML file, and train segmentation only; the first: a.jpg.' in caplog.text and 'no mask' not in caplog.text
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
    assert [np.unique(sample.mask()).tolist() for sample in read] == [[0, 1, 255], [0, 3, 255], [0, 2, 255]]


def test_a_class_file_of_other_words_calls_the_lines_of_masks_otherwise(config, tree, tmp_path):
    words = dataclasses.replace(config, class_file=trees.write(tmp_path, 'words.txt', 'Katze\nHund\nPferd\n'))
    for name in 'abc':
        os.remove(os.path.join(tree, 'Annotations/%s.xml' % name))  # whose names would be unknown
    assert [np.unique(sample.mask()).tolist() for sample in samples(words)] == [[0, 3, 255], [0, 2, 255], [0, 1, 255]]
    trees.write(tree, 'classes.txt', 'background\ncat\n')  # a file that cannot be read is not asked for
    assert len(samples(words)) == 3


def test_a_model_has_its_classes_in_its_own_order(config, tree):
    """Boxes are known by names. The values of masks are lines of classes.txt, which is of this folder and not of the model."""
    plain, turned = samples(config), samples(dataclasses.replace(config, class_names=trees.CLASSES[::-1]))
    assert [sample.classes.tolist() for sample in turned] == [[1], [2], [3]]
    number = np.array([0, 3, 2, 1] + [255] * 252)  # cat, dog and horse are the model's third, second and first
    for one, other in zip(plain, turned):
        np.testing.assert_array_equal(other.mask(), number[one.mask()])
    with pytest.raises(UserError, match="classes.txt has the class 'horse', which is not in the class list"):
        samples(dataclasses.replace(config, class_names=trees.CLASSES[:2]))


def test_a_changed_file_prepares_the_split_anew_and_removes_the_old(config, tree):
    first = open_dataset(config, 'train')
    assert open_dataset(config, 'train') == first
    other = open_dataset(config, 'eval')
    trees.write(tree, 'Annotations/a.xml', trees.voc_xml(trees.voc_object('horse', 0, 0, 30, 20)))
    second = open_dataset(config, 'train')
    assert second.files != first.files and not os.path.exists(first.files[0]) and os.path.exists(other.files[0])
    assert list(read_samples(second))[2].classes.tolist() == [3]
