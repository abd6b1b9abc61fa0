"""Pictures of predictions and of ground truth, the same for predict, TensorBoard and the report.

A picture is uint8 RGB [H, W, 3]. Line width and text follow the picture's size; a small image is enlarged so that its labels can be read.
"""
import functools
import os
import struct
import unicodedata
import zlib

import cv2
import numpy as np

from blitznet_estimator import files
from blitznet_estimator.boxes import to_corners
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.errors import UserError

FONT = cv2.FONT_HERSHEY_SIMPLEX
MIN_SIDE = 240  # pixels of the longer side, below which an image is enlarged
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
CREAM = (224, 224, 192)  # of unlabelled pixels, as in PASCAL VOC's masks


@functools.lru_cache(maxsize=None)
def _distinct_colors(count):
    """`count` RGB colours, each the farthest from those before it in CIE Lab, among the colours that stand out on a photograph."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    vivid = (np.hypot(lab[:, 1], lab[:, 2]) > 35) & (lab[:, 0] > 30)  # neither grey nor near black
    rgb, lab = rgb[0, vivid], lab[vivid]
    chosen = [int(np.argmax(lab[:, 1] - np.abs(lab[:, 2] - 60)))]  # a red first
    distance = np.full(len(lab), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(lab - lab[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance)))
    return rgb[chosen[:count]]


def palette(num_classes):
    """A colour a class, uint8 [num_classes, 3] RGB: black for the background, then distinct ones, whatever num_classes is."""
    colors = _distinct_colors(256)[:max(num_classes - 1, 0)]
    return np.concatenate([np.zeros((1, 3), np.uint8), colors])[:num_classes]


def draw(image, boxes=None, classes=None, scores=None, mask=None, class_names=(), difficult=None, min_score=0., alpha=.4, legend=True):
    """A picture of an image with its boxes, labels and mask.

    Args:
      image: uint8 RGB [H, W, 3].
      boxes [n, 4] yxyx as fractions; classes [n] from 1; scores [n] or None for ground truth; difficult [n] bool draws thin boxes.
      mask: [H, W] class of each pixel, blended in with weight `alpha`; 0 and 255 stay clear.
      class_names: without the background. min_score: boxes below it are left out. legend: put the colours' names under the picture.
    """
    picture = _enlarge(image, cv2.INTER_CUBIC)
    colors = palette(256)
    occurring = set()
    if mask is not None:
        _blend(picture, _enlarge(np.asarray(mask, np.uint8), cv2.INTER_NEAREST), colors, alpha)
        occurring.update(np.unique(mask).tolist())
    if boxes is not None and len(boxes):
        kept = np.arange(len(boxes)) if scores is None else np.flatnonzero(np.asarray(scores) >= min_score)
        thin = np.zeros(len(boxes), bool) if difficult is None else np.asarray(difficult, bool)
        _draw_boxes(picture, np.asarray(boxes)[kept], np.asarray(classes)[kept], thin[kept], colors)
        _draw_labels(picture, np.asarray(boxes)[kept], _texts(classes, scores, kept, class_names), colors[np.asarray(classes)[kept]])
        occurring.update(np.asarray(classes)[kept].tolist())
    if not legend:
        return picture
    entries = [(_name(number, class_names), colors[number]) for number in sorted(occurring - {0, IGNORE_LABEL})]
    return np.concatenate([picture, draw_legend(entries, picture.shape[1])]) if entries else picture


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


def _font(picture):
    """(scale, thickness) of text in a picture."""
    scale = min(max(max(picture.shape[:2]) / 1300, .36), 2.5)
    return scale, max(1, int(round(scale * 1.6)))


def _blend(picture, mask, colors, alpha):
    """Blend the classes' colours in, in place; a class is edged so that neighbours of like colours are told apart."""
    marked = (mask != 0) & (mask != IGNORE_LABEL)
    picture[marked] = np.round((1 - alpha) * picture[marked] + alpha * colors[mask[marked]]).astype(np.uint8)
    kernel = np.ones((1 + _line_width(picture),) * 2, np.uint8)
    edge = marked & (cv2.erode(mask, kernel) != mask)
    picture[edge] = colors[mask[edge]]


def _pixels(box, picture):
    """(x0, y0, x1, y1) of a box [4], whole pixels inside the picture."""
    height, width = picture.shape[:2]
    y0, x0, y1, x1 = np.nan_to_num(np.asarray(box, np.float64)) * [height, width, height, width]
    return tuple(int(np.clip(round(v), 0, side - 1)) for v, side in ((x0, width), (y0, height), (x1, width), (y1, height)))


def _draw_boxes(picture, boxes, classes, thin, colors):
    """Draw outlines in place, the last first, so that the best detections are on top; a dark line around each parts it from the image."""
    width = _line_width(picture)
    for box, number, is_thin in list(zip(boxes, classes, thin))[::-1]:
        x0, y0, x1, y1 = _pixels(box, picture)
        own = max(1, width // 2) if is_thin else width
        cv2.rectangle(picture, (x0, y0), (x1, y1), BLACK, own + 2, cv2.LINE_AA)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colors[number].tolist(), own, cv2.LINE_AA)


