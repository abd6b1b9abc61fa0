"""What a dataset's split holds: sizes, classes, boxes, and how its boxes suit a configuration's anchors."""
import collections

import numpy as np

from blitznet_estimator import boxes as box_ops
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.evaluation.error_analysis import SIZES, box_sizes
from blitznet_estimator.text_table import table
from input_fn.datasets.reader import read_samples

QUANTILES = (0, .05, .25, .5, .75, .95, 1)
CHUNK = 64  # boxes at once against all anchors

Boxes = collections.namedtuple('Boxes', 'classes difficult height width aspect size covered')  # columns [n] of a split's boxes


def describe(source, network, max_boxes, count_pixels=True):
    """Text: images, classes, sizes and aspect ratios of boxes, and those that no anchor covers."""
    images, boxes, pixels = gather(source, network, count_pixels)
    height, width, number = (np.array(column) for column in zip(*images))
    lines = ['%s, split %s: %d images, %d boxes' % (source.name, source.split, len(images), len(boxes.classes)), '',
             table(('', 'least', '5 %', '25 %', 'median', '75 %', '95 %', 'most'), [
                 _quantiles('image width', width), _quantiles('image height', height), _quantiles('boxes per image', number),
                 _quantiles('box width, of the image', boxes.width, 3), _quantiles('box height, of the image', boxes.height, 3),
                 _quantiles('box width / height, in the image', boxes.aspect, 3),
                 _quantiles('box width / height, in the network', boxes.width / np.maximum(boxes.height, 1e-9), 3)]), '',
             table(('class', 'boxes', 'difficult') + SIZES + ('no anchor', '%'), _class_rows(boxes, source.class_names)), '']
    lines += ['no anchor: boxes that no anchor of %s (%d pixels) overlaps by 0.5; training gives such a box its best anchor.'
              % (network.preset, network.image_size)]
    smallest = np.sum(np.minimum(boxes.height, boxes.width) < 2 / network.image_size)
    lines += ['%d boxes are under 2 pixels wide or high at %d pixels; training drops them.' % (smallest, network.image_size),
              '%d images have more than --max_boxes=%d boxes.' % (np.sum(number > max_boxes), max_boxes)]
    if pixels.sum():
        shares = zip(('background',) + source.class_names, pixels / pixels.sum())
        lines += ['', table(('mask', 'share of labelled pixels'), [(name, '%.4f' % share) for name, share in shares])]
    return '\n'.join(lines)


def gather(source, network, count_pixels=True):
    """([(height, width, boxes)] of each image, Boxes, labelled pixels of each class [C])."""
    anchors = box_ops.to_corners(anchors_of(network))
    images, columns, pixels = [], [], np.zeros(256, np.int64)
    for sample in read_samples(source):
        size = sample.height, sample.width
        images.append(size + (len(sample.boxes),))
        high, wide = (sample.boxes[:, 2:] - sample.boxes[:, :2]).T
        aspect = wide * size[1] / np.maximum(high * size[0], 1e-9)
        columns.append((sample.classes, sample.difficult, high, wide, aspect, box_sizes(sample.boxes, size),
                        covered(sample.boxes, anchors)))
        mask = sample.mask() if count_pixels else None
        if mask is not None:
            pixels += np.bincount(mask.ravel(), minlength=256)
    return images, Boxes(*(np.concatenate(column) for column in zip(*columns))), pixels[:source.num_classes]


def covered(boxes, anchors, threshold=.5):
    """Whether an anchor of [A, 4] overlaps each box of [n, 4] by `threshold`, bool [n]."""
    parts = [box_ops.iou(boxes[i:i + CHUNK], anchors).max(axis=1) >= threshold for i in range(0, len(boxes), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def _quantiles(name, values, digits=0):
    if not len(values):
        return (name,) + ('-',) * len(QUANTILES)
    return (name,) + tuple('%.*f' % (digits, value) for value in np.quantile(values, QUANTILES))


def _class_rows(boxes, class_names):
    rows = [_row(name, boxes, boxes.classes == i) for i, name in enumerate(class_names, 1)]
    return rows + [_row('all', boxes, np.ones(len(boxes.classes), bool))]


def _row(name, boxes, own):
    count, bare = int(np.sum(own)), int(np.sum(own & ~boxes.covered))
    sizes = tuple(int(np.sum(own & (boxes.size == i))) for i in range(len(SIZES)))
    return (name, count, int(np.sum(own & boxes.difficult))) + sizes + (bare, '%.1f' % (100. * bare / max(count, 1)))
