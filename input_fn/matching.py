"""Matching: which anchor answers for which ground-truth box (BlitzNet's rules, SSD's with its own tie rules).

An anchor matches the box that overlaps it most, the first of equals, where IoU >= 0.5. Each box also claims the anchor that
overlaps it most, the first of equals; of several boxes that claim one anchor the first has it, and a claim overrides the
threshold's match.

IoU of every anchor with every box is not computed. Anchors lie on grids, so that the overlap of a box with an anchor is the
product of an overlap along x, which only depends on the anchor's column and shape, and one along y. And an anchor of IoU >=
0.5 holds the box's centre (`_windows`), so that per box and shape a few cells are enough: in all about 1100 anchors of
BlitzNet300's 45390.

Coordinates and overlaps are computed in float32, operation by operation as the published implementation does: small boxes
lie wholly in several anchors, and then its choice among equals is a matter of rounding.

Letters: T boxes of the whole batch, J anchor shapes (those of the first map's cells, then of the second's, ...), D = sum of
the sides of the shapes' maps: a row (column) of a shape is a place in D.
"""
import collections

import numpy as np

from blitznet_estimator import anchors
from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.runtime import tf

THRESHOLD = .5
_CLAIM = 2.  # score of a claim, above any IoU
_SLACK = 1e-3  # cells, for rounding where a window starts

# One axis of the grids. [J]: each shape's map, the map's side, the shape's extent (height or width) and first place in D.
# [D]: the anchors' edges.
_Axis = collections.namedtuple('_Axis', 'maps sides extents starts low high')


class Matcher:
    """Matches boxes with the anchors of a NetworkConfig: those of `anchors.anchors_of`, to the last bits of float32."""

    def __init__(self, network):
        grids = network.grids
        heights, widths, maps = _shapes(network.scales, network.aspect_ratios)
        self._rows = _axis([grids[i][0] for i in maps], heights, maps)
        self._columns = _axis([grids[i][1] for i in maps], widths, maps)
        self._areas = widths * heights  # [J]
        self._anchors_per_cell = np.bincount(maps)[maps].astype(np.int32)  # [J], shapes of the map
        sizes = self._rows.sides * self._columns.sides  # [J], anchors of the shape
        first = [np.sum(sizes[maps < i]) + k for i in range(len(grids)) for k in range(np.sum(maps == i))]
        self._first = np.array(first, np.int32)  # [J], index of the shape's first anchor
        self.num_anchors = int(np.sum(sizes))

    def match(self, boxes, valid):
        """[B, A] int32: the index in `boxes` [B, M, 4] of each anchor's box, or BACKGROUND; `valid` [B, M] tells boxes from padding."""
        found = tf.where(valid)  # [T, (image, slot)]
        boxes = tf.gather_nd(boxes, found)  # [T, 4]
        sizes = boxes[:, 2:] - boxes[:, :2]
        areas = sizes[:, 1] * sizes[:, 0]  # [T]
        overlap_y = _overlap(self._rows, boxes[:, 0], sizes[:, 0])  # [T, D]
        overlap_x = _overlap(self._columns, boxes[:, 1], sizes[:, 1])
        box, anchor, score = self._pairs(boxes, areas, overlap_y, overlap_x)
        claimed = self._claims(areas, overlap_y, overlap_x)  # [T]
        box = tf.concat([box, tf.range(tf.size(claimed, out_type=tf.int64))], 0)
        anchor = tf.concat([anchor, claimed], 0)
        score = tf.concat([score, tf.fill(tf.shape(claimed), _CLAIM)], 0)
        image, slot = tf.cast(found[:, 0], tf.int32), tf.cast(found[:, 1], tf.int16)
        place = tf.gather(image, box) * self.num_anchors + anchor
        best = _first_best(place, score, tf.gather(slot, box), tf.shape(valid)[0] * self.num_anchors)
        return tf.cast(tf.reshape(best, [-1, self.num_anchors]), tf.int32)

    def _pairs(self, boxes, areas, overlap_y, overlap_x):
        """The pairs of IoU >= 0.5, by box: index of the box int64, of the anchor int32, and IoU, [P] each."""
        windows_y, windows_x = _windows(self._rows), _windows(self._columns)
        cells_y, cells_x = _cells_of_windows(windows_y, windows_x)  # [L]: rows and columns of all cells, as places in the windows
        rows, overlap_y = _look(self._rows, windows_y, boxes[:, 0] + boxes[:, 2], overlap_y)  # [T, W]
        columns, overlap_x = _look(self._columns, windows_x, boxes[:, 1] + boxes[:, 3], overlap_x)
        shapes = windows_y[0][cells_y]  # [L]
        iou = _iou(tf.gather(overlap_y, cells_y, axis=1), tf.gather(overlap_x, cells_x, axis=1), self._areas[shapes], areas[:, None])
        hits = tf.where(iou >= THRESHOLD)  # [P, (box, place in L)]
        box, cell = hits[:, 0], hits[:, 1]
        row = tf.gather_nd(rows, tf.stack([box, tf.gather(cells_y, cell)], 1))
        column = tf.gather_nd(columns, tf.stack([box, tf.gather(cells_x, cell)], 1))
        return box, self._anchor(tf.gather(shapes, cell), row, column), tf.gather_nd(iou, hits)

    def _claims(self, areas, overlap_y, overlap_x):
        """The first anchor of the greatest IoU with each box, [T].

        IoU grows with either overlap, also after rounding: the best of a shape is in the row and the column of the greatest
          overlaps. The first of equals is in the first row that reaches the best IoU, and there in the first column.
        """
        iou = _iou(_greatest(self._rows, overlap_y), _greatest(self._columns, overlap_x), self._areas, areas[:, None])  # [T, J]
        best = tf.reduce_max(iou, axis=1)  # [T]
        ties = tf.where(iou >= best[:, None])  # [Q, (box, shape)]
        box, shape = ties[:, 0], ties[:, 1]
        best, area, shape_area = (tf.expand_dims(values, 1) for values in (
            tf.gather(best, box), tf.gather(areas, box), tf.gather(self._areas, shape)))  # [Q, 1]
        along_y = _line(self._rows, ties, overlap_y)  # [Q, longest side]
        along_x = _line(self._columns, ties, overlap_x)
        row = _first_true(_iou(along_y, tf.reduce_max(along_x, axis=1, keepdims=True), shape_area, area) >= best)  # [Q]
        column = _first_true(_iou(tf.gather(along_y, row[:, None], batch_dims=1), along_x, shape_area, area) >= best)
        return tf.segment_min(self._anchor(shape, row, column), box)

    def _anchor(self, shape, row, column):
        """Index of a shape's anchor in a cell: a map's order is row, column, shape."""
        width, anchors_per_cell, first = (tf.gather(table, shape) for table in (self._columns.sides, self._anchors_per_cell, self._first))
        return first + (row * width + column) * anchors_per_cell


