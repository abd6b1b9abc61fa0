"""Box arithmetic by hand, its inverses, and boxes that are empty."""
import os

import numpy as np
import pytest

from blitznet_estimator import boxes as box_ops
from tests.paths import GOLDEN

# [ymin, xmin, ymax, xmax]: two squares of side .4 that share a corner of side .2, one elsewhere, and one without area
BOXES = np.array([[.1, .1, .5, .5], [.3, .3, .7, .7], [.8, .0, 1., .2], [.4, .4, .4, .9]], np.float32)


def test_corners_and_centers_by_hand():
    np.testing.assert_allclose(box_ops.to_centers(np.array([[.1, .2, .5, .8]])), [[.3, .5, .4, .6]])
    np.testing.assert_allclose(box_ops.to_corners(np.array([[.3, .5, .4, .6]])), [[.1, .2, .5, .8]])


def test_corners_and_centers_are_inverse():
    np.testing.assert_allclose(box_ops.to_corners(box_ops.to_centers(BOXES)), BOXES, atol=1e-6)


def test_areas():
    turned_over = np.array([[.5, .5, .1, .9]], np.float32)
    np.testing.assert_allclose(box_ops.area(np.concatenate([BOXES, turned_over])), [.16, .16, .04, 0, 0], atol=1e-6)


def test_iou_by_hand():
    """The corner of .2 x .2 over .16 + .16 - .04: 1/7."""
    found = box_ops.iou(BOXES, BOXES)
    np.testing.assert_allclose(found, [[1, 1 / 7, 0, 0], [1 / 7, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], atol=1e-6)
    assert found.dtype == np.float32


def test_iou_of_no_boxes():
    nothing = np.zeros([0, 4], np.float32)
    assert box_ops.iou(nothing, BOXES).shape == (0, 4) and box_ops.iou(BOXES, nothing).shape == (4, 0)


def test_iou_of_two_empty_boxes_is_no_error():
    with np.errstate(all='raise'):
        assert box_ops.iou(BOXES[3:], BOXES[3:]).tolist() == [[0]]


def test_offsets_by_hand():
    """A box as far to the right as its anchor is wide, twice as high: (tx, ty, tw, th), the centre over .1 and the size over .2."""
    anchor, box = np.array([[.5, .4, .2, .1]]), np.array([[.3, .45, .7, .55]])
    np.testing.assert_allclose(box_ops.encode(box, anchor), [[10, 0, 0, np.log(2) / .2]], atol=1e-6)


def test_decoding_undoes_encoding():
    random = np.random.RandomState(0)
    low = random.uniform(0, .6, (50, 2))
    boxes = np.concatenate([low, low + random.uniform(.05, .4, (50, 2))], axis=1)
    anchors = np.concatenate([random.uniform(0, 1, (50, 2)), random.uniform(.05, .5, (50, 2))], axis=1)
    np.testing.assert_allclose(box_ops.decode(box_ops.encode(boxes, anchors), anchors), boxes, atol=1e-9)


def test_offsets_of_zero_are_the_anchor():
    np.testing.assert_allclose(box_ops.decode(np.zeros([1, 4]), np.array([[.5, .4, .2, .1]])), [[.4, .35, .6, .45]])


def test_the_low_edge_is_clipped_before_the_high_edge_is_made_of_it():
    """A centre at .1 and a size of .4 reach from -.1 to .3; the low edge goes to 0, and the high one to 0 + .4."""
    np.testing.assert_allclose(box_ops.decode(np.zeros([1, 4]), np.array([[.1, .9, .4, .4]])), [[0, .7, .4, 1]])


def test_clip():
    np.testing.assert_array_equal(box_ops.clip(np.array([[-.5, .2, .5, 1.5]])), [[0, .2, .5, 1]])


@pytest.mark.parametrize('name', ['blitznet300_x4', 'blitznet300_nox4'])
@pytest.mark.parametrize('case', [1, 2, 3])
def test_golden_offsets(name, case):
    golden = np.load(os.path.join(GOLDEN, 'parts_%s.npz' % name))
    truth, classes = (golden['match%d/%s' % (case, key)] for key in ('gt_xywh', 'gt_class'))
    anchors = golden['anchors_xywh'][golden['match%d/positive_index' % case]]
    centers = np.concatenate([anchors[:, 1::-1] + anchors[:, :1:-1] / 2, anchors[:, :1:-1]], axis=1)
    x, y, w, h = truth.T
    offsets = np.stack([box_ops.encode(np.tile(box, (len(centers), 1)), centers) for box in np.stack([y, x, y + h, x + w], axis=1)])
    expected = golden['match%d/positive_target' % case]
    nearest = np.abs(offsets - expected).max(axis=-1).argmin(axis=0)  # the box that each anchor was matched to
    np.testing.assert_allclose(offsets[nearest, np.arange(len(expected))], expected, atol=2e-4)
    np.testing.assert_array_equal(classes[nearest], golden['match%d/positive_class' % case])
