"""The same objects written in VOC, COCO, YOLO and LabelMe form are read as the same boxes and masks.

Edges on the left and above lie at a quarter of a pixel, those on the right and below at three quarters: there the two rules of painting,
COCO's (a pixel's centre is inside) and LabelMe's (the outline belongs to it), mean the same pixels.
"""
import json

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees

HEIGHT, WIDTH = 20, 30
# (class from 0, corners): a rectangle, an L that covers a part of it, and one that reaches to the edges of the image
OBJECTS = (
    (1, [(4.25, 3.25), (14.75, 3.25), (14.75, 11.75), (4.25, 11.75)]),
    (0, [(10.25, 6.25), (13.75, 6.25), (13.75, 13.25), (22.75, 13.25), (22.75, 17.75), (10.25, 17.75)]),
    (2, [(20.25, 0.25), (29.75, 0.25), (29.75, 5.75), (20.25, 5.75)]))
NAMES = {'train': ('a', 'b'), 'val': ('c',)}  # b has nothing in it


def objects_of(name):
    return () if name == 'b' else OBJECTS


def mask_of(name):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    if objects_of(name):
        mask[3:12, 4:15] = 2
        mask[6:18, 10:14] = mask[13:18, 10:23] = 1
        mask[0:6, 20:30] = 3
    return mask


def edges(corners):
    (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
    return left, top, right, bottom


def write_folder(root):
    trees.write(root, 'classes.txt', '\n'.join(trees.CLASSES))
    for split, names in NAMES.items():
        trees.write(root, 'ImageSets/Main/%s.txt' % split, '\n'.join(names))
        for name in names:
            trees.write(root, 'JPEGImages/%s.png' % name, image(name))
            trees.write(root, 'SegmentationClass/%s.png' % name, trees.indexed_png(mask_of(name)))
            trees.write(root, 'Annotations/%s.xml' % name, trees.voc_xml(
                *[trees.voc_object(trees.CLASSES[label], *edges(corners)) for label, corners in objects_of(name)]))


def write_coco(root):
    for split, names in NAMES.items():
        content = {'categories': [{'id': i, 'name': name} for i, name in enumerate(trees.CLASSES)], 'images': [], 'annotations': []}
        for number, name in enumerate(names):
            trees.write(root, '%s/%s.png' % (split, name), image(name))
            content['images'].append({'id': number, 'file_name': name + '.png', 'height': HEIGHT, 'width': WIDTH})
            for label, corners in objects_of(name):
                left, top, right, bottom = edges(corners)
                content['annotations'].append({'image_id': number, 'category_id': label, 'bbox': [left, top, right - left, bottom - top],
                                               'segmentation': [np.ravel(corners).tolist()]})
        trees.write(root, 'annotations/instances_%s.json' % split, json.dumps(content))


def write_yolo(root):
    trees.write(root, 'data.yaml', 'train: images/train\nval: images/val\nnames: [%s]\n' % ', '.join(trees.CLASSES))
    for split, names in NAMES.items():
        for name in names:
            trees.write(root, 'images/%s/%s.png' % (split, name), image(name))
            trees.write(root, 'labels/%s/%s.txt' % (split, name), '\n'.join(
                ' '.join([str(label)] + ['%.6f' % value for value in np.ravel(np.array(corners) / (WIDTH, HEIGHT))])
                for label, corners in objects_of(name)))


def write_labelme(root):
    trees.write(root, 'labels.txt', '\n'.join(trees.CLASSES))
    for split, names in NAMES.items():
        for name in names:
            trees.write(root, '%s/%s.png' % (split, name), image(name))
            trees.write(root, '%s/%s.json' % (split, name), json.dumps({'imagePath': name + '.png', 'shapes': [
                {'label': trees.CLASSES[label], 'points': corners, 'shape_type': 'polygon'} for label, corners in objects_of(name)]}))


def image(name):
    return trees.png(trees.picture(HEIGHT, WIDTH, ord(name)))


@pytest.mark.parametrize('form, write', [
    ('folder', write_folder), ('coco', write_coco), ('yolo', write_yolo), ('labelme', write_labelme)])
@pytest.mark.parametrize('role, split', [('train', 'train'), ('eval', 'val')])
def test_every_form_gives_the_same_boxes_and_masks(tmp_path, form, write, role, split):
    write(tmp_path / form)
    read = list(read_samples(open_dataset(DataConfig(dataset=form, data_dir=str(tmp_path / form), prepared_dir=str(tmp_path / 'prepared')), role)))
    assert [sample.image_bytes for sample in read] == [image(name) for name in NAMES[split]]
    for sample, name in zip(read, NAMES[split]):
        boxes = [np.array(edges(corners))[[1, 0, 3, 2]] / (HEIGHT, WIDTH, HEIGHT, WIDTH) for _, corners in objects_of(name)]
        np.testing.assert_allclose(sample.boxes, np.reshape(boxes, (-1, 4)), atol=2e-6)  # YOLO's six decimals
        assert sample.classes.tolist() == [1 + label for label, _ in objects_of(name)] and sample.has_boxes
        assert sample.mask().tolist() == mask_of(name).tolist()