def _name(number, class_names):
    return class_names[number - 1] if 1 <= number <= len(class_names) else 'class %d' % number


def _texts(classes, scores, kept, class_names):
    if scores is None:
        return [_name(int(classes[i]), class_names) for i in kept]
    return ['%s %.2f' % (_name(int(classes[i]), class_names), scores[i]) for i in kept]


def _draw_labels(picture, boxes, texts, colors):
    """Draw each box's label in place, where it is inside the picture and least on top of the labels before it; the best is drawn last."""
    taken, placed = [], []
    for box, text, color in zip(boxes, texts, colors):
        text, (width, height, _) = _fit(text, picture)
        spots = _spots(_pixels(box, picture), width, height, picture)
        covered = [sum(_common(spot, other) for other in taken) for spot in spots]
        spot = spots[int(np.argmin(covered))]
        taken.append(spot)
        placed.append((spot, text, color))
    for (x0, y0, _, _), text, color in placed[::-1]:
        draw_text(picture, text, (x0, y0), color)


def _fit(text, picture):
    """The text cut to the picture's width, and its extent."""
    scale, thickness = _font(picture)
    text = _plain(text)
    while len(text) > 1 and text_extent(text, scale, thickness)[0] > picture.shape[1]:
        text = text[:-1]
    return text, text_extent(text, scale, thickness)


def _plain(text):
    """The text in the characters that the font has: accents go, what is left of other scripts becomes '?'."""
    stripped = ''.join(c for c in unicodedata.normalize('NFKD', text) if not unicodedata.combining(c))
    return stripped.encode('ascii', 'replace').decode('ascii')


def text_extent(text, scale, thickness):
    """(width, height, baseline) in pixels of a label's plate; the text's baseline is `baseline` above its lower edge."""
    (width, height), baseline = cv2.getTextSize(text, FONT, scale, thickness)
    return width + 2 * thickness + 2, height + baseline + 2 * thickness, baseline + thickness - 1


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


def text_color(color):
    """Black or white (RGB), whichever has the greater contrast with `color` (WCAG 2's relative luminance)."""
    linear = (np.asarray(color, np.float64) / 255) ** 2.2
    luminance = float(linear @ [.2126, .7152, .0722])
    return BLACK if (luminance + .05) / .05 >= 1.05 / (luminance + .05) else WHITE


def draw_text(picture, text, corner, color, font=None):
    """Draw text on a plate of `color` in place, its upper left corner at (x, y)."""
    scale, thickness = font or _font(picture)
    width, height, baseline = text_extent(text, scale, thickness)
    x, y = corner
    cv2.rectangle(picture, (x, y), (x + width - 1, y + height - 1), np.asarray(color).tolist(), cv2.FILLED)
    cv2.putText(picture, text, (x + thickness + 1, y + height - baseline - 1), FONT, scale, text_color(color), thickness, cv2.LINE_AA)


def draw_legend(entries, width):
    """A strip [h, width, 3] that names colours; entries: (name, RGB colour). Wraps; a name wider than the strip is cut."""
    font = _font(np.zeros((1, width)))
    strip = np.full((0, width, 3), 255, np.uint8)
    line_height = text_extent('Ag', *font)[1]
    x = width
    for name, color in entries:
        name = _plain(name)
        needed = text_extent(name, *font)[0]
        if x + needed > width:
            strip = np.concatenate([strip, np.full((line_height + 2, width, 3), 255, np.uint8)])
            x = 0
        draw_text(strip, name, (x, len(strip) - line_height - 1), color, font)
        x += needed + 4
    return strip


def side_by_side(pictures, titles):
    """Pictures of one image in a row, each under its title; shorter ones are padded with white."""
    height = max(picture.shape[0] for picture in pictures)
    columns = []
    for picture, title in zip(pictures, titles):
        font = _font(picture)
        bar = np.full((text_extent('Ag', *font)[1] + 2, picture.shape[1], 3), 255, np.uint8)
        draw_text(bar, _plain(title), (0, 1), WHITE, font)
        columns += [np.concatenate([bar, _pad(picture, height, picture.shape[1])]), np.full((bar.shape[0] + height, 6, 3), 255, np.uint8)]
    height = max(column.shape[0] for column in columns)
    return np.concatenate([_pad(column, height, column.shape[1]) for column in columns[:-1]], axis=1)


def contact_sheet(pictures, columns=4, cell=(360, 480)):
    """Pictures in rows of `columns`, each shrunk or enlarged to fit a cell of (height, width) pixels, on white."""
    cells = [_pad(_shrink(picture, cell), *cell) for picture in pictures]
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


def save_picture(path, picture):
    """Write RGB uint8 [H, W, 3] as PNG or JPEG, whichever the path ends in."""
    if not cv2.haveImageWriter(path):
        raise UserError('%s: pictures are not written in that format; let the name end in .png or .jpg.' % path)
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
