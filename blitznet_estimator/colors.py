"""The colours of classes, one for each, the same in every picture, mask, chart and page."""
import functools

import cv2
import numpy as np

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
CREAM = (224, 224, 192)  # of unlabelled pixels, as in PASCAL VOC's masks
MAX_COLORS = 255  # of classes: a mask's pixel has one byte, and 0 is the background
_LEVELS = np.linspace(0, 255, 12).astype(np.uint8)  # of red, green and blue, that colours are chosen from
_CHROMA, _LIGHTNESS = 40, (30, 88)  # least chroma, and range of L: seen on a photograph, on white paper and on black


def palette(num_classes):
    """A colour per class, uint8 [num_classes, 3] RGB: black for the background, then distinct ones, whatever num_classes is."""
    colors = np.concatenate([np.zeros((1, 3), np.uint8), _distinct_colors(MAX_COLORS)])
    return colors[:num_classes]


def class_color(number):
    """The colour of class `number` as '#rrggbb', for charts and pages."""
    return '#%02x%02x%02x' % tuple(palette(MAX_COLORS + 1)[number].tolist())


def text_color(color):
    """Black or white (RGB), whichever has the greater contrast with `color` (WCAG 2's relative luminance)."""
    linear = (np.asarray(color, np.float64) / 255) ** 2.2
    luminance = float(linear @ [.2126, .7152, .0722])
    return BLACK if (luminance + .05) / .05 >= 1.05 / (luminance + .05) else WHITE


@functools.lru_cache(maxsize=None)
def _distinct_colors(count):
    """`count` RGB colours, each the one that looks least like those before it, so that the first ones are the farthest apart."""
    rgb = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), axis=-1).reshape(-1, 3)
    lab = cv2.cvtColor(rgb[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    seen = (np.hypot(lab[:, 1], lab[:, 2]) > _CHROMA) & (lab[:, 0] > _LIGHTNESS[0]) & (lab[:, 0] < _LIGHTNESS[1])
    rgb, lab = rgb[seen], lab[seen]
    space = _din99(lab)
    chosen = [int(np.argmax(lab[:, 1] - np.abs(lab[:, 2] - 60)))]  # a red first
    distance = np.full(len(lab), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm(space - space[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance)))
    return rgb[chosen]


def _din99(lab):
    """CIE Lab [n, 3] in the coordinates of DIN 6176 (DIN99): there equal distances look equal.

    In Lab itself strong colours are too far apart: two magentas as far from each other as a green from a blue.
    """
    lightness, a, b = lab.T
    turn = np.radians(16)
    red, yellow = a * np.cos(turn) + b * np.sin(turn), .7 * (b * np.cos(turn) - a * np.sin(turn))
    chroma = np.hypot(red, yellow)
    scale = np.log1p(.045 * chroma) / (.045 * np.maximum(chroma, 1e-9))
    return np.stack([105.51 * np.log1p(.0158 * lightness), scale * red, scale * yellow], axis=1)
