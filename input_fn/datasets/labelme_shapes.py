"""The shapes of LabelMe's files: what is read of one, the box around it, and its pixels.

Coordinates are pixels of the upright image. LabelMe paints a shape's outline together with its inside; so does this module, with the same
library, so that masks equal those that LabelMe makes. COCO's rule leaves out the pixels on the right and lower side of an outline.
Others write these files, so that every field is checked. A wrong one is a UserError that names file, shape and field.
"""
import base64
import collections
import math

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.json_files import is_number, shown
from input_fn.datasets.images import decode_mask
from input_fn.datasets.labelled import bounds

RECTANGLE = 'rectangle'  # which may stand for a box alone
_REACH = 100  # times an image's longer side, by which a shape may leave it: the time to paint one grows with its size
_MOST_CROSSINGS = 10 ** 9  # edges times rows of pixels: Pillow looks at each edge in each row
_POINTS = {'polygon': 3, RECTANGLE: 2, 'circle': 2, 'oriented_rectangle': 4, 'rotation': 4, 'mask': 2}  # kind: fewest points
_WITHOUT_AREA = ('line', 'linestrip', 'point', 'points')

# kind: of _POINTS. group: None, or what joins the parts of one object of a label. points: [n, 2] of (x, y). mask: PNG bytes of the kind mask.
Shape = collections.namedtuple('Shape', 'where label kind group points mask')


def read(content, path):
    """The Shapes of a file's content, in its order."""
    shapes = content.get('shapes')
    if not isinstance(shapes, list):
        raise UserError('%s: "shapes" is %s; it must be a list: only files of LabelMe can be read.' % (path, shown(content, 'shapes')))
    return [_shape(fields, '%s, shapes[%d]' % (path, i)) for i, fields in enumerate(shapes)]


def _shape(fields, where):
    if not isinstance(fields, dict):
        raise UserError('%s is no object {...}.' % where)
    label, kind, group = fields.get('label'), fields.get('shape_type') or 'polygon', fields.get('group_id')
    if not isinstance(label, str) or not label.strip():
        raise UserError('%s: "label" is %s; it must be a text.' % (where, shown(fields, 'label')))
    if not isinstance(kind, str) or kind not in _POINTS:
        raise UserError('%s: "shape_type" is %s, which %s: take it away, or draw it as a polygon.' % (
            where, shown(fields, 'shape_type'), 'has no area' if kind in _WITHOUT_AREA else 'is not known'))
    if not isinstance(group, (int, str, type(None))):
        raise UserError('%s: "group_id" is %s; it must be a number.' % (where, shown(fields, 'group_id')))
    return Shape(where, label.strip(), kind, group, _points(fields, kind, where), _mask(fields, where) if kind == 'mask' else None)


def _points(fields, kind, where):
    points = fields.get('points')
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 and all(map(is_number, point)) for point in points):
        raise UserError('%s: "points" is %s; it must be a list of [x, y].' % (where, shown(fields, 'points')))
    exact = {'circle': (2,), 'mask': (2,), RECTANGLE: (2, 4)}.get(kind)
    if len(points) < _POINTS[kind] or exact and len(points) not in exact:
        raise UserError('%s: "points" has %d points; a %s has %d%s.' % (where, len(points), kind, _POINTS[kind], '' if exact else ' or more'))
    return np.array(points, np.float64)


def _mask(fields, where):
    try:
        return base64.b64decode(fields['mask'], validate=True)
    except (KeyError, TypeError, ValueError):
        raise UserError('%s: "mask" is %s; it must be a PNG in base64.' % (where, shown(fields, 'mask')))


def box(shapes, height, width):
    """The box around the Shapes of one object."""
    return bounds(np.concatenate([_extent(shape) for shape in shapes]), height, width)


def _extent(shape):
    """Points [n, 2] whose bounds are those of a Shape."""
    if shape.kind == 'circle':
        center, radius = shape.points[0], np.hypot(*(shape.points[1] - shape.points[0]))
        return np.array([center - radius, center + radius])
    if shape.kind == 'mask':
        first, (height, width) = _corner(shape), _patch(shape).shape
        return np.array([first, first + (width, height)])
    return shape.points


def pixels(shape, height, width):
    """bool [height, width] of a Shape."""
    if np.abs(shape.points).max() > _REACH * max(height, width):
        raise UserError('%s: "points" reach far out of the image of %d x %d pixels (width x height).' % (shape.where, width, height))
    if len(shape.points) * height > _MOST_CROSSINGS:
        raise UserError('%s: "points" has %d points, more than a shape of %d rows of pixels needs.' % (shape.where, len(shape.points), height))
    return _pasted(shape, height, width) if shape.kind == 'mask' else _drawn(shape, height, width)


def _drawn(shape, height, width):
    from PIL import Image, ImageDraw  # here, as few runs need it
    canvas = Image.new('L', (width, height))
    draw = ImageDraw.Draw(canvas)
    if shape.kind == 'circle':
        (x, y), radius = shape.points[0], math.hypot(*(shape.points[1] - shape.points[0]))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, fill=1)
    elif shape.kind == RECTANGLE:
        draw.rectangle((tuple(shape.points.min(axis=0)), tuple(shape.points.max(axis=0))), outline=1, fill=1)
    else:
        draw.polygon(list(map(tuple, shape.points)), outline=1, fill=1)
    return np.array(canvas, bool)


def _corner(shape):
    return shape.points.round().astype(int)[0]


def _patch(shape):
    """The pixels of a Shape that is a mask. Whole numbers bound it; else it is taken as it is, as LabelMe does."""
    patch = decode_mask(shape.mask, shape.where) > 0
    if np.array_equal(shape.points, np.trunc(shape.points)):
        width, height = (shape.points[1] - shape.points[0] + 1).astype(int)
        patch = patch[:max(height, 0), :max(width, 0)]
    return patch


def _pasted(shape, height, width):
    (left, top), patch, whole = _corner(shape), _patch(shape), np.zeros((height, width), bool)
    first, last = np.maximum([-top, -left], 0), np.minimum([height - top, width - left], patch.shape)
    if (first < last).all():
        whole[top + first[0]:top + last[0], left + first[1]:left + last[1]] = patch[first[0]:last[0], first[1]:last[1]]
    return whole
