"""Predictions in the files that other systems write and read: COCO json, VOC's comp4_det_*.txt and indexed PNG masks.

In all of them boxes are in the image's own pixels. An image is known by its name (`image_names.py`): its path in the dataset, which
VOC's files write without extension; or by a COCO image id. Readers give {image: Detections}; a Detections has boxes
[n, (x, y, width, height)] float64, scores [n], classes [n] from 1.
"""
import collections
import os
import re

import numpy as np

from blitznet_estimator import files, json_files, text_files
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.evaluation.image_names import as_path
from blitznet_estimator.logs import log

DETECTIONS, ANNOTATIONS, MASKS = 'detections.json', 'annotations.json', 'masks'  # names in a folder of predictions
SHOWN = 5  # names in a message
VOC_FILE = 'comp4_det_%s_%s.txt'  # split, class; both by `in_file_name`
# PASCAL VOC's names of classes that COCO spells otherwise.
SYNONYMS = {'aeroplane': 'airplane', 'motorbike': 'motorcycle', 'sofa': 'couch', 'tvmonitor': 'tv', 'diningtable': 'dining table',
            'pottedplant': 'potted plant'}

Detections = collections.namedtuple('Detections', 'boxes scores classes')
NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


def coco_rows(image_id, detections):
    """COCO results of one image."""
    return [{'image_id': image_id, 'category_id': int(number), 'bbox': rounded(box), 'score': float('%.7g' % score)}
            for box, score, number in zip(*detections)]


def rounded(box):
    """A box as it is written."""
    return [float('%.7g' % side) for side in box]  # as many digits as float32 holds


def read_coco_detections(path, class_names, annotations=None):
    """{image: Detections} of a COCO results file.

    Args:
      annotations: a COCO instances file (path) that the ids refer to; images are then known by their names, classes by name (VOC's or
        COCO's). Without it images are known by their ids as they stand, and categories count `class_names` from 1.
    Raises:
      UserError: not such a file, or a category that is not one of the classes.
    """
    rows = json_files.read(path)
    images, numbers = _ids(annotations, class_names)
    if not isinstance(rows, list):
        raise UserError('%s is not a COCO results file: it must be a list of image_id, category_id, bbox, score.' % path)
    grouped = collections.defaultdict(list)
    for i, row in enumerate(rows):
        image_id, category, score, box = _coco_row(row, '%s, entry %d' % (path, i))
        if category not in numbers:
            hint = ' in %s' % annotations if annotations else '; name the annotations file that the ids refer to'
            raise UserError('%s, entry %d: category %s is none of the %d classes%s.' % (path, i, category, len(class_names), hint))
        grouped[images.get(image_id, image_id)].append((box, score, numbers[category]))
    return _grouped(grouped)


def _coco_row(row, where):
    """(image id, category id, score, box [4] as x, y, width, height) of an entry of COCO results."""
    try:
        score, box = float(row['score']), np.array(row['bbox'], float).reshape(4)
        if not np.isfinite(np.append(box, score)).all():
            raise ValueError('it is not finite')
        hash((row['image_id'], row['category_id']))  # no list, and no object {...}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError('%s has no usable image_id, category_id, bbox and score (%r).' % (where, error))
    return row['image_id'], row['category_id'], score, box


def read_image_ids(path):
    """The ids of the images in a COCO instances file, a set."""
    try:
        return {image['id'] for image in json_files.read(path)['images']}
    except (KeyError, TypeError) as error:
        raise UserError('%s is not a COCO instances file with images (%r).' % (path, error))


def _ids(annotations, class_names):
    """({image id: name}, {category id: class number})."""
    if annotations is None:
        return {}, {i: i for i in range(1, len(class_names) + 1)}
    content = json_files.read(annotations)
    try:
        images = {image['id']: as_path(image['file_name']) for image in content['images']}
        categories = {category['id']: _canonical(category['name']) for category in content['categories']}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError('%s is not a COCO instances file with images and categories (%r).' % (annotations, error))
    twice = [name for name, count in collections.Counter(images.values()).items() if count > 1]
    if twice:
        raise UserError('%s: several images have the file_name %s, so that detections cannot be told apart.' % (annotations, twice[0]))
    numbers = {_canonical(name): i for i, name in enumerate(class_names, 1)}
    return images, {key: numbers[name] for key, name in categories.items() if name in numbers}


