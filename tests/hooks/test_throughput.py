import glob

import pytest

from blitznet_estimator.runtime import tf
from hooks.throughput import ScalarWriter, ThroughputHook
from tests.hooks.stepping import Clock, run_steps


@pytest.mark.parametrize('steps_per_run, runs', [(1, 41), (10, 5)])
def test_images_a_second_from_the_global_step(steps_per_run, runs):
    reports, clock = [], Clock()
    hook = ThroughputHook(16, 20, lambda *report: reports.append(report), clock=clock)
    run_steps(hook, clock, steps_per_run, runs, .5)
    steps = [step for step, _ in reports]
    assert steps == [steps_per_run + 20, steps_per_run + 40]  # the first run starts up, and does not count
    assert [value for _, value in reports] == pytest.approx([32, 32])  # 16 images each half second


def test_the_pause_between_two_phases_does_not_count():
    reports, clock = [], Clock()
    hook = ThroughputHook(16, 10, lambda *report: reports.append(report), clock=clock)
    for start in (0, 15):
        run_steps(hook, clock, 1, 15, .5, start=start)
        clock.pass_by(1000)
    assert reports == [(11, pytest.approx(32)), (26, pytest.approx(32))]


def test_a_pause_within_a_phase_does_not_count():
    reports, clock = [], Clock()
    run_steps(ThroughputHook(16, 10, lambda *report: reports.append(report), clock=clock), clock, 1, 30, .5, pause_after=15)
    assert reports == [(11, pytest.approx(32)), (26, pytest.approx(32))]


def test_a_clock_that_stands_still_gives_no_speed_and_no_error():
    speeds, clock = [], Clock()
    run_steps(ThroughputHook(8, 1, lambda step, speed: speeds.append(speed), clock=clock), clock, 1, 4, 0.)
    assert speeds == []


def test_the_scalar_reaches_tensorboard(tmp_path):
    writer = ScalarWriter(str(tmp_path))
    writer(10, 48.)
    tf.summary.FileWriterCache.get(str(tmp_path)).flush()
    events = [event for path in glob.glob(str(tmp_path / 'events*')) for event in tf.train.summary_iterator(path)]
    assert [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value] == [
        (10, 'images_per_second', 48.)]


def test_arguments_are_checked():
    for arguments in ((0, 10), (16, 0)):
        with pytest.raises(ValueError):
            ThroughputHook(*arguments, sink=print)
