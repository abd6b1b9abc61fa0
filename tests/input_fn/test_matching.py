"""Matching against the published implementation's figures, and against the rules applied to every anchor."""
import os

import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.presets import preset_config
from input_fn import matching
from tests.input_fn.drawn_records import evaluate
from tests.paths import GOLDEN

NETWORKS = {
    'blitznet300_x4': preset_config('blitznet300').network,
    'blitznet300_nox4': preset_config('blitznet300', network=dict(x4=False)).network,
    'ssd300': preset_config('ssd300').network,
    'tiny': preset_config('tiny').network}


def matcher_of(network):
    return matching.Matcher(network)


def match(network, boxes, valid=None):
    """Indices [B, A] for boxes [B, M, 4]."""
    valid = np.ones(boxes.shape[:2], bool) if valid is None else valid
    return evaluate(matcher_of(network).match, boxes.astype(np.float32), valid)


def edges(network):
    """Edges of all anchors [A, (ymin, xmin, ymax, xmax)] and areas [A], as the matcher's tables have them."""
    matcher = matcher_of(network)
    rows, columns = matcher._rows, matcher._columns
    found = np.zeros([matcher.num_anchors, 4], np.float32)
    areas = np.zeros(matcher.num_anchors, np.float32)
    for j, first in enumerate(matcher._first):
        y, x = (np.arange(axis.sides[j]) for axis in (rows, columns))
        place = first + (y[:, None] * columns.sides[j] + x) * matcher._anchors_per_cell[j]
        for k, (axis, edge) in enumerate(((rows, 'low'), (columns, 'low'), (rows, 'high'), (columns, 'high'))):
            line = getattr(axis, edge)[axis.starts[j]:axis.starts[j] + axis.sides[j]]
            found[place, k] = line[:, None] if axis is rows else line
        areas[place] = matcher._areas[j]
    return found, areas


def plain_match(anchors, areas, boxes):
    """The rules on all anchors, with the published order of operations."""
    matched = np.full(len(anchors), BACKGROUND)
    if not len(boxes):
        return matched
    size = boxes[:, 2:] - boxes[:, :2]
    low = np.maximum(anchors[:, None, :2], boxes[:, :2])
    high = np.minimum(anchors[:, None, 2:], boxes[:, :2] + size)
    overlap = np.maximum(high - low, np.float32(0))
    intersection = overlap[..., 1] * overlap[..., 0]
    iou = intersection / (areas[:, None] + size[:, 1] * size[:, 0] - intersection)
    matched = np.where(iou.max(1) >= .5, iou.argmax(1), matched)
    claimed = iou.argmax(0)
    for box in reversed(range(len(boxes))):
        matched[claimed[box]] = box
    return matched


def random_boxes(seed, count, smallest=.004):
    random = np.random.RandomState(seed)
    center, size = random.uniform(size=(count, 2)), np.exp(random.uniform(np.log(smallest), 0, (count, 2)))
    return np.concatenate([np.maximum(center - size / 2, 0), np.minimum(center + size / 2, 1)], 1).astype(np.float32)


@pytest.mark.parametrize('name', ['blitznet300_x4', 'blitznet300_nox4'])
def test_golden_matches(name):
    golden = np.load(os.path.join(GOLDEN, 'parts_%s.npz' % name))
    for case in range(7):
        x, y, w, h = golden['match%d/gt_xywh' % case].T
        found = match(NETWORKS[name], np.stack([y, x, y + h, x + w], 1)[None])[0]
        positive = np.flatnonzero(found != BACKGROUND)
        np.testing.assert_array_equal(positive, golden['match%d/positive_index' % case])
        np.testing.assert_array_equal(golden['match%d/gt_class' % case][found[positive]], golden['match%d/positive_class' % case])


@pytest.mark.parametrize('name', ['blitznet300_x4', 'blitznet300_nox4'])
def test_tables_are_the_published_anchors_to_the_bit(name):
    golden = np.load(os.path.join(GOLDEN, 'parts_%s.npz' % name))['anchors_xywh']
    found, areas = edges(NETWORKS[name])
    np.testing.assert_array_equal(found[:, 1::-1], golden[:, :2])
    np.testing.assert_array_equal(areas, golden[:, 2] * golden[:, 3])


@pytest.mark.parametrize('name', sorted(NETWORKS))
def test_tables_are_the_anchors(name):
    network = NETWORKS[name]
    anchors = anchors_of(network)
    found, areas = edges(network)
    np.testing.assert_allclose(found[:, :2] + found[:, 2:], 2 * anchors[:, :2], atol=1e-6)
    np.testing.assert_allclose(found[:, 2:] - found[:, :2], anchors[:, 2:], atol=1e-6)
    np.testing.assert_allclose(areas, anchors[:, 2] * anchors[:, 3], rtol=1e-5)


@pytest.mark.parametrize('name', sorted(NETWORKS))
def test_equals_the_plain_rules(name):
    anchors, areas = edges(NETWORKS[name])
    boxes = np.stack([random_boxes(seed, 12) for seed in range(40)])
    for found, image in zip(match(NETWORKS[name], boxes), boxes):
        np.testing.assert_array_equal(found, plain_match(anchors, areas, image))


def test_thin_boxes_claim_the_first_of_many_equal_anchors():
    network = NETWORKS['blitznet300_x4']
    boxes = np.array([[0, .499, 1, .501], [.3, 0, .3005, 1], [.999, .999, 1, 1], [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(match(network, boxes[None])[0], plain_match(*edges(network), boxes))


def test_padding_and_other_images_change_nothing():
    network = NETWORKS['tiny']
    boxes = np.stack([random_boxes(seed, 6) for seed in range(3)])
    valid = np.array([[True] * 6, [False] * 6, [True, False, True, True, False, True]])
    found = match(network, boxes, valid)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[0], match(network, boxes[:1])[0])
    assert (found[1] == BACKGROUND).all()
    places = np.flatnonzero(valid[2])
    alone = match(network, boxes[2:, places])[0]
    np.testing.assert_array_equal(found[2], np.where(alone == BACKGROUND, BACKGROUND, places[alone]))


def test_no_box_at_all():
    assert (match(NETWORKS['tiny'], np.zeros([2, 0, 4])) == BACKGROUND).all()


def test_of_equal_boxes_the_first_has_every_anchor():
    boxes = np.repeat(random_boxes(3, 1, smallest=.2), 3, axis=0)[None]
    found = match(NETWORKS['tiny'], boxes)
    assert set(np.unique(found)) == {BACKGROUND, 0}


def test_every_box_has_an_anchor_unless_an_earlier_one_claimed_it():
    network = NETWORKS['blitznet300_x4']
    boxes = np.array([[.1, .1, .11, .11], [.5, .5, .9, .9], [.8, .2, .81, .23]])
    assert set(np.unique(match(network, boxes[None]))) == {BACKGROUND, 0, 1, 2}
