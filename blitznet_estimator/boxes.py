"""Boxes. Every box is float32 [ymin, xmin, ymax, xmax], as fractions of the image, unless a name says so.

`centers` are [cy, cx, h, w]. Encoded offsets are [tx, ty, tw, th], the order of published BlitzNet checkpoints.
All functions here are numpy; the graph's forms are in `model_fn.training.losses` and `model_fn.predictions.postprocess`. Tests hold
the two equal.
"""
import numpy as np

VARIANCES = (.1, .2)  # of centre and size, SSD (arXiv 1512.02325)


def to_corners(centers):
    """[..., (cy, cx, h, w)] -> [..., (ymin, xmin, ymax, xmax)]."""
    half = centers[..., 2:] / 2
    return np.concatenate([centers[..., :2] - half, centers[..., :2] + half], axis=-1)


def to_centers(boxes):
    """[..., (ymin, xmin, ymax, xmax)] -> [..., (cy, cx, h, w)]."""
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], axis=-1)


def area(boxes):
    """Areas [...] of boxes [..., 4]; 0 where a box is empty."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def iou(a, b):
    """Pairwise overlap [N, M] of a [N, 4] and b [M, 4]; 0 where a box is empty."""
    height, width = (_shared(a[:, None, low::2], b[None, :, low::2]) for low in (0, 1))  # [N, M]: a seventh of the time of arrays [N, M, 2]
    inter = np.multiply(height, width, out=height)
    union = area(a)[:, None] + area(b)[None, :] - inter
    overlap = np.divide(inter, np.maximum(union, 1e-12), out=width)
    overlap[~(union > 0)] = 0
    return overlap


def _shared(a, b):
    """Length of what intervals [..., (low, high)] share; 0 where they do not meet."""
    length = np.minimum(a[..., 1], b[..., 1])
    length -= np.maximum(a[..., 0], b[..., 0])
    return np.maximum(length, 0, out=length)


def encode(boxes, anchors):
    """Offsets [N, (tx, ty, tw, th)] of boxes [N, 4] from anchors, given as centers [N, 4]."""
    centers = to_centers(boxes)
    shift = (centers[..., :2] - anchors[..., :2]) / anchors[..., 2:] / VARIANCES[0]  # [N, (ty, tx)]
    scale = np.log(centers[..., 2:] / anchors[..., 2:]) / VARIANCES[1]  # [N, (th, tw)]
    return np.concatenate([shift[..., ::-1], scale[..., ::-1]], axis=-1)


def decode(offsets, anchors):
    """Boxes [..., 4] of offsets [..., (tx, ty, tw, th)] from anchors, given as centers [..., 4]; low edges from 0 up, high edges up to 1."""
    center = offsets[..., 1::-1] * VARIANCES[0] * anchors[..., 2:] + anchors[..., :2]  # [..., (cy, cx)]
    size = np.exp(offsets[..., :1:-1] * VARIANCES[1]) * anchors[..., 2:]  # [..., (h, w)]
    low = np.maximum(center - size / 2, 0)
    # The low edge is clipped before the high edge is taken from it: the published tables were made this way.
    return np.concatenate([low, np.minimum(low + size, 1)], axis=-1)


def clip(boxes):
    """Boxes [..., 4] cut to the image."""
    return np.clip(boxes, 0, 1)
