"""Losses: the published figures and gradients, plain forms, and what has no objects."""
import os

import numpy as np
import pytest

from blitznet_estimator import boxes as numpy_boxes
from blitznet_estimator.anchors import make_anchors
from blitznet_estimator.batch import BACKGROUND, UNUSED
from blitznet_estimator.config import TrainConfig
from blitznet_estimator.runtime import tf
from model_fn.training import losses
from tests.paths import GOLDEN as GOLDEN_FILES

GOLDEN = np.load(os.path.join(GOLDEN_FILES, 'losses.npz'))
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
        class_loss, metrics = losses.class_loss(outputs[0], tf.constant(classes), positive, tf.logical_not(positive))
        found = {'class': class_loss, 'bbox': losses.box_loss(outputs[1], tf.constant(targets), positive),
                 'segmentation': losses.segmentation_loss(outputs[2], tf.constant(mask))[0]}
        total = tf.add_n(list(found.values()))
        gradients = [tf.reduce_sum(tf.abs(tf.cast(gradient, tf.float64))) for gradient in tf.gradients(total, outputs)]
        values, gradients = evaluate([dict(found, total=total, **metrics), gradients])
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
    match = np.full((2, len(ANCHORS)), BACKGROUND, np.int32)
    for anchor, box in matches.items():
        match[0, anchor] = box
    return {'match': match, 'boxes': boxes, 'classes': classes, 'mask': np.full((2, 4, 4), 255, np.int32)}


def detection(labels, confidence, location):
    """(losses, metrics, gradients) of detection on numpy arrays."""
    with tf.Graph().as_default():
        outputs = {'confidence': tf.constant(confidence), 'location': tf.constant(location)}
        _, found, metrics = losses.all_losses(outputs, {key: tf.constant(value) for key, value in labels.items()}, ANCHORS, TrainConfig())
        gradients = tf.gradients(found['class'] + found['bbox'], [outputs['confidence'], outputs['location']])
        return evaluate([found, metrics, gradients])


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


def plain_hardest(entropy, negative, wanted):
    """Weights by sorting: what is above the last place whole, what ties for it in equal shares."""
    weights = np.zeros(entropy.shape, np.float64)
    if wanted > 0:
        last = np.sort(entropy[negative])[::-1][wanted - 1]
        above, equal = negative & (entropy > last), negative & (entropy == last)
        weights[above] = 1
        weights[equal] = (wanted - above.sum()) / equal.sum()
    return weights


@pytest.mark.parametrize('wanted', [0, 1, 7, 40, 150])
@pytest.mark.parametrize('levels', [None, 4, 1])  # of entropy: all different, many ties with 0 among them, one tie
def test_the_hardest_negatives_are_those_of_sorting(wanted, levels):
    random = np.random.RandomState(4)
    entropy = np.abs(random.randn(2, 100)).astype('f') * 5
    if levels:
        entropy = np.round(entropy / 3 % levels - .5).astype('f')
    negative = random.uniform(size=(2, 100)) < .9
    with tf.Graph().as_default():
        weights = evaluate(losses.hard_negative_weights(tf.constant(entropy), tf.constant(negative), tf.constant(float(wanted))))
    np.testing.assert_allclose(weights, plain_hardest(entropy, negative, wanted), rtol=1e-6)
    assert weights.sum() == pytest.approx(wanted, rel=1e-6)


def test_classes_and_offsets_are_those_of_numpy():
    random = np.random.RandomState(6)
    low = random.uniform(0, .5, (2, 3, 2))
    boxes = np.concatenate([low, low + random.uniform(.01, .5, (2, 3, 2))], axis=-1).astype('f')
    classes = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
    match = random.randint(-2, 3, (2, len(ANCHORS))).astype(np.int32)
    with tf.Graph().as_default():
        found, targets = evaluate(losses.anchor_targets(*[tf.constant(value) for value in (classes, boxes, match)], ANCHORS))
    for image in range(2):
        matched = match[image] >= 0
        box = match[image][matched]
        np.testing.assert_array_equal(found[image][matched], classes[image][box])
        np.testing.assert_allclose(targets[image][matched], numpy_boxes.encode(boxes[image][box], ANCHORS[matched]), rtol=1e-5, atol=1e-5)


def test_an_image_without_box_labels_takes_no_part(raw):
    confidence, location = raw
    labels = batch({5: 0})
    labels['match'][1] = UNUSED
    _, _, gradients = detection(labels, confidence, location)
    assert np.abs(gradients[0][0]).sum() > 0
    assert np.abs(gradients[0][1]).sum() == np.abs(gradients[1][1]).sum() == 0


def test_gradients_are_of_the_positives_and_of_three_times_as_many_negatives_alone(raw):
    """What the gradients of the detection heads count on: elsewhere they are 0, not about 0."""
    _, _, gradients = detection(batch({5: 0, 17: 2, 60: 1}), *raw)
    assert [np.any(gradient, axis=-1).sum() for gradient in gradients] == [3 + 9, 3]


