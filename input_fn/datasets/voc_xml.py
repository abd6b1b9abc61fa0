"""Box annotations as PASCAL VOC writes them, one XML file per image.

A box is (xmin, ymin, xmax - xmin, ymax - ymin) in pixels, so that its edges as fractions are the numbers of the file divided by
the image's width and height. Coordinates belong to the upright image, as viewers show it.
"""
import collections
import math
import xml.etree.ElementTree

import numpy as np

from blitznet_estimator.errors import UserError, nearest

Annotation = collections.namedtuple('Annotation', 'boxes labels difficult notes')  # notes: Counter of what was mended


def read_annotation(path, class_names, height, width):
    """The Annotation of an image of `height` x `width` pixels: boxes [n, 4] as in `boxes.py`, labels from 0, difficult [n]."""
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        raise UserError('%s: not a readable XML file (%s).' % (path, error))
    _check_size(root.find('size'), path, height, width)
    boxes, labels, difficult, notes = [], [], [], collections.Counter()
    for entry in root.findall('object'):
        label = _label(entry, class_names, path)
        box = _box(entry.find('bndbox'), path) / (height, width, height, width)
        clipped = np.clip(box, 0, 1)
        if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
            notes['boxes dropped that were empty or outside their image'] += 1
            continue
        notes['boxes clipped to their image'] += int(not np.array_equal(box, clipped))
        boxes.append(clipped)
        labels.append(label)
        difficult.append(_text(entry, 'difficult') not in ('', '0'))
    return Annotation(np.array(boxes, np.float32).reshape(-1, 4), tuple(labels), tuple(difficult), notes)


def _label(entry, class_names, path):
    name = _text(entry, 'name')
    if name not in class_names:
        raise UserError('%s: an object is of the class %r, which is not in the class list. %s'
                        % (path, name, nearest(name, class_names)))
    return class_names.index(name)


def _box(node, path):
    """(ymin, xmin, ymax, xmax) in pixels, float64."""
    if node is None:
        raise UserError('%s: an object has no <bndbox>.' % path)
    return np.array([_number(node, tag, path) for tag in ('ymin', 'xmin', 'ymax', 'xmax')])


def _number(node, tag, path):
    text = _text(node, tag)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError('%s: <%s> of a box is %r, which is not a number.' % (path, tag, text))
    return number


def _check_size(node, path, height, width):
    """Where the file states a size, it must be the upright image's: else its boxes belong to other pixels."""
    if node is None:
        return
    stated = tuple(int(float(_text(node, tag) or 0)) for tag in ('height', 'width'))
    if 0 not in stated and stated != (height, width):
        turned = ' (turned as its EXIF tag says; annotations belong to the upright image)' if stated == (width, height) else ''
        raise UserError('%s: made for an image of %d x %d pixels (width x height), but the image has %d x %d%s.'
                        % (path, stated[1], stated[0], width, height, turned))


def _text(node, tag):
    """The text of a child, stripped; '' where it is absent or empty."""
    return (node.findtext(tag) or '').strip()
