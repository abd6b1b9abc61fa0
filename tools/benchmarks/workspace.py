"""The pictures that both sides of a benchmark work on: one set, written once as TFRecords and as a VOC folder.

They come from any dataset that this project opens, brought to one size, because speed depends on size and content. The records have
the public BlitzNet's format, which both sides read.
"""
import dataclasses
import os
import xml.etree.ElementTree as ElementTree
from typing import Tuple

import cv2
import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf

JPEG_QUALITY = 90  # VOC's pictures are about 100 kB at 500 x 375
NUM_CLASSES = 21  # VOC's, background included: the size of the published heads


@dataclasses.dataclass(frozen=True)
class Picture:
    """One encoded picture with its ground truth."""
    name: str
    jpeg: bytes
    png: bytes  # the mask; all 255 where there is none
    height: int
    width: int
    boxes: np.ndarray  # [n, 4] float32 [ymin, xmin, ymax, xmax] in [0, 1]
    classes: np.ndarray  # [n] int, from 1


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Where the pictures lie."""
    folder: str
    records: str  # TFRecord file
    class_names: Tuple[str, ...]  # 20 names, without the background
    images: Tuple[str, ...]  # JPEG files


def write(folder, samples, class_names, size, count):
    """Write `count` pictures made from `samples` (host Samples), repeated where there are fewer; the Workspace.

    Args:
      size: (width, height) in pixels, or None to keep each picture's own.
    """
    if len(class_names) >= NUM_CLASSES:
        raise UserError('--dataset has %d classes: the benchmark takes at most %d.' % (len(class_names), NUM_CLASSES - 1))
    pictures = [_picture('%06d' % i, sample, size) for i, sample in zip(range(count), samples)]
    if not pictures:
        raise UserError('--dataset has no images to measure with.')
    names = list(class_names) + ['unused%d' % i for i in range(len(class_names) + 1, NUM_CLASSES)]
    os.makedirs(folder, exist_ok=True)
    return Workspace(folder, _write_records(folder, pictures, count), tuple(names), _write_voc(folder, pictures, names))


def _picture(name, sample, size):
    image, mask = sample.image(), sample.mask()
    if mask is None:
        mask = np.full(image.shape[:2], 255, np.uint8)
    if size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    jpeg = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    png = cv2.imencode('.png', mask)[1].tobytes()
    height, width = mask.shape
    return Picture(name, jpeg, png, height, width, np.clip(sample.boxes, 0, 1), sample.classes)


def _feature(values):
    if isinstance(values, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values]))
    values = np.ravel(values)
    if values.dtype.kind == 'f':
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values.astype(np.int64)))


def _example(picture):
    ymin, xmin, ymax, xmax = picture.boxes.T.astype(np.float32)
    return tf.train.Example(features=tf.train.Features(feature={key: _feature(value) for key, value in {
        'image/height': picture.height, 'image/width': picture.width, 'image/filename': picture.name.encode(),
        'image/format': b'JPEG', 'image/encoded': picture.jpeg,
        'image/segmentation/format': b'PNG', 'image/segmentation/encoded': picture.png,
        'image/object/bbox/ymin': ymin, 'image/object/bbox/xmin': xmin, 'image/object/bbox/ymax': ymax, 'image/object/bbox/xmax': xmax,
        'image/object/class/label': picture.classes, 'image/object/difficulty': np.zeros(len(picture.classes), int),
    }.items()}))


def _write_records(folder, pictures, count):
    path = os.path.join(folder, 'pictures.tfrecord')
    with tf.python_io.TFRecordWriter(path) as writer:
        for i in range(count):
            writer.write(_example(pictures[i % len(pictures)]).SerializeToString())
    return path


def _annotation(picture, names):
    """VOC's XML of one picture."""
    root = ElementTree.Element('annotation')
    size = ElementTree.SubElement(root, 'size')
    for key, value in (('width', picture.width), ('height', picture.height), ('depth', 3)):
        ElementTree.SubElement(size, key).text = str(value)
    for box, label in zip(picture.boxes, picture.classes):
        item = ElementTree.SubElement(root, 'object')
        ElementTree.SubElement(item, 'name').text = names[label - 1]
        ElementTree.SubElement(item, 'difficult').text = '0'
        corners = ElementTree.SubElement(item, 'bndbox')
        for key, value, scale in zip(('ymin', 'xmin', 'ymax', 'xmax'), box, (picture.height, picture.width) * 2):
            ElementTree.SubElement(corners, key).text = str(int(round(float(value) * scale)))
    return ElementTree.tostring(root)


def _write_voc(folder, pictures, names):
    """The pictures in VOC 2012's layout, under VOCdevkit; the JPEG files."""
    root = os.path.join(folder, 'VOCdevkit', 'VOC2012')
    for part in ('JPEGImages', 'Annotations', 'SegmentationClass', 'ImageSets/Segmentation'):
        os.makedirs(os.path.join(root, part), exist_ok=True)

    def put(part, data):
        path = os.path.join(root, part)
        with open(path, 'wb') as file:
            file.write(data)
        return path

    put('ImageSets/Segmentation/val.txt', ''.join('%s\n' % picture.name for picture in pictures).encode())
    for picture in pictures:
        put('Annotations/%s.xml' % picture.name, _annotation(picture, names))
        put('SegmentationClass/%s.png' % picture.name, picture.png)
    return tuple(put('JPEGImages/%s.jpg' % picture.name, picture.jpeg) for picture in pictures)