def test_no_object_gives_zero_and_finite_gradients(raw):
    found, _, gradients = detection(batch({}), *raw)
    assert found == {'class': 0, 'bbox': 0}
    assert all(np.all(gradient == 0) for gradient in gradients)


def test_with_all_anchors_positive_there_are_no_negatives(raw):
    found, metrics, gradients = detection(batch({anchor: anchor % 3 for anchor in range(len(ANCHORS))}), *raw)
    assert found['class'] == pytest.approx(metrics['class_pos'], rel=1e-6) and metrics['class_neg'] == 0
    assert np.abs(gradients[0][0]).sum() > 0 and np.abs(gradients[0][1]).sum() == 0
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_a_batch_of_twins_has_the_loss_of_one(raw):
    confidence, location = [np.stack([value[0], value[0]]) for value in raw]
    labels = batch({5: 0, 17: 2, 60: 1})
    twins = {key: np.stack([value[0], value[0]]) for key, value in labels.items()}
    one = {key: value[:1] for key, value in labels.items()}
    expected, _, single = detection(one, confidence[:1], location[:1])
    found, _, gradients = detection(twins, confidence, location)
    assert found == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradients[0].sum(axis=0), single[0][0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gradients[1].sum(axis=0), single[1][0], rtol=1e-5, atol=1e-7)


def test_accuracy_is_the_share_of_right_classes_among_what_is_taken():
    confidence = np.zeros((2, len(ANCHORS), 4), np.float32)
    confidence[..., 0] = 9  # background, surely
    confidence[0, 5, 1] = 20  # right: box 0 is of class 1
    confidence[0, 17, 2] = 20  # wrong: box 2 is of class 3
    confidence[1, 40, 3] = 20  # the hardest negative
    _, metrics, _ = detection(batch({5: 0, 17: 2}), confidence, np.zeros((2, len(ANCHORS), 4), np.float32))
    assert metrics['accuracy'] == pytest.approx((1 + 5) / 8)  # 2 positives and 6 negatives


def test_a_loss_that_is_no_number_is_not_hidden(raw):
    confidence, location = raw
    confidence[1, 7, 2] = np.nan  # of an anchor that is not taken
    found, _, _ = detection(batch({5: 0}), confidence, location)
    assert np.isnan(found['class'])


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
        loss = losses.segmentation_loss(logits, tf.constant(mask))[0]
        value, gradient = evaluate([loss, tf.gradients(loss, logits)[0]])
    assert value == 0 and np.all(gradient == 0)


def test_the_total_is_the_weighted_sum(raw):
    """A loss of weight 0 is not built; the others count by their weights."""
    weights = {'class': 2., 'bbox': .5}
    with tf.Graph().as_default():
        outputs = dict(zip(('confidence', 'location'), map(tf.constant, raw)), segmentation=tf.zeros([2, 4, 4, 3]))
        labels = {key: tf.constant(value) for key, value in batch({5: 0, 17: 2}).items()}
        total, found, _ = losses.all_losses(outputs, labels, ANCHORS, TrainConfig(loss_weights=tuple(dict(weights, segmentation=0.).items())))
        total, found = evaluate([total, found])
    assert set(found) == set(weights)
    assert total == pytest.approx(2 * found['class'] + .5 * found['bbox'], rel=1e-6)


def value(tensor):
    return np.asarray(evaluate(tensor)).item()


def test_label_smoothing_by_hand():
    """Logits ln 4, 0, 0 give 2/3, 1/6, 1/6. A share of .3 makes the labels .8, .1, .1."""
    with tf.Graph().as_default():
        logits, classes = tf.constant([[[np.log(4.), 0, 0]]], tf.float32), tf.constant([[0]])
        entropy, right = losses._cross_entropy(logits, classes, .3)
        assert value(entropy) == pytest.approx(-(.8 * np.log(2 / 3) + .2 * np.log(1 / 6)), rel=1e-5)
        assert value(right) == 1
        mean = losses.segmentation_loss(logits[None], classes[None], .3)[0]
        assert value(mean) == pytest.approx(value(entropy), rel=1e-6)


def test_focal_loss_by_hand():
    """Two classes: a positive at 3/4, a negative at 1/4 and an anchor that is neither."""
    with tf.Graph().as_default():
        logits = tf.constant([[[0, np.log(3.)], [0, np.log(3.)], [5, 0]]], tf.float32)
        loss, metrics = losses.focal_loss(logits, tf.constant([[1, 0, 0]]), tf.constant([[True, False, False]]), tf.constant([[False, True, False]]))
        assert value(loss) == pytest.approx(-.25 * .25 ** 2 * np.log(.75) - .75 * .75 ** 2 * np.log(.25), rel=1e-5)
        assert value(metrics['accuracy']) == .5
        assert np.isfinite(evaluate(tf.gradients(loss, logits)[0])).all()


