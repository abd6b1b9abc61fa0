"""Losses of several replicas, here on two logical CPUs: their mean is the loss of all their batches, and what differs where it is not."""
import numpy as np
import pytest

from blitznet_estimator import replicas
from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.runtime import tf
from model_fn.network import synced_norm
from model_fn.training import losses

IMAGES, ANCHORS, CLASSES = 2, 40, 3
RANDOM = np.random.RandomState(0)
CONFIDENCE = RANDOM.normal(size=(2, IMAGES, ANCHORS, CLASSES)).astype(np.float32)  # of two replicas
POSITIVE = np.zeros((2, IMAGES, ANCHORS), bool)
POSITIVE[0, 0, :2], POSITIVE[1, :, :4] = True, True  # 2 and 8 anchors
LABELS = np.where(POSITIVE, 1, 0).astype(np.int32)


def on_replicas(function, *values):
    """The results of function(*one replica's values), one per replica; of several results a tuple of such."""
    with tf.Graph().as_default():
        strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])

        def one():
            own = tf.distribute.get_replica_context().replica_id_in_sync_group
            return function(*[tf.constant(value)[own] for value in values])
        with strategy.scope():
            results = strategy.extended.call_for_each_replica(one)
        if isinstance(results, tuple):
            results = tuple(map(strategy.experimental_local_results, results))
        else:
            results = strategy.experimental_local_results(results)
        with tf.Session(config=tf.ConfigProto(device_count={'CPU': 2})) as session:
            return session.run(results)


def alone(function, *values):
    """The result of function(*the values of all replicas, as one batch)."""
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(function(*[tf.constant(np.concatenate(value)) for value in values]))


def focal(confidence, labels, positive):
    return losses.focal_loss(confidence, labels, positive, ~positive)[0]


def hard(confidence, labels, positive):
    return losses.class_loss(confidence, labels, positive, ~positive)[0]


def boxes(confidence, labels, positive):
    return losses.box_loss(confidence, tf.zeros_like(confidence), positive)


def segmentation(confidence, labels, positive):
    unlabelled = tf.fill(tf.shape(labels[:, None]), 255)
    return losses.segmentation_loss(confidence[:, None], tf.where(positive[:, None], labels[:, None], unlabelled))[0]


@pytest.mark.parametrize('loss', [focal, boxes, segmentation])
def test_the_mean_of_the_parts_is_the_loss_of_all(loss):
    parts = on_replicas(loss, CONFIDENCE, LABELS, POSITIVE)
    assert parts[0] != pytest.approx(parts[1], rel=.01)
    assert np.mean(parts) == pytest.approx(alone(loss, CONFIDENCE, LABELS, POSITIVE), rel=1e-5)


def test_shares_of_a_batch_in_parts_are_of_all_replicas():
    """With --accumulate_steps=2: a part's loss is divided by its own positives, and the share makes that those of the whole batch."""
    positives, of_parts = POSITIVE.sum(axis=(1, 2)), POSITIVE.sum(axis=2)

    def normaliser(labels, positive):
        match = {'match': tf.where(positive, labels * 0, labels * 0 + BACKGROUND)}
        return losses.NORMALISERS['bbox'](None, losses.Targets(match, None), None)
    whole = on_replicas(normaliser, LABELS, POSITIVE)
    part = on_replicas(lambda labels, positive: normaliser(labels[:1], positive[:1]), LABELS, POSITIVE)
    assert list(whole) == [positives.mean()] * 2 and list(part) == [of_parts[:, 0].mean()] * 2


def test_each_replica_takes_its_own_hardest_negatives():
    """Three for each of its 2 or 8 positives: 6 and 24, where one device with all would take the 30 hardest of both. 10 positives divide them."""
    parts = on_replicas(hard, CONFIDENCE, LABELS, POSITIVE)
    entropy = np.log(np.exp(CONFIDENCE).sum(-1)) - np.take_along_axis(CONFIDENCE, LABELS[..., None], -1)[..., 0]
    taken = [np.sort(entropy[i][~POSITIVE[i]])[-3 * POSITIVE[i].sum():].sum() + entropy[i][POSITIVE[i]].sum() for i in range(2)]
    assert np.mean(parts) == pytest.approx(sum(taken) / 10, rel=1e-5)
    both = np.sort(entropy[~POSITIVE])[-30:].sum() + entropy[POSITIVE].sum()
    assert alone(hard, CONFIDENCE, LABELS, POSITIVE) == pytest.approx(both / 10, rel=1e-5)
    assert np.mean(parts) < both / 10 * .999


def test_no_positive_at_all_is_no_division_by_zero():
    none = np.zeros_like(POSITIVE)
    assert np.isfinite(on_replicas(focal, CONFIDENCE, LABELS * 0, none)).all()
    assert list(on_replicas(boxes, CONFIDENCE, LABELS * 0, none)) == [0, 0]


MAPS = RANDOM.normal(1, 2, size=(2, IMAGES, 3, 3, 4)).astype(np.float32)
GAMMA, BETA = np.array([1, 2, .5, 3], np.float32), np.array([0, 1, -1, 2], np.float32)


def norm(function):
    """x -> (result, mean, variance, gradient of the sum of the squared results) by a form of batch norm."""
    def apply(x):
        y, mean, variance = function(x, tf.constant(GAMMA), tf.constant(BETA), 1e-3, True)
        return y, mean, variance, tf.gradients(tf.reduce_sum(tf.square(y) * tf.range(4.)), x)[0]
    return apply


def test_synchronised_batch_norm_is_that_of_one_device_with_all_images():
    """A replica's gradient is of the mean of all replicas' losses, times their number, by which training divides."""
    def plain(x, gamma, beta, epsilon, relu):
        mean, variance = tf.nn.moments(x, [0, 1, 2])
        y = tf.nn.relu(tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon))
        return y, mean, variance * 36 / 35
    found = on_replicas(norm(synced_norm.batch_norm), MAPS)
    y, mean, variance, gradient = alone(norm(plain), MAPS)
    np.testing.assert_allclose(np.concatenate(found[0]), y, atol=1e-5)
    for index, expected in ((1, mean), (2, variance)):
        for one in found[index]:
            np.testing.assert_allclose(one, expected, rtol=1e-5)
    np.testing.assert_allclose(np.concatenate(found[3]), gradient, rtol=1e-3, atol=1e-4)


def test_one_replica_adds_no_operation():
    with tf.Graph().as_default() as graph:
        tensor = tf.constant(1.)
        before = len(graph.get_operations())
        assert replicas.mean([tensor]) == [tensor] and replicas.count() == 1
        assert len(graph.get_operations()) == before
