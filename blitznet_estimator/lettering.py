"""Text in pictures: on a plate of a colour, anti-aliased, in any script that there is a font for. A text's size is its em in pixels."""
import collections
import functools

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from blitznet_estimator import fonts
from blitznet_estimator.colors import text_color

Extent = collections.namedtuple('Extent', 'width height baseline')  # of a plate, in pixels; baseline: from its upper edge down


def text_extent(text, size):
    """The Extent of a text's plate; its height is the same for every text of a size."""
    ascent, descent = _face(fonts.default(), size).getmetrics()
    return Extent(_laid(text, size)[1] + 2 * _margin(size), ascent + descent, ascent)


def cut(text, size, width, keep_end=False):
    """The text, its end (or its start, to keep the end) left out for a '…' where its plate would be wider than `width`."""
    text = fonts.normal(text)
    if text_extent(text, size).width <= width:
        return text
    shorter = ('…' + text[i:] if keep_end else text[:-i] + '…' for i in range(1, len(text)))
    return next((short for short in shorter if text_extent(short, size).width <= width), '…')


def draw_text(picture, text, corner, color, size):
    """Draw text on a plate of `color` into RGB uint8 [H, W, 3] in place, its upper left corner at (x, y); what is outside is left out."""
    x, y = corner
    plate = cv2.LUT(cv2.merge([_rendered(text, size)] * 3), _shades(tuple(color)))
    place = picture[max(y, 0):y + plate.shape[0], max(x, 0):x + plate.shape[1]]
    place[:] = plate[max(-y, 0):, max(-x, 0):][:place.shape[0], :place.shape[1]]


@functools.lru_cache(maxsize=512)
def _shades(color):
    """Colours from a plate's to its text's, uint8 [1, 256, 3]: by how much of a pixel the text covers."""
    return np.linspace(color, text_color(color), 256).round().astype(np.uint8)[None]


@functools.lru_cache(maxsize=512)
def _rendered(text, size):
    """How much of each pixel of its plate a text covers, uint8 [h, w]."""
    width, height, baseline = text_extent(text, size)
    image = Image.new('L', (width, height))
    draw = ImageDraw.Draw(image)
    for path, part, x in _laid(text, size)[0]:
        draw.text((x + _margin(size), baseline), part, fill=255, font=_face(path, size), anchor='ls')
    return np.array(image)


@functools.lru_cache(maxsize=1024)
def _laid(text, size):
    """([(font's path, part of the text, where it starts)], width) in pixels."""
    parts, x = [], 0.
    for path, part in fonts.split(text):
        parts.append((path, part, x))
        x += _face(path, size).getlength(part)
    return parts, int(np.ceil(x))


@functools.lru_cache(maxsize=32)
def _face(path, size):
    return ImageFont.truetype(path, size)


def forget():
    """Drop what is kept of the texts that were drawn.

    Scores make other texts at each evaluation. Those that stay lie scattered over the heap, and each keeps a page of it.
    """
    for kept in (_shades, _rendered, _laid):
        kept.cache_clear()


def _margin(size):
    """Pixels of a plate to the left and right of its text."""
    return max(2, size // 6)
