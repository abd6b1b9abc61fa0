"""Going back where the loss is not finite: the last checkpoint, other data, and no more often than asked for."""
import json
import logging
import types

import numpy as np
import pytest

from blitznet_estimator.drivers import checkpoints, rollbacks, train
from blitznet_estimator.errors import NonFiniteLoss, UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from hooks.nonfinite import NonFiniteHook
from tests.blitznet_estimator.drivers import stand_in


def input_of(bad, seen, value=np.nan):
    """number -> input_fn of batches that hold `value` where their number is in `bad`; the numbers that phases began with are in `seen`."""
    def make(first):
        seen.append(first)
        x = np.ones([60, 2], np.float32)
        x[[number for number in bad if number < 60]] = value
        labels = {'number': np.arange(60)}

        def input_fn(params=None):
            return tf.data.Dataset.from_tensor_slices(({'x': x}, labels)).skip(first)
        input_fn.records_of = lambda number, count: ['batch %d' % one for one in range(first + number, first + number + count)]
        return input_fn
    return make


def run(folder, bad, on_nan='rollback:2', steps=10, value=np.nan, save_every=3):
    """Train; returns (the numbers that phases began with, the last step)."""
    config, seen = stand_in.config(folder, train=dict(train_steps=steps, on_nan=on_nan), run=dict(save_every=save_every, eval_every=0)), []
    train.run(config, get_platform(config), input_of(bad, seen, value), stand_in.model_fn, lambda path: None, [NonFiniteHook()])
    return seen, checkpoints.latest_step(str(folder))


def test_it_goes_back_to_the_last_checkpoint_and_leaves_the_bad_data_out(tmp_path, caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    # Batch 7 is the eighth step's. From step 6 on, the batches 6 and 7 are left out: step 6 takes batch 8.
    assert run(tmp_path, {7}) == ([0, 8], 10)
    assert 'Going back to step 6, and on without the data of the 2 steps after it (--on_nan, 1 of 2 times)' in caplog.text
    assert json.loads((tmp_path / rollbacks.NAME).read_text()) == [[8, 6]]
    assert run(tmp_path, {7}, steps=14) == ([12], 14)  # a start from step 10 goes on with the batch that is its turn
    assert [rollbacks.Rollbacks(stand_in.config(tmp_path)).batch(step) for step in (5, 6)] == [5, 6]  # before it is started


def test_before_the_first_checkpoint_it_goes_back_to_the_start(tmp_path):
    assert run(tmp_path, {1}) == ([0, 2], 10)


def test_weights_that_a_finite_loss_spoilt_are_gone_back_from(tmp_path):
    """The weight is 0 at the first step, so that the loss is 1 and its gradient -inf; the step is saved at once."""
    assert run(tmp_path, {0}, on_nan='rollback:1', value=3e38, save_every=1) == ([0, 1], 10)


def test_a_spoilt_checkpoint_is_passed_over(tmp_path, caplog):
    """As one that an adapter saved, which has a saver of its own."""
    run(tmp_path, set(), steps=6)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('weight', initializer=np.float32(np.nan))
        session.run([tf.global_variables_initializer(), tf.train.get_or_create_global_step().assign(7)])
        tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'), global_step=7)
    assert run(tmp_path, set(), steps=10) == ([6], 10)
    assert 'model.ckpt-7 is damaged (not finite: weight): the newest whole checkpoint is' in caplog.text


def test_the_images_of_the_step_are_named(tmp_path):
    with pytest.raises(NonFiniteLoss, match='The images of step 8: batch 7[.]$') as error:
        run(tmp_path, {7}, on_nan='stop')
    batches = types.SimpleNamespace(records_of=lambda number, count: ['batch %d' % one for one in range(number, number + 10 * count)])
    train._name_images(error.value, batches, 3, 2)
    assert str(error.value).endswith('The images of step 8: %s and 4 more.' % '; '.join('batch %d' % one for one in range(6, 22)))


def test_no_more_often_than_asked_for(tmp_path):
    with pytest.raises(NonFiniteLoss, match='The loss is not finite near step 2'):
        run(tmp_path / 'stop', {1}, on_nan='stop')
    with pytest.raises(UserError, match='The loss is not finite near step 8.*It went back 2 times before'):
        run(tmp_path / 'often', {7, 9, 11}, on_nan='rollback:2')
    assert run(tmp_path / 'enough', {7, 9, 11}, on_nan='rollback:3') == ([0, 8, 10, 12], 10)


def test_a_resumed_training_leaves_the_same_out_and_a_new_one_nothing(tmp_path):
    (tmp_path / rollbacks.NAME).write_text('[[8, 6], [9, 6]]')
    config = stand_in.config(tmp_path)
    for start, batches in ((7, {5: 5, 6: 11, 20: 25}), (0, {6: 6})):
        found = rollbacks.Rollbacks(config)
        found.start(start)
        assert {step: found.batch(step) for step in batches} == batches


@pytest.mark.parametrize('text', ['', '{', '5', '[[6, 8]]', '[["8", 6]]', '[[8]]'])
def test_a_damaged_file_is_refused_but_by_a_new_training(tmp_path, text):
    (tmp_path / rollbacks.NAME).write_text(text)
    found = rollbacks.Rollbacks(stand_in.config(tmp_path))
    found.start(0)
    assert found.batch(7) == 7
    with pytest.raises(UserError, match='rollbacks.json'):
        found.start(7)


def test_processes_that_train_together_are_refused(tmp_path):
    config = stand_in.config(tmp_path, train=dict(on_nan='rollback:1'))
    rollbacks.check(stand_in.config(tmp_path), types.SimpleNamespace(shard=(0, 8)))
    with pytest.raises(UserError, match='--on_nan=rollback:1 does not go with 8 processes'):
        rollbacks.check(config, types.SimpleNamespace(shard=(0, 8)))


@pytest.mark.parametrize('text', ['', 'go', 'rollback:', 'rollback:0', 'rollback:-1', 'rollback:x', 'rollback:1.5'])
def test_what_is_neither_is_refused(text):
    with pytest.raises(UserError, match='neither stop nor rollback:N'):
        rollbacks.most(text)
