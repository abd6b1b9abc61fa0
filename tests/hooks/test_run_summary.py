import json

import pytest

from blitznet_estimator.runtime import tf
from hooks.run_summary import RunSummaryHook
from tests.hooks.stepping import Clock, run_steps


class _Clock:
    now = 100.

    def __call__(self):
        return self.now


def _phase(hook, clock, start, durations, loop=1):
    """A phase of training from `start` with a session run of each duration (seconds)."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        tf.add_to_collection('monitor', ('loss', tf.cast(step, tf.float32) / 2))
        scaffold = tf.train.Scaffold(local_init_op=tf.assign(step, start))
        train = tf.assign_add(step, loop)
        with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold), [hook]) as session:
            for seconds in durations:
                clock.now += seconds
                session.run(train)


@pytest.mark.parametrize('loop', [1, 10])
def test_speed_is_the_median_without_the_start_of_each_phase(tmp_path, loop):
    clock = _Clock()
    hook = RunSummaryHook(str(tmp_path), batch_size=8, workers=2, clock=clock)
    _phase(hook, clock, 5 * loop, [60, 2 * loop, 2 * loop, 9 * loop], loop)
    _phase(hook, clock, 9 * loop, [60, 2 * loop], loop)
    hook.close()
    figures = json.loads((tmp_path / 'run_summary.json').read_text())
    assert (figures['first_step'], figures['last_step']) == (5 * loop, 11 * loop)
    assert figures['step_seconds'] == 2 and figures['images_per_second'] == 8  # 16 images in 2 seconds
    assert figures['seconds'] == 120 + 15 * loop
    assert figures['loss'] is not None


def test_a_pause_is_no_part_of_a_step(tmp_path):
    clock = Clock()
    hook = RunSummaryHook(str(tmp_path), batch_size=8, clock=clock)
    run_steps(hook, clock, 1, 3, 2., pause_after=2)
    assert hook.summary()['step_seconds'] == 2 and hook.summary()['seconds'] == 1006


def test_nothing_trained_nothing_written(tmp_path):
    RunSummaryHook(str(tmp_path), 8).close()
    assert not list(tmp_path.iterdir())


def test_a_single_run_has_no_speed(tmp_path):
    clock = _Clock()
    hook = RunSummaryHook(str(tmp_path), 8, clock=clock)
    _phase(hook, clock, 0, [3])
    assert hook.summary()['step_seconds'] is None and hook.summary()['images_per_second'] is None
