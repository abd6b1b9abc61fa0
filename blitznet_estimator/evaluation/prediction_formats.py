"""Predictions in the files that other systems write and read: COCO json, VOC's comp4_det_*.txt and indexed PNG masks.

In all of them boxes are in the image's own pixels. An image is known by its stem, the file name without folder and extension, or by a
COCO image id. Readers give {image: Detections}; a Detections has boxes [n, (x, y, width, height)] float64, scores [n], classes [n] from 1.
"""
import collections
import json
import os
import re

import numpy as np

from blitznet_estimator import files
from blitznet_estimator.drawing import palette, save_indexed_png
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.coco import pixel_boxes

DETECTIONS, ANNOTATIONS, MASKS = 'detections.json', 'annotations.json', 'masks'  # names in a folder of predictions
VOC_FILE = 'comp4_det_%s_%s.txt'  # split, class
# PASCAL VOC's names of classes that COCO spells otherwise.
SYNONYMS = {'aeroplane': 'airplane', 'motorbike': 'motorcycle', 'sofa': 'couch', 'tvmonitor': 'tv', 'diningtable': 'dining table',
            'pottedplant': 'potted plant'}

Detections = collections.namedtuple('Detections', 'boxes scores classes')
NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


class PredictionWriter:
    """Writes the predictions of a split into a folder, with the ground truth that pycocotools needs to score them.

    detections.json (COCO results), annotations.json (COCO instances; image ids are source_ids, category ids count classes from 1)
    and masks/<stem>.png. Updated with each image as a Scorer is; the json files are there after `close`.
    """

    def __init__(self, folder, class_names):
        self._folder = folder
        self._class_names = tuple(class_names)
        self._colors = palette(len(self._class_names) + 1)
        self._images, self._annotations = [], []
        self._found = _RowsFile(os.path.join(folder, DETECTIONS))

    def update(self, prediction, sample):
        """Add one image."""
        size, image_id = (sample.height, sample.width), int(sample.source_id)
        self._images.append({'id': image_id, 'file_name': sample.filename, 'height': int(size[0]), 'width': int(size[1])})
        for box, number, difficult, crowd in zip(pixel_boxes(sample.boxes, size), sample.classes, sample.difficult, sample.crowd):
            self._annotations.append({
                'id': len(self._annotations) + 1, 'image_id': image_id, 'category_id': int(number), 'bbox': _rounded(box),
                'area': float(box[2] * box[3]), 'iscrowd': int(crowd), 'difficult': int(difficult)})
        if prediction.get('boxes') is not None:
            boxes = pixel_boxes(prediction['boxes'], size)
            self._found.extend(coco_rows(image_id, Detections(boxes, prediction['scores'], prediction['classes'])))
        if prediction.get('segmentation') is not None:
            save_indexed_png(os.path.join(self._folder, MASKS, stem(sample) + '.png'), prediction['segmentation'], self._colors)

    def close(self):
        """Write the json files."""
        categories = [{'id': i, 'name': name} for i, name in enumerate(self._class_names, 1)]
        self._found.close()
        files.write_text(os.path.join(self._folder, ANNOTATIONS), json.dumps(
            {'images': self._images, 'annotations': self._annotations, 'categories': categories}))


