"""Raw outputs finished on the host: against published detections, and TensorFlow's own resize and NMS."""
import os
import tracemalloc

import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.config import DetectionConfig
from blitznet_estimator.evaluation import host_postprocess as host
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from tests.paths import GOLDEN as GOLDEN_FILES

GOLDEN = os.path.join(GOLDEN_FILES, 'detections.npz')


def golden_raw_outputs(num_anchors):
    """Logits [A, 21] and offsets [A, 4] of one image that golden/detections.npz was made from."""
    rs = np.random.RandomState(20)
    logits = rs.randn(num_anchors, 21).astype('f')
    logits[:, 0] += 6.0
    hot = rs.randint(0, num_anchors, 400)
    logits[hot, rs.randint(1, 21, 400)] += rs.uniform(6, 12, 400).astype('f')
    return logits, rs.randn(num_anchors, 4).astype('f')


def test_golden_detections():
    network = preset_config('blitznet300').network
    logits, offsets = golden_raw_outputs(network.num_anchors)
    predictions = host.postprocess({'confidence': logits[None], 'location': offsets[None]}, [[300, 300]], network, DetectionConfig())
    assert 'segmentation' not in predictions
    with np.load(GOLDEN) as golden:
        x, y, w, h = golden['seed20/boxes_xywh'].T
        np.testing.assert_allclose(predictions['boxes'][0], np.stack([y, x, y + h, x + w], axis=1), atol=1e-5)
        np.testing.assert_array_equal(predictions['classes'][0], golden['seed20/classes'])
        np.testing.assert_allclose(predictions['scores'][0], golden['seed20/scores'], atol=1e-5)
    assert predictions['num_detections'].tolist() == [200]


def test_nothing_found_is_padding():
    network = preset_config('tiny').network
    logits = np.zeros((2, network.num_anchors, 4), np.float32)
    logits[:, :, 0] = 20
    logits[1, 7, 2] = 40
    offsets = np.zeros((2, network.num_anchors, 4))
    predictions = host.postprocess({'confidence': logits, 'location': offsets}, [[10, 20], [30, 5]], network, DetectionConfig())
    assert predictions['num_detections'].tolist() == [0, 1]
    assert not predictions['boxes'][0].any() and not predictions['scores'][0].any() and not predictions['classes'][0].any()
    assert predictions['classes'][1].tolist() == [2] + [0] * 199
    anchors = anchors_of(network)
    height = predictions['boxes'][1, 0, 2] - predictions['boxes'][1, 0, 0]
    assert height == pytest.approx(min(anchors[7, 2], anchors[7, 2] / 2 + anchors[7, 0]), abs=1e-6)


