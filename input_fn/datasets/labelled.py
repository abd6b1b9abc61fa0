"""What the readers of users' own labels share: how the objects of an image become boxes and a mask, by one rule for all.

A box is clipped to its image, and dropped where nothing is left. The mask is painted in the order of the file, so that a later object covers
an earlier one. An image with an object that has a box but no outline has no mask: that object's pixels would pass for background.
"""
import collections

import numpy as np

from input_fn.datasets.folders import read_bytes
from input_fn.datasets.images import encode_png, standard_image
from input_fn.datasets.plan import Example

_ROUNDING = 1e-6  # by which a box may leave its image without a word

# value: of the object's pixels: its class from 1, 0 for background, 255 for no label. box: as in `boxes.py`, in float64, not clipped;
# None where there is none to learn. pixels: bool [height, width], or None where the object has no outline.
Object = collections.namedtuple('Object', 'value box pixels crowd difficult')
Object.__new__.__defaults__ = (0, 0)

Picture = collections.namedtuple('Picture', 'data height width name')  # JPEG or PNG bytes, upright but for COCO's; name: its path in the dataset


def read_picture(path, name):
    """The Picture of an image file. Its pixels are turned as its EXIF tag says."""
    return Picture(*standard_image(read_bytes(path), path), name)


def clipped(box, notes):
    """A box clipped to its image, None where nothing is left; the Counter `notes` is told of both."""
    inside = np.clip(box, 0, 1)
    if not np.all(inside[:2] < inside[2:]):
        notes['boxes dropped that were empty or outside their image'] += 1
        return None
    notes['boxes clipped to their image'] += int(np.abs(inside - box).max() > _ROUNDING)
    return inside


def bounds(points, height, width):
    """The box around points [n, 2] of (x, y) in pixels."""
    (left, top), (right, bottom) = np.min(points, axis=0), np.max(points, axis=0)
    return np.array([top / height, left / width, bottom / height, right / width])


def make_example(picture, objects, outlined, ground=0, has_boxes=True):
    """(Example, notes) of a Picture and its Objects, an iterable that is gone through once.

    Args:
      outlined: whether the split has outlines at all. One without them is for detection alone, and none of its images has a mask.
      ground: value of the pixels of no object, or [height, width], the value of each.
      has_boxes: whether anybody looked for boxes.
    """
    notes, kept, boxes = collections.Counter(), [], []
    mask, whole = np.full((picture.height, picture.width), ground, np.uint8), True
    for item in objects:
        box = None if item.box is None else clipped(item.box, notes)
        if box is not None:
            boxes.append(box)
            kept.append(item._replace(pixels=None))
        if item.pixels is not None:
            mask[item.pixels] = item.value
        else:
            whole = whole and box is None
    if outlined and not whole:
        notes['images have no mask, as an object of theirs has no outline'] += 1
    return Example(
        image=picture.data, height=picture.height, width=picture.width, filename=picture.name,
        boxes=np.array(boxes, np.float32).reshape(-1, 4), labels=tuple(item.value - 1 for item in kept),
        difficult=tuple(item.difficult for item in kept), crowd=tuple(item.crowd for item in kept), has_boxes=has_boxes,
        mask=encode_png(mask) if outlined and whole else b''), notes