class _RowsFile:
    """A JSON list that is written while its rows come: there may be a million. Its file is there after `close`."""

    def __init__(self, path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self._path, self._separator = path, '['
        self._file = open(path + '.tmp', 'w')

    def extend(self, rows):
        """Add rows."""
        for row in rows:
            self._file.write(self._separator + json.dumps(row, separators=(',', ':')))
            self._separator = ',\n'

    def close(self):
        """End the list."""
        self._file.write('[]' if self._separator == '[' else ']')
        self._file.close()
        files.publish(self._path + '.tmp', self._path)


def stem(sample):
    """What an image is called in VOC files and masks; its number where it has no file name."""
    return os.path.splitext(os.path.basename(sample.filename))[0] or '%012d' % sample.source_id


def coco_rows(image_id, detections):
    """COCO results of one image."""
    return [{'image_id': image_id, 'category_id': int(number), 'bbox': _rounded(box), 'score': float('%.7g' % score)}
            for box, score, number in zip(*detections)]


def _rounded(box):
    return [float('%.7g' % side) for side in box]  # as many digits as float32 holds


def read_coco_detections(path, class_names, annotations=None):
    """{image: Detections} of a COCO results file.

    Args:
      annotations: a COCO instances file (path) that the ids refer to; images are then known by their stems, classes by name (VOC's or
        COCO's). Without it images are known by their ids as they stand, and categories count `class_names` from 1.
    Raises:
      UserError: not such a file, or a category that is not one of the classes.
    """
    rows = _load(path)
    images, numbers = _ids(annotations, class_names)
    if not isinstance(rows, list):
        raise UserError('%s is not a COCO results file: it must be a list of image_id, category_id, bbox, score.' % path)
    grouped = collections.defaultdict(list)
    for i, row in enumerate(rows):
        try:
            image, number = images.get(row['image_id'], row['image_id']), numbers.get(row['category_id'])
            score, box = float(row['score']), np.array(row['bbox'], float).reshape(4)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError('%s, entry %d has no usable image_id, category_id, bbox and score (%r).' % (path, i, error))
        if number is None:
            raise UserError('%s, entry %d: category %s is none of the %d classes; name the annotations file that the ids refer to.'
                            % (path, i, row['category_id'], len(class_names)))
        grouped[image].append((box, score, number))
    return _grouped(grouped)


def read_image_ids(path):
    """The ids of the images in a COCO instances file, a set."""
    try:
        return {image['id'] for image in _load(path)['images']}
    except (KeyError, TypeError) as error:
        raise UserError('%s is not a COCO instances file with images (%r).' % (path, error))


def _load(path):
    try:
        with open(path) as file:
            return json.load(file)
    except OSError as error:
        raise UserError('%s cannot be read: %s.' % (path, error.strerror))
    except ValueError as error:
        raise UserError('%s is not JSON (%s).' % (path, error))


def _ids(annotations, class_names):
    """({image id: stem}, {category id: class number})."""
    if annotations is None:
        return {}, {i: i for i in range(1, len(class_names) + 1)}
    content = _load(annotations)
    try:
        images = {image['id']: os.path.splitext(os.path.basename(image['file_name']))[0] for image in content['images']}
        categories = {category['id']: _canonical(category['name']) for category in content['categories']}
    except (KeyError, TypeError) as error:
        raise UserError('%s is not a COCO instances file with images and categories (%r).' % (annotations, error))
    numbers = {_canonical(name): i for i, name in enumerate(class_names, 1)}
    return images, {key: numbers[name] for key, name in categories.items() if name in numbers}


def _canonical(name):
    return SYNONYMS.get(name, name)


def write_voc_detections(folder, split, class_names, detections):
    """Write comp4_det_<split>_<class>.txt for each class, from {stem: Detections}: stem, score, xmin, ymin, xmax, ymax a line."""
    lines = {i: [] for i in range(1, len(class_names) + 1)}
    for image, (boxes, scores, classes) in detections.items():
        for (x, y, width, height), score, number in zip(boxes, scores, classes):
            lines[int(number)].append('%s %.7g %.7g %.7g %.7g %.7g\n' % (image, score, x, y, x + width, y + height))
    for number, name in enumerate(class_names, 1):
        files.write_text(os.path.join(folder, VOC_FILE % (split, name)), ''.join(lines[number]))


def read_voc_detections(folder, class_names):
    """{stem: Detections} of the comp4_det_<split>_<class>.txt files in a folder; a class without file has no detections."""
    grouped = collections.defaultdict(list)
    pattern = re.compile(r'comp\d_det_.+?_(%s)\.txt$' % '|'.join(re.escape(name) for name in class_names))
    names = [name for name in sorted(os.listdir(folder)) if pattern.match(name)]
    if not names:
        raise UserError('%s holds no %s of a class.' % (folder, VOC_FILE % ('SPLIT', 'CLASS')))
    for name in names:
        number = class_names.index(pattern.match(name).group(1)) + 1
        with open(os.path.join(folder, name)) as file:
            for i, line in enumerate(file, 1):
                image, score, box = _voc_line(line, '%s, line %d' % (os.path.join(folder, name), i))
                grouped[image].append((box, score, number))
    return _grouped(grouped)


def _voc_line(line, where):
    """(stem, score, box [4] as x, y, width, height) of one line; the stem may hold spaces."""
    words = line.rsplit(None, 5)
    try:
        score, x0, y0, x1, y1 = map(float, words[1:])
    except ValueError:
        raise UserError('%s: "%s" is not image, score, xmin, ymin, xmax, ymax.' % (where, line.strip()))
    return words[0], score, np.array([x0, y0, x1 - x0, y1 - y0])


def _grouped(grouped):
    """{image: Detections} of {image: [(box, score, number)]}."""
    return {image: Detections(np.array([row[0] for row in rows]).reshape(-1, 4), np.array([row[1] for row in rows]),
                              np.array([row[2] for row in rows], np.int64)) for image, rows in grouped.items()}


def as_prediction(detections, size, segmentation=None):
    """The Scorer's prediction of Detections in an image of `size` (height, width) pixels."""
    x, y, width, height = detections.boxes.T
    corners = np.stack([y, x, y + height, x + width], axis=1) / (tuple(size) * 2)
    return {'boxes': corners, 'scores': detections.scores, 'classes': detections.classes, 'segmentation': segmentation}