def _shapes(scales, ratios):
    """Heights, widths [J] float32 and map [J] of every anchor shape, rounded as published: `anchors.map_shapes` rounds once, at the end."""
    sides = np.array(anchors.map_scales(scales, len(ratios)), np.float32)
    shapes = []
    for i, map_ratios in enumerate(ratios):
        roots = [np.sqrt(np.float32(root)) for ratio in map_ratios for root in (ratio, 1 / ratio)]
        large = np.sqrt(sides[i] * sides[i + 1])
        shapes += [(sides[i], sides[i], i)] + [(sides[i] / root, sides[i] * root, i) for root in roots] + [(large, large, i)]
    heights, widths, maps = zip(*shapes)
    return np.array(heights, np.float32), np.array(widths, np.float32), np.array(maps)


def _axis(sides, extents, maps):
    """The _Axis of shapes with `extents` [J] on maps of `sides` [J]."""
    low = []
    for side, extent in zip(sides, extents):
        start, stop = np.float32(.5 / side), np.float32(1 - .5 / side)
        step = (stop - start) / np.float32(max(side - 1, 1))
        low.append(start + step * np.arange(side, dtype=np.float32) - extent / 2)
    sides = np.array(sides, np.int32)
    low = np.concatenate(low)
    return _Axis(maps, sides, extents, np.cumsum(sides, dtype=np.int32) - sides, low, low + np.repeat(extents, sides))


def _overlap(axis, low, size):
    """Overlap [T, D] of boxes from `low` of `size` [T] with the anchors along one axis."""
    low = low[:, None]
    return tf.maximum(tf.minimum(axis.high, low + size[:, None]) - tf.maximum(axis.low, low), 0.)


