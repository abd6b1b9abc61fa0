"""The pictures of the dataset `shapes`: coloured, textured shapes that overlap on a textured ground, drawn from a seed.

A class is a shape with a typical hue, as things in photographs have typical looks; the hue varies so much that neighbours overlap, and
lightness, size, turn and place are random. The ground is dull. Masks hold the visible pixels of each object, and a box is the tight,
half-open bound of its object's visible pixels. An object is difficult when it is small (its box under a tenth of the image's
shorter side both ways) or when less than half of it is visible.
"""
import dataclasses
from typing import Tuple

import cv2
import numpy as np

CLASS_NAMES = ('circle', 'rectangle', 'triangle', 'star', 'cross', 'ring', 'crescent', 'arrow')

_SIDES = 240, 361  # of an image, pixels
_SMALL, _USUAL = (.06, .16), (.28, .7)  # an object's extent, as a fraction of the image's shorter side
_SMALL_SHARE = .12
_MAX_OBJECTS = 5
_TURN = 25  # degrees either way
_HUE_SPREAD = 11  # standard deviation, degrees; the classes' typical hues are 360 / 8 = 45 apart
_GROUND_COLOUR = 22  # largest difference of the ground's channels from its grey
_CONTRAST = 90  # least difference between an object's colour and the ground's, in the channel where it is largest
_LEAST_VISIBLE = .25
_USUALLY_VISIBLE = .6
_CROWDED_SHARE = .15  # of objects that may hide others down to _LEAST_VISIBLE
_SUBPIXEL = 4  # bits of polygon coordinates


@dataclasses.dataclass(frozen=True)
class Drawing:
    """An image [h, w, 3] RGB uint8, its mask [h, w] uint8 (0 = ground, class = 1 + label), and its objects."""
    image: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray  # [n, 4] as in `boxes.py`
    labels: Tuple[int, ...]  # [n] indices into CLASS_NAMES
    difficult: Tuple[bool, ...]  # [n]


def draw_shapes(seed, index):
    """The Drawing number `index` of a stream of drawings: the same for the same seed, whatever was drawn before."""
    random = np.random.RandomState([seed, index])
    height, width = random.randint(*_SIDES, size=2)
    base = (random.randint(50, 206) + random.uniform(-_GROUND_COLOUR, _GROUND_COLOUR, size=3)).astype(np.float32)
    image = _ground(random, height, width, base)
    owner = np.zeros((height, width), np.uint8)  # 1 + index of the object that is seen at a pixel
    labels, areas = [], []
    for _ in range(random.randint(1, _MAX_OBJECTS + 1)):
        label = random.randint(len(CLASS_NAMES))
        placed = _place(random, label, owner, areas)
        if placed is None:
            continue
        area, window, part = placed
        labels.append(label)
        areas.append(area)
        owner[window][part] = len(labels)
        _paint(random, image[window], part, base, label)
    return _finish(image, owner, labels, areas)


def _finish(image, owner, labels, areas):
    height, width = owner.shape
    mask = np.concatenate([[0], np.add(labels, 1)]).astype(np.uint8)[owner]
    boxes, difficult = [], []
    for i, area in enumerate(areas, 1):
        visible = owner == i
        rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
        box = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1  # pixels
        small = max(box[2] - box[0], box[3] - box[1]) < min(height, width) / 10
        boxes.append(box / np.array([height, width, height, width], np.float64))
        difficult.append(bool(small or visible.sum() < area / 2))
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Drawing(np.clip(image, 0, 255).astype(np.uint8), mask, boxes, tuple(labels), tuple(difficult))


def _place(random, label, owner, areas):
    """(pixels of the whole shape, the window it lies in, which pixels there are its own) where earlier objects stay visible; None if no place is."""
    height, width = owner.shape
    least = _LEAST_VISIBLE if random.uniform() < _CROWDED_SHARE else _USUALLY_VISIBLE
    seen, needed = np.bincount(owner.ravel(), minlength=len(areas) + 1)[1:], least * np.array(areas)
    for _ in range(10):
        extent = _extent(random) * min(height, width)
        margin = .3 * extent  # a shape may leave the image by a fifth of its extent
        left, top = (int(random.uniform(margin, side - margin) - extent) for side in (width, height))
        shape = _shape(random, CLASS_NAMES[label], extent)
        window, part = _visible(shape, top, left, height, width)
        area = np.count_nonzero(shape)
        hidden = np.bincount(owner[window][part], minlength=len(areas) + 1)[1:]
        if np.count_nonzero(part) >= least * area and np.all(seen - hidden >= needed):
            return area, window, part
    return None


def _extent(random):
    low, high = _SMALL if random.uniform() < _SMALL_SHARE else _USUAL
    return np.exp(random.uniform(np.log(low), np.log(high)))


