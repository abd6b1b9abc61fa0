"""A batch in parts: what it equals, and what is a part's own."""
import numpy as np
import pytest

from blitznet_estimator import checks
from blitznet_estimator.batch import BACKGROUND, UNUSED
from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.monitor import monitored
from blitznet_estimator.runtime import tf
from tests.model_fn.graphs import ancestors
from tests.model_fn.test_model_fn import build, make_batch, small_config

IMAGES = 4


def uneven_batch(network):
    """(features, labels) whose images have 10, 20, 0 and 3 positives, few negatives, and no label at half the pixels of one."""
    features, labels = make_batch(network, IMAGES)
    labels['match'][:, 200:] = UNUSED
    labels['match'][:, 100:110] = BACKGROUND
    for image, positives in enumerate((10, 20, 0, 3)):
        labels['match'][image, :positives] = 1
    labels['mask'][1, :4] = 255
    return features, labels


def one_step(parts, **train):
    """({variable: move}, {name: published scalar}) of a step of plain descent from the same weights, by parts."""
    config = small_config(x4=False, top_fm=8).replace(
        train=dict(dict(freeze=('batch_norm',), accumulate_steps=parts, class_loss='focal', weight_decay=.1), **train))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(1)
        spec, feed = build('train', config, *uneven_batch(config.network), wrap_optimizer=lambda made: tf.train.GradientDescentOptimizer(1.))
        variables, random = {one.op.name: one for one in tf.model_variables()}, np.random.RandomState(4)
        session.run(tf.global_variables_initializer())
        for name in sorted(variables):  # the same, whatever the graph's seeds make of the initial values
            if '/weights' in name:
                shape = variables[name].shape.as_list()
                variables[name].load(random.randn(*shape) / np.prod(shape[:3]) ** .5, session)
        before, published = session.run(variables), session.run(monitored(), feed)
        session.run(spec.train_op, feed)
        assert scan(graph, list(feed), [spec.train_op]) == []
        assert session.run(tf.train.get_global_step()) == 1
        return {name: value - before[name] for name, value in session.run(variables).items()}, published


def test_the_parts_move_the_weights_as_the_whole_does():
    """With unequal counts of positives and of labelled pixels in the parts: the counts of the whole batch divide."""
    whole, of_whole = one_step(1)
    parts, of_parts = one_step(4)
    assert set(of_whole) == set(of_parts)
    for name in ('loss', 'loss/class', 'loss/bbox', 'loss/segmentation', 'loss/weight_decay'):
        assert of_parts[name] == pytest.approx(of_whole[name], rel=1e-5), name
    moved = [name for name in whole if np.any(whole[name])]
    assert len(moved) > 50
    for name in moved:
        assert np.linalg.norm(parts[name] - whole[name]) < 1e-3 * np.linalg.norm(whole[name]), name


def test_hard_negatives_are_three_for_each_positive_of_their_part():
    """Images 2 and 3 have no more than 3 positives: of the whole batch 99 negatives count, by parts of 2 images 90 and 9 of their own."""
    _, of_whole = one_step(1, class_loss='hard_negatives')
    _, of_parts = one_step(2, class_loss='hard_negatives')
    assert of_parts['loss/bbox'] == pytest.approx(of_whole['loss/bbox'], rel=1e-5)
    assert of_parts['loss/class'] < of_whole['loss/class']  # the hardest of all are at least as hard


def test_a_part_waits_for_the_one_before():
    config = small_config(x4=False, top_fm=8).replace(train=dict(accumulate_steps=2))
    with tf.Graph().as_default() as graph:
        build('train', config, *uneven_batch(config.network))
        first, second = [graph.get_tensor_by_name(name).op for name in ('confidence:0', 'confidence_1:0')]
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert len(updates) == 2 * len([one for one in tf.model_variables() if '/moving_' in one.op.name])
        assert first in ancestors(second) and ancestors(second) >= {one.op for one in updates[:len(updates) // 2]}
        assert any('gradients' in op.name for op in ancestors(second))


def test_few_ops_wait_for_many():
    """Each op has a list of the ops that it waits for: where many wait for all gradients, the lists take gigabytes."""
    config = small_config(x4=False, top_fm=8).replace(train=dict(accumulate_steps=2))
    with tf.Graph().as_default() as graph:
        build('train', config, *uneven_batch(config.network))
        waiting = [op.name for op in graph.get_operations() if len(op.control_inputs) > 10]
    assert 0 < len(waiting) < 20, len(waiting)


def test_batch_norm_sees_the_parts_by_themselves():
    """The first moving mean of two parts with the same images: .9 * .1 + .1 = .19 of their mean, and .1 where they are one."""
    def after(parts):
        config = small_config(x4=False, top_fm=8).replace(train=dict(accumulate_steps=parts, learning_rate=1e-9))
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(1)
            features, labels = uneven_batch(config.network)
            features['image'][2:] = features['image'][:2]
            spec, feed = build('train', config, features, labels)
            weights, mean = [next(one for one in tf.model_variables() if one.op.name == 'tiny_resnet/conv1/' + name)
                             for name in ('weights', 'BatchNorm/moving_mean')]
            session.run(tf.global_variables_initializer())
            weights.load(np.random.RandomState(0).randn(*weights.shape.as_list()), session)
            session.run(spec.train_op, feed)
            return session.run(mean)
    np.testing.assert_allclose(after(2), 1.9 * after(1), rtol=1e-3)


def test_parts_must_be_equal():
    config = small_config().replace(data=dict(batch_size=16), train=dict(accumulate_steps=3))
    with pytest.raises(UserError, match='--accumulate_steps=3 does not divide --batch_size=16'):
        checks.check_config(config)


def test_a_platform_scales_each_part():
    """An optimizer that scales the loss is asked for the gradients of each part, and applies their sum once."""
    asked = []

    class Counting(tf.train.GradientDescentOptimizer):
        def compute_gradients(self, *args, **options):
            asked.append('compute')
            return super().compute_gradients(*args, **options)

        def apply_gradients(self, *args, **options):
            asked.append('apply')
            return super().apply_gradients(*args, **options)
    config = small_config(x4=False, top_fm=8, segment=False).replace(train=dict(accumulate_steps=2))
    with tf.Graph().as_default():
        build('train', config, *uneven_batch(config.network), wrap_optimizer=lambda made: Counting(.1))
    assert asked == ['compute', 'compute', 'apply']
