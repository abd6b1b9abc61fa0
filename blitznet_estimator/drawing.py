"""Pictures of predictions and of ground truth, the same for predict, TensorBoard and the report.

A picture is uint8 RGB [H, W, 3]. Line width and text follow the picture's size; a small image is enlarged so that its labels can be read.
"""
import os
import struct
import zlib

import cv2
import numpy as np

from blitznet_estimator import files, fonts, given_paths
from blitznet_estimator.boxes import to_corners
from blitznet_estimator.colors import CREAM, WHITE, palette, text_color
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.errors import UserError
from blitznet_estimator.lettering import cut, draw_text, text_extent
from blitznet_estimator.logs import log

MIN_SIDE = 240  # pixels of the longer side, below which an image is enlarged
TEXT_SIZE = 12  # pixels of the em, the least that can be read
TITLE_SIZE = 15  # of titles in a contact sheet
_SAID = set()  # what was said of missing fonts, once in a run


def draw(image, boxes=None, classes=None, scores=None, mask=None, class_names=(), difficult=None, min_score=0., alpha=.4, legend=True,
         line_width=0, text_size=0, enlarge=True):
    """A picture of an image with its boxes, labels and mask.

    Args:
      image: uint8 RGB [H, W, 3].
      boxes [n, 4] yxyx as fractions; classes [n] from 1; scores [n] or None for ground truth; difficult [n] bool draws thin boxes.
      mask: [H, W] class of each pixel, blended in with weight `alpha`; 0 and 255 stay clear.
      class_names: without the background. min_score: boxes below it are left out. legend: put the colours' names under the picture.
      line_width, text_size: pixels of a box's line, and of the em of text; 0 follows the picture's size.
      enlarge: whether a small image is enlarged.
    """
    side = MIN_SIDE if enlarge else 1
    picture = _enlarge(image, cv2.INTER_CUBIC, side)
    colors, line_width, text_size = palette(256), line_width or _line_width(picture), text_size or _text_size(picture)
    occurring = set()
    if mask is not None:
        mask = np.ascontiguousarray(mask, np.uint8)
        _blend(picture, _enlarge(mask, cv2.INTER_NEAREST, side), colors, alpha, line_width)
        occurring.update(np.flatnonzero(cv2.calcHist([mask], [0], None, [256], [0, 256])).tolist())
    if boxes is not None and len(boxes):
        kept = np.arange(len(boxes)) if scores is None else np.flatnonzero(np.asarray(scores) >= min_score)
        thin = np.zeros(len(boxes), bool) if difficult is None else np.asarray(difficult, bool)
        kept_boxes, kept_classes = np.asarray(boxes)[kept], np.asarray(classes)[kept]
        _draw_boxes(picture, kept_boxes, kept_classes, thin[kept], colors, line_width)
        _draw_labels(picture, kept_boxes, _texts(classes, scores, kept, class_names), colors[kept_classes], text_size)
        occurring.update(kept_classes.tolist())
    if not legend:
        return picture
    entries = [(_name(number, class_names), colors[number]) for number in sorted(occurring - {0, IGNORE_LABEL})]
    return np.concatenate([picture, draw_legend(entries, picture.shape[1], text_size)]) if entries else picture


def draw_training_example(image, match, boxes, classes, mask, anchors, class_names=()):
    """A picture of what a network learns from: an augmented image, its ground truth, and the anchors matched to it as thin lines.

    Args:
      image: float [S, S, 3] in [0, 1]; match [A], boxes [M, 4], classes [M], mask [s, s]: one image's labels as in `batch.py`.
      anchors: [A, 4] as centers.
    """
    picture = _enlarge(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8), cv2.INTER_CUBIC, 2 * MIN_SIDE)
    mask = cv2.resize(np.asarray(mask, np.uint8), picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    matched = np.flatnonzero(np.asarray(match) >= 0)
    numbers, colors = np.asarray(classes)[match[matched]], palette(256)
    for box, number in zip(to_corners(anchors[matched]), numbers):
        x0, y0, x1, y1 = _pixels(box, picture)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colors[number].tolist(), 1)
    used = np.flatnonzero(classes)
    return draw(picture, np.asarray(boxes)[used], np.asarray(classes)[used], None, mask, class_names)


