"""Cityscapes, from its own folders: the 19 classes that are trained on for each pixel, and boxes of the 8 that have instances.

    leftImg8bit/<split>/<city>/<name>_leftImg8bit.png    gtFine/<split>/<city>/<name>_gtFine_{labelIds,instanceIds}.png

The package datumaro reads this format as well, but takes the values of instanceIds for those of labelIds, so that no object is found: that is
why the format has a reader here. Its values are those of the public package cityscapesscripts.
"""
import collections
import os

import cv2
import numpy as np

from blitznet_estimator.errors import UserError
from input_fn.datasets import labelled
from input_fn.datasets.folders import below, read_bytes
from input_fn.datasets.images import decode_ids
from input_fn.datasets.names import labels_by_name
from input_fn.datasets.plan import SplitPlan
from input_fn.datasets.prepared import open_files

IDS = collections.OrderedDict((  # class: its value in labelIds, in the order of the trainId
    ('road', 7), ('sidewalk', 8), ('building', 11), ('wall', 12), ('fence', 13), ('pole', 17), ('traffic light', 19), ('traffic sign', 20),
    ('vegetation', 21), ('terrain', 22), ('sky', 23), ('person', 24), ('rider', 25), ('car', 26), ('truck', 27), ('bus', 28), ('train', 31),
    ('motorcycle', 32), ('bicycle', 33)))
WITH_INSTANCES = ('person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle')
_INSTANCES = 1000  # an instance's value is its class's times this, and a number
_IMAGES, _LABELS = 'leftImg8bit', 'gtFine'

Files = collections.namedtuple('Files', 'name image labels instances')


def class_names(data_config):
    """The 19 classes, in the order of their trainIds."""
    return tuple(IDS)


def split_names(data_config):
    """The folders that have images and labels."""
    folders = [os.path.join(data_config.data_dir, kind) for kind in (_IMAGES, _LABELS)]
    found = [set(os.listdir(folder)) if os.path.isdir(folder) else set() for folder in folders]
    names = tuple(name for name in sorted(found[0] & found[1]) if os.path.isdir(os.path.join(folders[0], name)))
    if not names:
        raise UserError('--data_dir=%s is not Cityscapes: it needs the folders %s/<split> and %s/<split>.' % (data_config.data_dir, _IMAGES, _LABELS))
    return names


def open_split(data_config, split):
    """The Source of a split."""
    values = dict(zip(IDS.values(), (1 + label for label in labels_by_name(IDS, data_config.class_names, 'Cityscapes'))))
    files = _files(data_config.data_dir, split)
    paths = [path for item in files for path in item[1:] if os.path.isfile(path)]

    def make_plan():
        return SplitPlan(files, lambda item: _make_example(item, values), data_config.on_bad_record)

    return open_files(data_config, 'cityscapes_masks', data_config.data_dir, split, paths, make_plan)


def _files(root, split):
    """The Files of each image of a split, by name."""
    folder, ending, found = os.path.join(root, _IMAGES, split), '_%s.png' % _IMAGES, []
    for path in below(folder, (ending.lower(),)):
        name = os.path.relpath(path, folder)
        stem = os.path.join(root, _LABELS, split, name[:-len(ending)]) + '_%s_' % _LABELS
        found.append(Files(name.replace(os.sep, '/'), path, stem + 'labelIds.png', stem + 'instanceIds.png'))
    if not found:
        raise UserError('%s has no image called *%s.' % (folder, ending))
    return found


def _make_example(item, values):
    """(Example, notes) of the Files of an image. values: {value in labelIds: that of the mask}."""
    picture = labelled.read_picture(item.image, item.name)
    labels = _read(item.labels, picture)
    table = np.full(1 << 16, 255, np.uint8)  # pixels of classes that are not trained on have no label
    table[list(values)] = list(values.values())
    has_boxes = os.path.isfile(item.instances)
    instances = _instances(_read(item.instances, picture), values) if has_boxes else ()
    return labelled.make_example(picture, instances, outlined=True, ground=table[labels], has_boxes=has_boxes)


def _read(path, picture):
    ids = decode_ids(read_bytes(path), path)
    if ids.shape != (picture.height, picture.width):
        raise UserError('%s: it has %d x %d pixels (width x height), but the image has %d x %d.'
                        % (path, ids.shape[1], ids.shape[0], picture.width, picture.height))
    return ids


def _instances(ids, values):
    """Yield an Object with a box and no pixels of its own for each instance, and a crowd for each region of a group, such as "cargroup"."""
    height, width = ids.shape
    known, nothing = {IDS[name] for name in WITH_INSTANCES}, np.zeros(ids.shape, bool)
    for number in np.unique(ids).tolist():
        label = number if number < _INSTANCES else number // _INSTANCES
        if label in known:
            regions = [ids == number] if number >= _INSTANCES else _regions(ids == number)
            for region in regions:
                rows, columns = np.where(region.any(axis=1))[0], np.where(region.any(axis=0))[0]
                box = np.array([rows[0] / height, columns[0] / width, (rows[-1] + 1) / height, (columns[-1] + 1) / width])
                yield labelled.Object(values[label], box, nothing, crowd=int(number < _INSTANCES))


def _regions(pixels):
    """The connected regions of bool [h, w]."""
    count, numbers = cv2.connectedComponents(pixels.astype(np.uint8))
    return [numbers == i for i in range(1, count)]