def test_limits():
    """Top candidates a class, kept a class, kept of all classes."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 10, 10, 20], [0, 20, 10, 30]], np.float32)
    assert host.nms(boxes, .45, 50).tolist() == [0, 2, 3]
    assert host.nms(boxes, .45, 2).tolist() == [0, 2]
    assert host.nms(boxes, .95, 50).tolist() == [0, 1, 2, 3]
    assert host.nms(boxes[:0], .45, 50).tolist() == []
    network = preset_config('tiny').network
    logits = np.random.RandomState(0).randn(network.num_anchors, 5)
    offsets = np.random.RandomState(1).randn(network.num_anchors, 4)
    anchors = anchors_of(network)
    config = DetectionConfig(top_k_nms=30, top_k_after_nms=6, top_k_post_nms=20)
    found, scores, classes = host.detect(logits, offsets, anchors, config)
    assert len(found) == 20 and (np.diff(scores) <= 0).all() and np.bincount(classes).max() <= 6


@pytest.mark.parametrize('limit', [1, 7, 50, 99, 100, 500])
def test_best_first(limit):
    """As a stable sort of all, also where scores tie."""
    scores = np.random.RandomState(4).randint(0, 20, 100).astype('f')
    np.testing.assert_array_equal(host.best_first(scores, limit), np.argsort(-scores, kind='stable')[:limit])
    assert host.best_first(scores[:0], limit).tolist() == []


def test_nms_equals_tensorflow():
    """Also of boxes turned over, as an anchor outside the image gives them."""
    rs = np.random.RandomState(3)
    low = rs.uniform(0, 1, (300, 2))
    boxes = np.concatenate([low, low + rs.uniform(-.05, .3, (300, 2))], axis=1).astype('f')
    scores = np.sort(rs.uniform(size=300).astype('f'))[::-1]
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.image.non_max_suppression(boxes, scores.copy(), 50, .45))
    np.testing.assert_array_equal(host.nms(boxes, .45, 50), expected)


def test_soft_nms_by_hand():
    """Three boxes in a row, each 2 wide, 1 to the right of the one before: neighbours have an IoU of 1 / 3. Sigma is 1/2.

    The first is taken: the second's .8 falls to .8 exp(-1/9 / .5) = .8 * .8007 = .6406. The third, .7, is next: the second falls to
    .6406 * .8007 = .5129. Hard NMS at an IoU of .3 drops it.
    """
    boxes, scores = np.float32([[0, 0, 1, 2], [0, 1, 1, 3], [0, 2, 1, 4]]), np.float32([.9, .8, .7])
    kept, softened = host.soft_nms(boxes, scores, .5, .01, 50)
    assert kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(softened, [.9, .7, .5129], atol=1e-4)
    assert host.nms(boxes, .3, 50).tolist() == [0, 2]
    for threshold, most, expected in ((.52, 50, [0, 2]), (.01, 1, [0])):
        assert host.soft_nms(boxes, scores, .5, threshold, most)[0].tolist() == expected
    assert host.soft_nms(boxes[:0], scores[:0], .5, .01, 50)[0].tolist() == []


@pytest.mark.parametrize('size', [(37, 64), (1, 1), (150, 9), (8, 8)])
def test_masks_equal_tensorflow(size):
    logits = np.random.RandomState(5).randn(8, 8, 6).astype('f')
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.argmax(tf.image.resize_bilinear(logits[None], size), axis=-1))[0]
    mask = host.segment(logits, size)
    assert mask.dtype == np.uint8 and mask.shape == size
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize('most', [1, 20, 200])
@pytest.mark.parametrize('side', [.05, .3])  # few overlap, most do
def test_nms_of_many_boxes_equals_tensorflow(side, most):
    """Of several times the boxes that are compared at once; those of a negative height or width are turned over."""
    low = np.random.RandomState(1).rand(3 * host.AT_ONCE + 5, 2).astype('f')
    boxes = np.concatenate([low, low + np.float32([side, -side / 2])], axis=1)
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.image.non_max_suppression(boxes, -np.arange(len(boxes), dtype='f'), most, .3))
    assert host.nms(boxes, .3, most).tolist() == expected.tolist()
    assert len(expected) == most or 20 < len(expected) < len(boxes)


def test_of_equal_classes_the_first_wins():
    logits = np.random.RandomState(5).randint(0, 2, (4, 4, 5))
    np.testing.assert_array_equal(host.segment(logits, (4, 4)), logits.argmax(axis=-1))
    assert host.segment(np.zeros([4, 4, 1]), (2, 3)).tolist() == [[0] * 3] * 2  # one class alone


@pytest.mark.parametrize('strip', [1, 64 * 6 * 7])  # one column at a time, seven
def test_strips_of_columns_are_the_same_mask(monkeypatch, strip):
    logits = np.random.RandomState(5).randn(8, 8, 6).astype('f')
    expected = host.segment(logits, (70, 64))
    monkeypatch.setattr(host, 'STRIP', strip)
    np.testing.assert_array_equal(host.segment(logits, (70, 64)), expected)


def test_the_memory_of_a_very_wide_mask_is_little():
    """All columns at once would take 75 * 60000 * 21 * 4 bytes, 378 MB, and as much for what they are made of."""
    tracemalloc.start()
    try:
        host.segment(np.zeros((75, 75, 21), np.float32), (1, 60000))
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_masks_of_a_batch_are_padded():
    network = preset_config('tiny').network
    logits = np.random.RandomState(6).randn(2, 32, 32, 3)
    predictions = host.postprocess({'segmentation': logits}, [[20, 50], [40, 10]], network, DetectionConfig())
    assert sorted(predictions) == ['segmentation', 'size']
    assert predictions['segmentation'].shape == (2, 40, 50)
    assert not predictions['segmentation'][0, 20:].any() and not predictions['segmentation'][1, :, 10:].any()
    np.testing.assert_array_equal(predictions['segmentation'][1, :, :10], host.segment(logits[1], (40, 10)))