def _enlarge(image, interpolation, side=MIN_SIDE):
    """A copy of an image, by a whole factor so that its longer side reaches `side`."""
    factor = -(-side // max(image.shape[:2]))
    if factor == 1:
        return np.array(image)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation)


def _line_width(picture):
    return max(2, int(round(max(picture.shape[:2]) / 320)))


def _text_size(picture):
    """Pixels of the em of text that can be read in a picture as a whole, at 0.05 megapixels or at 50."""
    height, width = picture.shape[:2]
    return max(TEXT_SIZE, int(round((height * width) ** .5 / 40)))


def _blend(picture, mask, colors, alpha, line_width):
    """Blend the classes' colours in, in place; a class is edged so that neighbours of like colours are told apart."""
    marked = cv2.inRange(mask, 1, IGNORE_LABEL - 1)
    colored = cv2.LUT(cv2.merge([mask] * 3), colors[None])
    cv2.copyTo(cv2.addWeighted(colored, alpha, picture, 1 - alpha, 0), marked, picture)
    edge = cv2.compare(cv2.erode(mask, np.ones((1 + line_width,) * 2, np.uint8)), mask, cv2.CMP_NE)
    cv2.copyTo(colored, cv2.bitwise_and(edge, marked), picture)


def _pixels(box, picture):
    """(x0, y0, x1, y1) of a box [4], whole pixels inside the picture."""
    height, width = picture.shape[:2]
    y0, x0, y1, x1 = np.nan_to_num(np.asarray(box, np.float64)) * [height, width, height, width]
    return tuple(int(np.clip(round(v), 0, side - 1)) for v, side in ((x0, width), (y0, height), (x1, width), (y1, height)))


