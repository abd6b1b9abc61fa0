"""Losses: the published figures and gradients, plain forms, and what has no objects."""
import os

import numpy as np
import pytest

from blitznet_estimator import boxes as numpy_boxes
from blitznet_estimator.anchors import make_anchors
from blitznet_estimator.contract import BACKGROUND, UNUSED
from blitznet_estimator.runtime import tf
from model_fn import losses

GOLDEN = np.load(os.path.join(os.path.dirname(__file__), '..', 'golden', 'losses.npz'))
A, C, SIDE = 45390, 21, 75


def golden_case(case):
    """What the golden figures' README says they were made from."""
    random = np.random.RandomState(10 + case)
    confidence, location = random.randn(2, A, C).astype('f'), random.randn(2, A, 4).astype('f')
    segmentation = random.randn(2, SIDE, SIDE, C).astype('f')
    share = {0: 0.002, 1: 0.0, 2: 0.3, 3: 0.9}[case]
    positive = random.uniform(size=(2, A)) < share
    if case == 3:
        positive[:] = random.uniform(size=(2, A)) < 0.9
    classes = np.where(positive, random.randint(1, C, (2, A)), 0).astype('i4')
    targets = np.where(positive[..., None], 2 * random.randn(2, A, 4), 0).astype('f')
    mask = random.randint(0, C, (2, SIDE, SIDE))
    mask[:, ::7, ::5] = 255
    if case == 1:
        mask[0] = 255
    return confidence, location, segmentation, positive, classes, targets, mask.astype('i4')


def evaluate(tensors):
    with tf.Session() as session:
        return session.run(tensors)


@pytest.mark.parametrize('case', range(4))
def test_losses_and_gradients_are_the_published_ones(case):
    confidence, location, segmentation, positive, classes, targets, mask = golden_case(case)
    with tf.Graph().as_default():
        outputs = [tf.constant(value) for value in (confidence, location, segmentation)]
        positive = tf.constant(positive)
        found, figures = losses.class_loss(outputs[0], tf.constant(classes), positive, tf.logical_not(positive))
        found['bbox'] = losses.box_loss(outputs[1], tf.constant(targets), positive)
        found.update(losses.segmentation_losses({'segmentation': outputs[2]}, {'mask': tf.constant(mask)}, None)[0])
        total = tf.add_n(list(found.values()))
        gradients = [tf.reduce_sum(tf.abs(tf.cast(gradient, tf.float64))) for gradient in tf.gradients(total, outputs)]
        values, gradients = evaluate([dict(found, total=total, **figures), gradients])
    for name in ('total', 'class', 'class_pos', 'class_neg', 'bbox', 'segmentation', 'accuracy'):
        assert values[name] == pytest.approx(GOLDEN['case%d/%s' % (case, name)], rel=1e-4, abs=1e-6), name
    for name, gradient in zip(('confidence', 'location', 'segmentation'), gradients):
        assert gradient == pytest.approx(GOLDEN['case%d/grad_%s_abs_sum' % (case, name)], rel=1e-4, abs=1e-6), name


ANCHORS = make_anchors([(4, 4), (2, 2)], (.2, .3, .9), [(2,), (2,)])  # [80, 4]


def batch(matches):
    """Labels of two images with three boxes each; `matches` sets anchors' boxes of the first."""
    boxes = np.zeros((2, 5, 4), np.float32)
    boxes[:, :3] = [[.1, .2, .4, .6], [.3, .3, .9, .8], [.0, .5, .2, 1]]
    classes = np.array([[1, 2, 3, 0, 0], [2, 2, 1, 0, 0]], np.int32)
    match = np.full((2, len(ANCHORS)), BACKGROUND, np.int16)
    for anchor, box in matches.items():
        match[0, anchor] = box
    return {'match': match, 'boxes': boxes, 'classes': classes, 'mask': np.full((2, 4, 4), 255, np.int32)}


def detection(labels, confidence, location):
    """(losses, figures, gradients) of detection on numpy arrays."""
    with tf.Graph().as_default():
        outputs = {'confidence': tf.constant(confidence), 'location': tf.constant(location)}
        found, figures = losses.detection_losses(outputs, {key: tf.constant(value) for key, value in labels.items()}, ANCHORS)
        gradients = tf.gradients(found['class'] + found['bbox'], [outputs['confidence'], outputs['location']])
        return evaluate([found, figures, gradients])


@pytest.fixture(name='raw')
def raw_outputs():
    random = np.random.RandomState(3)
    return random.randn(2, len(ANCHORS), 4).astype('f'), random.randn(2, len(ANCHORS), 4).astype('f')


def test_the_batch_is_gathered_and_encoded_as_in_numpy(raw):
    confidence, location = raw
    labels = batch({5: 0, 17: 2, 60: 1})
    found, _, _ = detection(labels, confidence, location)
    anchors, boxes = [5, 17, 60], [0, 2, 1]
    targets = numpy_boxes.encode(labels['boxes'][0, boxes], ANCHORS[anchors])
    difference = np.abs(location[0, anchors] - targets)
    smooth = np.where(difference < 1, difference ** 2 / 2, difference - .5).sum(axis=-1)
    assert found['bbox'] == pytest.approx(smooth.mean(), rel=1e-5)
    entropy = np.log(np.exp(confidence).sum(axis=-1))[..., None] - confidence  # [2, A, C]
    is_positive = labels['match'] >= 0
    hardest = np.sort(entropy[..., 0][~is_positive])[::-1][:9]
    expected = (entropy[0, anchors, labels['classes'][0, boxes]].sum() + hardest.sum()) / 3
    assert found['class'] == pytest.approx(expected, rel=1e-5)


def test_an_image_without_box_labels_takes_no_part(raw):
    confidence, location = raw
    labels = batch({5: 0})
    labels['match'][1] = UNUSED
    _, _, gradients = detection(labels, confidence, location)
    assert np.abs(gradients[0][0]).sum() > 0
    assert np.abs(gradients[0][1]).sum() == np.abs(gradients[1][1]).sum() == 0


def test_no_object_gives_zero_and_finite_gradients(raw):
    found, _, gradients = detection(batch({}), *raw)
    assert found == {'class': 0, 'bbox': 0}
    assert all(np.all(gradient == 0) for gradient in gradients)


def test_padded_boxes_give_finite_gradients(raw):
    labels = batch({5: 0})
    labels['boxes'][:] = 0
    labels['boxes'][0, 0] = [.1, .1, .5, .5]
    found, _, gradients = detection(labels, *raw)
    assert np.isfinite(found['bbox']) and all(np.isfinite(gradient).all() for gradient in gradients)


def test_pixels_without_label_give_nothing():
    with tf.Graph().as_default():
        logits = tf.constant(np.random.RandomState(0).randn(1, 4, 4, 3).astype('f'))
        mask = np.full((1, 4, 4), 255, np.int32)
        loss = losses.segmentation_losses({'segmentation': logits}, {'mask': tf.constant(mask)}, None)[0]['segmentation']
        value, gradient = evaluate([loss, tf.gradients(loss, logits)[0]])
    assert value == 0 and np.all(gradient == 0)


def test_weight_decay_covers_the_weights_alone():
    with tf.Graph().as_default():
        for name, value in (('a/weights', 2.), ('a/biases', 3.), ('b/BatchNorm/gamma', 4.), ('ssd/b/weights', 1.)):
            tf.get_variable(name, initializer=tf.constant([value]))
        decay = losses.weight_decay(.1)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(decay) == pytest.approx(.1 * (4 + 1) / 2)
