"""Outlines of COCO's instances as pixels: polygons, and run-length codes, plain or compressed.

An outline of no point or of fewer than three encloses no pixel: it says as little as one that is absent.
"""
import numpy as np

from blitznet_estimator.errors import UserError

_REACH = 100  # times an image's longer side, by which a polygon may leave it
_LONGEST = 4 * 10 ** 6  # pixels of all edges of an outline: to paint it, pycocotools takes up to 80 bytes for each of them


def is_absent(segmentation):
    """Whether the field `segmentation` of an instance holds no outline: it is null, [], [[]], or of too few points."""
    if isinstance(segmentation, (list, tuple)):
        return all(isinstance(polygon, list) and len(polygon) < 6 and len(polygon) % 2 == 0 for polygon in segmentation)
    return segmentation is None


def pixels(segmentation, height, width, where):
    """bool [height, width] of an instance's `segmentation`, None where it holds no outline; `where` names the instance in errors."""
    if is_absent(segmentation):
        return None
    try:
        if isinstance(segmentation, dict):
            return _from_runs(segmentation, height, width)
        return _from_polygons([polygon for polygon in segmentation if not is_absent([polygon])], height, width)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise UserError('%s: the outline of an instance ("segmentation") cannot be decoded (%s).' % (where, _reason(error)))


def _reason(error):
    return '%s is missing' % error if isinstance(error, KeyError) else error


def _from_polygons(polygons, height, width):
    from pycocotools import mask as codes  # here, as it takes a compiled package that few runs need
    length = 0
    for polygon in polygons:
        points = np.array(polygon)
        if points.ndim != 1 or points.dtype.kind not in 'if' or not np.isfinite(points).all():
            raise ValueError('a polygon is a list of numbers')
        if len(points) % 2:
            raise ValueError('a polygon of %d numbers is no list of points' % len(points))
        if np.abs(points).max() > _REACH * max(height, width):
            raise ValueError('a polygon reaches far out of the image')
        length += _length(points.reshape(-1, 2).astype(np.float64))
        if length > _LONGEST:
            raise ValueError('its edges are longer than %d pixels together' % _LONGEST)
    return codes.decode(codes.merge(codes.frPyObjects(polygons, height, width))).astype(bool)


def _length(points):
    """Pixels of the edges of a polygon, of points [n, 2]: each edge counts by its longer side, and one more."""
    return np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum() + len(points)


def _from_runs(code, height, width):
    """Runs of pixels, column by column, of zeros and ones in turn."""
    stated = code['size']
    if list(stated) != [height, width]:
        raise ValueError('its code is of %s pixels (width x height), but the image has %d x %d' % (' x '.join(map(str, stated[::-1])), width, height))
    counts = code['counts']
    runs = np.array(_uncompressed(counts) if isinstance(counts, (str, bytes)) else counts)
    if runs.ndim != 1 or runs.dtype.kind not in 'iu' or (runs < 0).any() or (runs > height * width).any() or runs.sum() != height * width:
        raise ValueError('its runs do not add up to the pixels of the image')
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _uncompressed(text):
    """The runs of COCO's compressed code: each number in characters of five bits, the lowest first, a sixth bit where more follow.

    From the fourth on a number is the difference from the one two places before.
    """
    runs, value, shift = [], 0, 0
    for character in text.encode('ascii') if isinstance(text, str) else text:
        bits = character - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError('a character of its code is none of the kind')
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError('its code is cut short')
    return runs