def _shape(random, name, extent):
    """The shape in the middle of its own canvas [2 * extent, 2 * extent] uint8."""
    side = int(2 * extent) + 1
    canvas = np.zeros((side, side), np.uint8)
    turn = np.deg2rad(random.uniform(-_TURN, _TURN))
    stretch = random.uniform(.55, 1.) if name == 'rectangle' else random.uniform(.85, 1.)
    scale = extent / 2 * np.array([1, stretch] if random.uniform() < .5 else [stretch, 1])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for outline, value in _outlines(name):
        points = (outline * scale) @ rotation.T + extent
        cv2.fillPoly(canvas, [np.round(points * 2 ** _SUBPIXEL).astype(np.int32)], value, shift=_SUBPIXEL)
    return canvas


def _visible(shape, top, left, height, width):
    """(window, bool pixels of that window) which `shape` covers, with its corner at (top, left), which may lie outside of the image."""
    rows, columns = slice(max(top, 0), min(top + shape.shape[0], height)), slice(max(left, 0), min(left + shape.shape[1], width))
    part = shape[max(-top, 0):, max(-left, 0):][:rows.stop - rows.start, :columns.stop - columns.start] > 0
    return (rows, columns), part


def _outlines(name):
    """[(polygon [n, 2] of (x, y) in [-1, 1], 1 to fill or 0 to cut out)]."""
    if name == 'circle':
        return [(_regular(40), 1)]
    if name == 'ring':
        return [(_regular(40), 1), (.5 * _regular(40), 0)]
    if name == 'crescent':
        return [(_regular(40), 1), (.75 * _regular(40) + (.55, 0), 0)]
    if name == 'star':
        return [(_regular(10) * np.where(np.arange(10) % 2, .5, 1.)[:, None], 1)]
    return [(np.array(_POLYGONS[name], np.float64), 1)]


_POLYGONS = {
    'rectangle': [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    'triangle': [(0, -1), (1, .9), (-1, .9)],
    'cross': [(-.4, -1), (.4, -1), (.4, -.4), (1, -.4), (1, .4), (.4, .4),
              (.4, 1), (-.4, 1), (-.4, .4), (-1, .4), (-1, -.4), (-.4, -.4)],
    'arrow': [(-1, -.4), (.1, -.4), (.1, -.95), (1, 0), (.1, .95), (.1, .4), (-1, .4)],
}


def _regular(count):
    """Corners [count, 2] on the unit circle, the first on top."""
    angles = 2 * np.pi * np.arange(count) / count - np.pi / 2
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _ground(random, height, width, base):
    """A textured ground [h, w, 3] float32: coarse and fine clouds, sometimes stripes, and a few thin lines."""
    image = base + _clouds(random, height, width, 6, 28) + _clouds(random, height, width, 60, 10)
    if random.uniform() < .5:
        image += _stripes(random, height, width)[..., None]
    for _ in range(random.randint(4)):
        ends = random.randint(0, (width, height), size=(2, 2))
        shade = base + random.uniform(-50, 50)
        cv2.line(image, tuple(map(int, ends[0])), tuple(map(int, ends[1])), tuple(map(float, shade)), 1)
    return image


def _clouds(random, height, width, cells, amplitude):
    coarse = random.uniform(-amplitude, amplitude, size=(cells, cells, 3)).astype(np.float32)
    return cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)


def _stripes(random, height, width):
    """Waves [h, w] float32 in a random direction."""
    angle, period = random.uniform(0, np.pi), random.uniform(12, 50)
    rows, columns = np.sin(angle) * np.arange(height)[:, None], np.cos(angle) * np.arange(width)
    return (random.uniform(4, 14) * np.sin((rows + columns) * 2 * np.pi / period)).astype(np.float32)


def _colour(random, label):
    """A vivid colour [3] float64 near the typical hue of a class."""
    hue = (360 * label / len(CLASS_NAMES) + random.normal(0, _HUE_SPREAD)) % 360
    pixel = np.array([[[hue, random.uniform(.55, 1), random.uniform(.45, 1)]]], np.float32)
    return 255. * cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]


def _paint(random, image, part, base, label):
    """Fill the pixels of `part` with a textured colour of the class, unlike the ground's, shaded towards the edge.

    image: a window of the whole, of the size of `part`.
    """
    colour = _colour(random, label)
    while np.abs(colour - base).max() < _CONTRAST:
        colour = _colour(random, label)
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    part = part[window]
    texture = _clouds(random, part.shape[0], part.shape[1], 5, 18)[part]
    if random.uniform() < .3:
        texture = texture + _stripes(random, *part.shape)[part][:, None]
    depth = cv2.distanceTransform(np.pad(part, 1, mode='constant').astype(np.uint8), cv2.DIST_L1, 3)[1:-1, 1:-1]
    texture = texture - random.uniform(0, 45) * (depth[part] <= 2)[:, None]
    image[window][part] = colour + texture
