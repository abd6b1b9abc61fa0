"""What a training leaves in its folder, and what it does not."""
import os

import numpy as np
import pytest

from blitznet_estimator.drivers import checkpoints
from blitznet_estimator.errors import NonFiniteLoss, UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.platforms.checkpoint_hook import CheckpointHook
from blitznet_estimator.runtime import tf
from hooks.nonfinite import NonFiniteHook
from tests.blitznet_estimator.drivers import stand_in


def train(model_dir, steps, hooks=(), bad_batch=None, **run):
    """Train the stand-in; the batch number `bad_batch` is not finite."""
    config = stand_in.config(model_dir, train=dict(train_steps=steps), run=run)

    def input_fn(params=None):
        def batches():
            for index in range(steps):
                yield np.full(2, np.nan if index == bad_batch else 1., np.float32)
        data = tf.data.Dataset.from_generator(batches, tf.float32, [2])
        return data.map(lambda x: ({'x': x}, {'start': 0}))

    get_platform(config).estimator(stand_in.model_fn, {'config': config}).train(input_fn, max_steps=steps, hooks=list(hooks))


def saved_steps(folder):
    return sorted(int(path.name.split('-')[1].split('.')[0]) for path in folder.glob('model.ckpt-*.index'))


def test_the_multiples_and_the_last_step_are_saved_and_the_first_is_not(tmp_path):
    train(tmp_path, 7, save_every=3)
    assert saved_steps(tmp_path) == [3, 6, 7]
    train(tmp_path, 8, save_every=3)
    assert saved_steps(tmp_path) == [3, 6, 7, 8]
    train(tmp_path, 10, save_every=3)
    assert saved_steps(tmp_path) == [6, 7, 8, 9, 10]  # the five latest


def test_no_graph_is_written_unless_a_profile_is_asked_for(tmp_path):
    train(tmp_path, 2, save_every=1)
    kinds = {name.split('.')[-1] if name.startswith('model') else name.split('.')[0] for name in os.listdir(str(tmp_path))}
    assert kinds == {'checkpoint', 'index', 'data-00000-of-00001', 'events'}
    assert not graphs(tmp_path)
    train(tmp_path / 'profiled', 2, profile_steps=(0, 1))
    assert graphs(tmp_path / 'profiled')


def graphs(folder):
    """Those in the event files that have an operation."""
    events = [event for path in folder.glob('events.*') for event in tf.train.summary_iterator(str(path))]
    found = [tf.GraphDef.FromString(event.graph_def) for event in events]
    found += [tf.MetaGraphDef.FromString(event.meta_graph_def).graph_def for event in events]
    return [graph for graph in found if graph.node]


@pytest.mark.parametrize('bad_batch', [3, 4])  # of the step that is saved, and of the one after it
def test_a_step_whose_loss_is_not_finite_is_not_saved(tmp_path, bad_batch):
    with pytest.raises(UserError, match=r'near step %d: loss = nan.' % (bad_batch + 1)):
        train(tmp_path, 8, [NonFiniteHook()], bad_batch, save_every=2)
    assert saved_steps(tmp_path)[-1] == checkpoints.latest_step(str(tmp_path)) == bad_batch // 2 * 2
    assert np.isfinite(tf.train.load_variable(str(tmp_path), 'weight'))


@pytest.mark.parametrize('bad_step, saved', [(3, [2]), (4, [2]), (5, [2, 4])])  # before a save, of one, and of the last step
def test_weights_that_are_not_finite_are_not_saved_though_the_loss_is(tmp_path, bad_step, saved):
    """As those that an infinite gradient makes: the loss of a step is of the weights before it."""
    def model_fn(features, labels, mode, params):
        spec, step = stand_in.model_fn(features, labels, mode, params), tf.train.get_global_step()
        other = tf.get_variable('average', [2], initializer=tf.zeros_initializer(), trainable=False)
        with tf.control_dependencies([spec.train_op]):
            spoilt = tf.assign(other, tf.where(tf.fill([2], step.read_value() >= bad_step), tf.constant([0., np.inf]), [0., 0.]))
        return spec._replace(train_op=tf.group(spec.train_op, spoilt))

    config = stand_in.config(tmp_path, train=dict(train_steps=5), run=dict(save_every=2))
    with pytest.raises(NonFiniteLoss, match='The weights are not finite after step %d, and are not saved: average' % max(4, bad_step)) as error:
        get_platform(config).estimator(model_fn, {'config': config}).train(stand_in.train_input_fn(0), max_steps=5, hooks=[NonFiniteHook()])
    assert (saved_steps(tmp_path), error.value.step) == (saved, max(4, bad_step))


@pytest.mark.parametrize('steps_per_run', [3, 7])
def test_a_loop_that_passes_a_multiple_saves_once(tmp_path, steps_per_run):
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        advance = tf.assign_add(step, steps_per_run)
        tf.add_to_collection(tf.GraphKeys.SAVERS, tf.train.Saver())
        with tf.train.MonitoredSession(hooks=[CheckpointHook(str(tmp_path), 6)]) as session:
            for _ in range(4):
                session.run(advance)
    assert saved_steps(tmp_path) == {3: [6, 12], 7: [7, 14, 21, 28]}[steps_per_run]


def test_an_interval_of_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match='every=0'):
        CheckpointHook(str(tmp_path), 0)