def _draw_boxes(picture, boxes, classes, thin, colors, width):
    """Draw outlines in place, the last first, so that the best detections are on top; a black or white line around each parts it from the image."""
    for box, number, is_thin in list(zip(boxes, classes, thin))[::-1]:
        x0, y0, x1, y1 = _pixels(box, picture)
        own = max(1, width // 2) if is_thin else width
        cv2.rectangle(picture, (x0, y0), (x1, y1), text_color(colors[number]), own + max(2, own // 2), cv2.LINE_AA)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colors[number].tolist(), own, cv2.LINE_AA)


def _name(number, class_names):
    name = class_names[number - 1] if 1 <= number <= len(class_names) else ''
    if name and not fonts.missing(name):
        return name
    if name and fonts.advice() not in _SAID:
        _SAID.add(fonts.advice())
        log.warning('Pictures say "class %d" in place of "%s": no font here has its letters. %s', number, name, fonts.advice())
    return 'class %d' % number


def _texts(classes, scores, kept, class_names):
    if scores is None:
        return [_name(int(classes[i]), class_names) for i in kept]
    return ['%s %.2f' % (_name(int(classes[i]), class_names), scores[i]) for i in kept]


def _draw_labels(picture, boxes, texts, colors, size):
    """Draw each box's label in place, where it is inside the picture and least on top of the labels before it; the best is drawn last."""
    taken, placed = [], []
    for box, text, color in zip(boxes, texts, colors):
        text = cut(text, size, picture.shape[1])
        spots = _spots(_pixels(box, picture), *text_extent(text, size)[:2], picture=picture)
        covered = [sum(_common(spot, other) for other in taken) for spot in spots]
        spot = spots[int(np.argmin(covered))]
        taken.append(spot)
        placed.append((spot, text, color))
    for (x0, y0, _, _), text, color in placed[::-1]:
        draw_text(picture, text, (x0, y0), color, size)


def _spots(pixels, width, height, picture):
    """Places (x0, y0, x1, y1) of a label of a box, best first: above, inside at the top, below, inside at the bottom; by either side."""
    x0, y0, x1, y1 = pixels
    high, wide = picture.shape[:2]
    spots = []
    for left in (x0, x1 - width):
        for top in (y0 - height, y0, y1, y1 - height):
            left_in, top_in = min(max(left, 0), max(wide - width, 0)), min(max(top, 0), max(high - height, 0))
            spots.append((left_in, top_in, left_in + width, top_in + height))
    return spots


def _common(a, b):
    """Pixels that two places share."""
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def draw_legend(entries, width, text_size=TEXT_SIZE):
    """A strip [h, width, 3] that names colours; entries: (name, RGB colour). Wraps; a name wider than the strip is cut."""
    gap = max(3, text_size // 3)
    rows, x = [[]], 0
    for name, color in entries:
        name = cut(name, text_size, width)
        needed = text_extent(name, text_size).width
        if x + needed > width:
            rows, x = rows + [[]], 0
        rows[-1].append((name, x, color))
        x += needed + gap
    line = text_extent('', text_size).height + gap
    strip = np.full((line * len(rows) if entries else 0, width, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for name, x, color in row:
            draw_text(strip, name, (x, y * line + gap), color, text_size)
    return strip


def titled(picture, title, text_size=0):
    """A picture under a title, of which the end is kept where it is wider: names of files differ at their ends."""
    size = text_size or _text_size(picture)
    bar = np.full((text_extent('', size).height + 2, picture.shape[1], 3), 255, np.uint8)
    draw_text(bar, cut(title, size, picture.shape[1], keep_end=True), (0, 1), WHITE, size)
    return np.concatenate([bar, picture])


def side_by_side(pictures, titles):
    """Pictures of one image in a row, each under its title; shorter ones are padded with white."""
    columns = [titled(picture, title) for picture, title in zip(pictures, titles)]
    height = max(column.shape[0] for column in columns)
    gap = np.full((height, 6, 3), 255, np.uint8)
    parts = [part for column in columns for part in (_pad(column, height, column.shape[1]), gap)]
    return np.concatenate(parts[:-1], axis=1)


def contact_sheet(pictures, columns=4, cell=(360, 480), titles=None):
    """Pictures in rows of `columns`, each shrunk or enlarged to fit a cell of (height, width) pixels, on white; under its title, if any."""
    cells = [_pad(_shrink(picture, cell), *cell) for picture in pictures]
    if titles:
        cells = [titled(picture, title, TITLE_SIZE) for picture, title in zip(cells, titles)]
        cell = cells[0].shape[:2]
    cells += [np.full(tuple(cell) + (3,), 255, np.uint8)] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i:i + columns], axis=1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows)


def _shrink(picture, cell):
    factor = min(cell[0] / picture.shape[0], cell[1] / picture.shape[1])
    size = tuple(max(1, int(side * factor)) for side in picture.shape[1::-1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def _pad(picture, height, width):
    """The picture with white below and to the right."""
    padding = (0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0)
    return np.pad(picture, padding, 'constant', constant_values=255)


def check_picture_path(path, flag=''):
    """UserError where a picture cannot be written to a path: by its ending, or by the folders on its way."""
    if not os.path.splitext(path)[1] or not cv2.haveImageWriter(path):
        raise UserError('%s: pictures are not written in that format; let the name end in .png or .jpg.' % path)
    given_paths.check(flag, os.path.dirname(os.path.abspath(path)), 'place')


def save_picture(path, picture):
    """Write RGB uint8 [H, W, 3] as PNG or JPEG, whichever the path ends in."""
    check_picture_path(path)
    files.write_bytes(path, cv2.imencode(os.path.splitext(path)[1], picture[..., ::-1])[1].tobytes())


def save_indexed_png(path, mask, colors):
    """Write a mask [H, W] as a PNG whose pixels are the classes and whose palette is `colors` [n, 3]; 255 is shown as cream."""
    table = np.zeros((256, 3), np.uint8)
    table[:len(colors)] = colors[:256]
    table[IGNORE_LABEL] = CREAM
    rows = np.pad(np.asarray(mask, np.uint8), ((0, 0), (1, 0)), 'constant')  # each row starts with its filter's number, 0
    header = struct.pack('>IIBBBBB', mask.shape[1], mask.shape[0], 8, 3, 0, 0, 0)  # 8 bits, indexed
    chunks = (b'IHDR', header), (b'PLTE', table.tobytes()), (b'IDAT', zlib.compress(rows.tobytes(), 9)), (b'IEND', b'')
    files.write_bytes(path, b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data) & 0xffffffff) for kind, data in chunks))