def _canonical(name):
    return SYNONYMS.get(name, name)


def write_voc_detections(folder, split, class_names, detections):
    """Write comp4_det_<split>_<class>.txt for each class, from {image: Detections}: image, score, xmin, ymin, xmax, ymax a line."""
    lines = {i: [] for i in range(1, len(class_names) + 1)}
    for image, (boxes, scores, classes) in detections.items():
        for (x, y, width, height), score, number in zip(boxes, scores, classes):
            lines[int(number)].append('%s %.7g %.7g %.7g %.7g %.7g\n' % (image, score, x, y, x + width, y + height))
    for number, name in enumerate(class_names, 1):
        files.write_text(os.path.join(folder, _voc_file(split, name)), ''.join(lines[number]))


def read_voc_detections(folder, class_names):
    """{image: Detections} of the comp4_det_<split>_<class>.txt files in a folder; a class without file has no detections.

    A file of no class is left out, with a warning.
    """
    grouped = collections.defaultdict(list)
    pattern = re.compile(r'comp\d_det_.+?_(%s)\.txt$' % '|'.join(re.escape(in_file_name(name)) for name in class_names))
    there = [name for name in sorted(os.listdir(folder)) if re.match(r'comp\d_det_.+\.txt$', name)]
    names = [name for name in there if pattern.match(name)]
    if names and len(names) < len(there):
        log.warning('%s: left out, as the dataset has no such class: %s.', folder, listed(sorted(set(there) - set(names)), SHOWN))
    if not names:
        raise UserError('%s holds no %s of a class.' % (folder, VOC_FILE % ('SPLIT', 'CLASS')))
    for name in names:
        number = [in_file_name(known) for known in class_names].index(pattern.match(name).group(1)) + 1
        path = os.path.join(folder, name)
        for i, line in enumerate(text_files.read(path).split('\n'), 1):
            if line.strip():
                image, score, box = _voc_line(line, '%s, line %d' % (path, i))
                grouped[image].append((box, score, number))
    return _grouped(grouped)


def _voc_file(split, name):
    return VOC_FILE % (in_file_name(split), in_file_name(name))


def in_file_name(text):
    """Text without separators of paths, which would make a file elsewhere."""
    return re.sub(r'[/\\\x00-\x1f]', lambda found: '%%%02X' % ord(found.group()), text)


def _voc_line(line, where):
    """(image, score, box [4] as x, y, width, height) of one line; the image's name may hold spaces."""
    words = line.rsplit(None, 5)
    try:
        score, x0, y0, x1, y1 = map(float, words[1:])
        box = np.array([x0, y0, x1 - x0, y1 - y0])
        if not np.isfinite(np.append(box, score)).all():
            raise ValueError
    except ValueError:
        raise UserError('%s: "%s" is not image, score, xmin, ymin, xmax, ymax.' % (where, line.strip()))
    return words[0], score, box


def _grouped(grouped):
    """{image: Detections} of {image: [(box, score, number)]}."""
    return {image: Detections(np.array([row[0] for row in rows]).reshape(-1, 4), np.array([row[1] for row in rows]),
                              np.array([row[2] for row in rows], np.int64)) for image, rows in grouped.items()}


def as_prediction(detections, size, segmentation=None):
    """The Scorer's prediction of Detections in an image of `size` (height, width) pixels."""
    x, y, width, height = detections.boxes.T
    corners = np.stack([y, x, y + height, x + width], axis=1) / (tuple(size) * 2)
    return {'boxes': corners, 'scores': detections.scores, 'classes': detections.classes, 'segmentation': segmentation}