def _iou(overlap_y, overlap_x, anchor_area, box_area):
    intersection = overlap_x * overlap_y
    return intersection / (anchor_area + box_area - intersection)


def _windows(axis):
    """(shape, offset from the shape's first cell) [W] of the cells to look at along an axis.

    IoU >= 0.5 needs the box's centre within half an anchor's extent of the anchor's centre: let the extents along this axis
    be a and b, and d the distance of the centres. The overlap is at most (a + b) / 2 - d; IoU at most overlap / (a + b -
    overlap), so that overlap >= (a + b) / 3 and d <= (a + b) / 6; and as overlap <= a, b <= 2 a, hence d <= a / 2.
    """
    counts = _window_lengths(axis)
    return np.repeat(np.arange(len(counts)), counts), np.concatenate([np.arange(count, dtype=np.int32) for count in counts])


def _window_lengths(axis):
    """[J] cells."""
    return np.minimum(np.ceil(axis.extents * axis.sides + 2 * _SLACK).astype(np.int32) + 1, axis.sides)


def _cells_of_windows(windows_y, windows_x):
    """Places [L] in both windows of every row and column of the same shape."""
    pairs = [np.meshgrid(np.flatnonzero(windows_y[0] == j), np.flatnonzero(windows_x[0] == j), indexing='ij')
             for j in range(windows_y[0].max() + 1)]
    return np.concatenate([np.reshape(pair, [2, -1]) for pair in pairs], axis=1)


def _look(axis, windows, twice_center, overlap):
    """The cells [T, W] int32 in the windows around each box's centre, and the overlaps [T, W] there."""
    shapes, offsets = windows
    first = (twice_center[:, None] - axis.extents) * (axis.sides / np.float32(2)).astype(np.float32) - np.float32(.5 + _SLACK)  # [T, J]
    first = tf.clip_by_value(tf.cast(tf.floor(first), tf.int32), 0, axis.sides - _window_lengths(axis))
    cells = tf.gather(first, shapes, axis=1) + offsets
    return cells, _at(overlap, tf.range(tf.shape(cells)[0])[:, None], axis.starts[shapes] + cells)


def _greatest(axis, overlap):
    """The greatest overlap [T, J] of each shape's anchors."""
    greatest = []
    for i in range(axis.maps.max() + 1):
        shapes = np.flatnonzero(axis.maps == i)
        start, side = axis.starts[shapes[0]], axis.sides[shapes[0]]
        of_map = tf.reshape(overlap[:, start:start + side * len(shapes)], [-1, len(shapes), side])
        greatest.append(tf.reduce_max(of_map, axis=2))
    return tf.concat(greatest, axis=1)


def _line(axis, boxes_shapes, overlap):
    """The overlaps [Q, longest side] of pairs [Q, (box, shape)] with the shape's anchors; the last is repeated on smaller maps."""
    box, shape = tf.cast(boxes_shapes[:, 0], tf.int32), boxes_shapes[:, 1]
    cells = tf.minimum(np.arange(axis.sides.max(), dtype=np.int32), tf.gather(axis.sides, shape)[:, None] - 1)
    return _at(overlap, box[:, None], tf.gather(axis.starts, shape)[:, None] + cells)


def _at(overlap, box, place):
    """Elements of [T, D]."""
    return tf.gather(tf.reshape(overlap, [-1]), box * overlap.shape[1].value + place)


def _first_true(flags):
    """Index [Q] int32 of the first True in each row of [Q, N]."""
    return tf.argmax(tf.cast(flags, tf.int32), axis=1, output_type=tf.int32)


def _first_best(place, score, slot, count):
    """The slot [count] int16 of the greatest score at each place, of equals the first in order; BACKGROUND where there is none."""
    order = tf.nn.top_k(score, tf.size(score)).indices  # of equals the first comes first
    taken, group = tf.unique(tf.gather(place, order))
    winner = tf.math.unsorted_segment_min(tf.range(tf.size(order)), group, tf.size(taken))
    slot = tf.gather(slot, tf.gather(order, winner))
    return tf.scatter_nd(taken[:, None], slot - tf.constant(BACKGROUND, tf.int16), [count]) + tf.constant(BACKGROUND, tf.int16)

