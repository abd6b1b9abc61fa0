"""The label files of YOLO layout: a line per object, of its class from 0, and its box or its outline in fractions of the upright image.

    class cx cy width height          a box by its centre
    class x1 y1 x2 y2 x3 y3 ...       a polygon; its box is the one around its points

Both may stand in one file. Others write these files, so that every field is checked. A wrong one is a UserError that names file, line and field.
"""
import collections
import math

import numpy as np

from blitznet_estimator import text_files
from blitznet_estimator.errors import UserError
from input_fn.datasets import coco_outlines
from input_fn.datasets.labelled import Object, bounds

_REACH = 2.  # of a fraction: what lies further out is no rounding, but a number in other units

Line = collections.namedtuple('Line', 'where label numbers')  # label from 0; numbers: four of a box, or six and more of a polygon


def read(path, num_labels):
    """The Lines of a label file; `num_labels` is the number of classes, without background."""
    lines = text_files.read(path, 'The label file').splitlines()
    return [_line(text.split(), '%s, line %d' % (path, number), num_labels) for number, text in enumerate(lines, 1) if text.strip()]


def is_polygon(line):
    """Whether a Line has an outline."""
    return len(line.numbers) > 4


def objects(lines, height, width, outlined):
    """Yield the Object of each Line of an image of `height` x `width` pixels. outlined: whether outlines are asked for."""
    for line in lines:
        points = np.array(line.numbers).reshape(-1, 2) * (width, height)
        if not is_polygon(line):
            points = points[0] + np.array([[-.5], [.5]]) * points[1]  # the corners, of the centre and the size
        polygon = [points.ravel().tolist()] if outlined and is_polygon(line) else None
        yield Object(line.label + 1, bounds(points, height, width), coco_outlines.pixels(polygon, height, width, line.where))


def _line(words, where, num_labels):
    numbers = tuple(_number(word, where) for word in words[1:])
    label = _number(words[0], where)
    if label != int(label) or not 0 <= label < num_labels:
        raise UserError('%s: the class is %s, but there are the classes 0 to %d.' % (where, words[0], num_labels - 1))
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise UserError('%s: %d numbers follow the class; a box has four, and a polygon has two for each of three points or more.'
                        % (where, len(numbers)))
    beyond = [word for word, number in zip(words[1:], numbers) if abs(number) > _REACH]
    if beyond:
        raise UserError('%s: %s is no fraction of the image: divide x by its width and y by its height.' % (where, beyond[0]))
    if len(numbers) == 4 and min(numbers[2:]) < 0:
        raise UserError('%s: the box has the size %s x %s; it must be 0 or more.' % (where, words[3], words[4]))
    return Line(where, int(label), numbers)


def _number(word, where):
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError('%s: %r is no number.' % (where, word if len(word) < 40 else word[:37] + '...'))
    return number
