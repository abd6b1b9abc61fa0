"""The end of a training by time: at the step that is running, evaluated and saved, and the same after a restart."""
import logging
import types

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.drivers import checkpoints, metrics_file, metrics_table, train
from blitznet_estimator.drivers.time_budget import NAME, TimeBudget, check
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from hooks.time_budget import TimeBudgetHook
from tests.blitznet_estimator.drivers import stand_in


class Clock:
    """A clock of seconds that a training moves by 10 for each step."""

    def __init__(self, now=1000.):
        self.now = now

    def __call__(self):
        return self.now


class _Tick(tf.train.SessionRunHook):
    def __init__(self, clock):
        self._clock = clock

    def after_run(self, run_context, run_values):
        self._clock.now += 10


def start(folder, minutes=1., steps=20, clock=None, seconds_of_evaluation=0.):
    """Train by a clock of its own; returns the steps that were evaluated."""
    config = stand_in.config(folder, train=dict(train_steps=steps, train_minutes=minutes), run=dict(eval_every=4))
    clock, evaluated = clock or Clock(), []
    budget = TimeBudget(config, clock)

    def evaluate(path):
        evaluated.append(checkpoints.step_of(path))
        clock.now += seconds_of_evaluation
        metrics_file.write(config.run.model_dir, {'global_step': evaluated[-1], 'mIoU': .5})
        metrics_table.add(config, path, {'global_step': evaluated[-1], 'mIoU': .5})
    train.run(config, get_platform(config), stand_in.train_input_fn, stand_in.model_fn, evaluate, [_Tick(clock), TimeBudgetHook(budget)],
              budget=budget)
    return evaluated


def test_it_ends_with_the_running_step_as_at_the_last(tmp_path, caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    assert start(tmp_path) == [4, 6]  # 60 seconds are six steps
    assert checkpoints.latest_step(str(tmp_path)) == 6
    assert 'Training ends at step 6 of 20: --train_minutes=1 are over.' in caplog.text
    assert saved_config.read(str(tmp_path)).train.train_steps == 6  # for who watches
    assert start(tmp_path) == []  # the same command again changes nothing
    assert start(tmp_path, minutes=1.5) == [8, 9]  # and more time goes on from there


def test_evaluations_between_count(tmp_path):
    assert start(tmp_path, seconds_of_evaluation=15.) == [4, 5]  # 40 seconds, 15, and one step more


def test_the_last_step_may_come_before(tmp_path):
    assert start(tmp_path, minutes=10.) == [4, 8, 12, 16, 20]
    assert start(tmp_path / 'other', minutes=0.) == [4, 8, 12, 16, 20] and not (tmp_path / 'other' / NAME).exists()


def test_a_clock_that_jumps_is_not_asked_and_a_damaged_file_counts_for_nothing(tmp_path, caplog):
    start(tmp_path)
    for text in ('', '{', '[]', '{"seconds": "x"}', '{"seconds": -5}', '{"seconds": NaN}', '{"seconds": null}'):
        (tmp_path / NAME).write_text(text)
        clock = Clock()
        budget = TimeBudget(stand_in.config(tmp_path, train=dict(train_minutes=1.)), clock)
        budget.start(6)
        clock.now += 59
        assert budget.seconds == 59 and not budget.is_spent()
    assert 'training_time.json: not a readable JSON file' in caplog.text and 'training_time.json holds no seconds of training.' in caplog.text


def test_a_new_training_begins_at_0(tmp_path):
    start(tmp_path)
    budget = TimeBudget(stand_in.config(tmp_path, train=dict(train_minutes=1.)), Clock())
    budget.start(0)
    assert budget.seconds == 0


def test_processes_that_train_together_are_refused(tmp_path):
    config = stand_in.config(tmp_path, train=dict(train_minutes=2.))
    check(config, types.SimpleNamespace(shard=(0, 1)))
    with pytest.raises(UserError, match='--train_minutes=2 does not go with 8 processes'):
        check(config, types.SimpleNamespace(shard=(1, 8)))