def test_generalized_iou_by_hand():
    """Anchors of side .2: the same box; one moved by half its side; one that does not meet its target; one that is not taken."""
    anchors = np.array([[.5, .5, .2, .2]] * 4, np.float32)
    moved = [0, 0, 0, 0], [.5 / .1, 0, 0, 0], [2 / .1, 0, 0, 0], [9, 9, 9, 9]
    with tf.Graph().as_default():
        location, targets = tf.constant([moved], tf.float32), tf.zeros([1, 4, 4])
        for taken, loss in (([1, 0, 0, 0], 0), ([0, 1, 0, 0], 1 - 1 / 3), ([0, 0, 1, 0], 1 + 1 / 3), ([1, 1, 1, 0], (0 + 2 / 3 + 4 / 3) / 3)):
            assert value(losses.giou_loss(location, targets, anchors, tf.constant(np.array([taken], bool)))) == pytest.approx(loss, abs=1e-5)
        wild = tf.constant([[[0, 0, 1e4, 1e4]] * 4], tf.float32)
        gradient = tf.gradients(losses.giou_loss(wild, targets, anchors, tf.constant([[True] * 4])), wild)[0]
        assert np.isfinite(evaluate(gradient)).all()
        assert value(losses.giou_loss(location, targets, anchors, tf.zeros([1, 4], tf.bool))) == 0


@pytest.mark.parametrize('form', [dict(class_loss='focal'), dict(box_loss='giou'), dict(label_smoothing=.1)])
def test_each_form_changes_its_loss_alone(raw, form):
    changed = {'class_loss': {'class'}, 'box_loss': {'bbox'}, 'label_smoothing': {'class', 'segmentation'}}[next(iter(form))]

    def found(train):
        with tf.Graph().as_default():
            outputs = dict(zip(('confidence', 'location'), map(tf.constant, raw)))
            outputs['segmentation'] = tf.constant(np.random.RandomState(0).randn(2, 4, 4, 3).astype('f'))
            labels = {key: tf.constant(array) for key, array in batch({5: 0, 17: 2}).items()}
            labels['mask'] = tf.ones([2, 4, 4], tf.int32)
            return evaluate(losses.all_losses(outputs, labels, ANCHORS, train)[1])
    before, after = found(TrainConfig()), found(TrainConfig(**form))
    assert {name for name in before if before[name] != after[name]} == changed


def test_no_bits_of_a_scalar_and_logarithms_before_the_difference():
    """The graph engine refuses a Bitcast of a scalar; and what follows a Log stays float32, as Log is on the black list of mixed precision."""
    with tf.Graph().as_default() as graph:
        entropy, _ = losses._cross_entropy(tf.placeholder(tf.float32, [2, 5, 3]), tf.zeros([2, 5], tf.int32))
        losses.hard_negative_weights(entropy, tf.ones([2, 5], tf.bool), tf.constant(3.))
        bits = [op for op in graph.get_operations() if op.type == 'Bitcast']
    assert len(bits) == 32 and all(op.inputs[0].shape.rank == 1 for op in bits)
    assert entropy.op.type == 'Sub' and entropy.op.inputs[0].op.type == 'Log'


def test_the_box_loss_divides_before_it_sums():
    """So that a sum in float16 holds it: 512000 values of 1 pass 65504, and their shares do not."""
    with tf.Graph().as_default():
        loss = losses.box_loss(tf.placeholder(tf.float32, [2, 5, 4]), tf.zeros([2, 5, 4]), tf.ones([2, 5], tf.bool))
    assert loss.op.type == 'Sum' and loss.op.inputs[0].op.type == 'RealDiv'


def test_weights_of_the_segmentations_classes_by_hand():
    """Classes of 2/3, 1/6 and 1/6 everywhere; a pixel of class 0, one of class 1 and one without a label. Weights 1, 3 and 5."""
    with tf.Graph().as_default():
        logits, mask = tf.constant([[[[np.log(4.), 0, 0]] * 3]], tf.float32), tf.constant([[[0, 1, 255]]])
        loss, metrics = losses.segmentation_loss(logits, mask, class_weights=(1., 3., 5.))
        assert value(loss) == pytest.approx(-(1 * np.log(2 / 3) + 3 * np.log(1 / 6)) / 4, rel=1e-5)
        assert value(metrics['accuracy_pixels']) == .5
        shared = losses.normalisers({'segmentation': logits}, {'mask': mask}, ANCHORS, TrainConfig(pixel_weights=(1., 3., 5.)))
        assert {name: value(one) for name, one in shared.items()} == {'segmentation': 4}
