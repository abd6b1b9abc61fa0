import pytest

from blitznet_estimator.runtime import tf
from hooks.progress import ProgressHook
from tests.hooks.stepping import Clock, run_steps


class _Recorder:
    """In Progress's place."""

    def __init__(self, title, total, initial, images, enabled):
        self.count, self.total, self.images, self.closed = initial, total, images, 0
        self.initial, self.shown = initial, []

    def show(self, count, text=''):
        self.count = count
        self.shown.append((count, text))

    def say(self, text):
        self.said = text

    def close(self):
        self.closed += 1


def _run(steps_per_run, runs, seconds_per_step=1., start=0, every=1, tensors=(('loss', 2.5),), **options):
    made, clock = [], Clock()

    def make(*args, **kwargs):
        made.append(_Recorder(*args, **kwargs))
        return made[-1]

    hook = ProgressHook(100, 8, every=every, make_progress=make, clock=clock, **options)
    run_steps(hook, clock, steps_per_run, runs, seconds_per_step, tensors, start)
    return made[0]


@pytest.mark.parametrize('steps_per_run', [1, 10])
def test_it_shows_the_global_step_and_the_loss(steps_per_run):
    shown = _run(steps_per_run, 5)
    assert shown.shown == [(steps_per_run * run, 'loss 2.500') for run in range(1, 6)] and shown.said == 'first step'
    assert (shown.total, shown.images, shown.closed) == (100, 8, 1)


def test_steps_of_other_processes_do_not_lead_past_the_total():
    assert [count for count, _ in _run(3, 2, start=95).shown] == [98, 100]


def test_it_begins_where_training_resumes():
    shown = _run(10, 2, start=40)
    assert shown.initial == 40 and [count for count, _ in shown.shown] == [50, 60]


def test_another_bar_has_the_place_during_a_pause():
    made, clock = [], Clock()

    def make(*args, **kwargs):
        made.append(_Recorder(*args, **kwargs))
        return made[-1]
    run_steps(ProgressHook(100, 8, every=4, make_progress=make, clock=clock), clock, 1, 10, 1., [('loss', 2.5)], pause_after=6)
    before, after = made
    assert [count for count, _ in before.shown] == [4, 6] and before.closed
    assert after.initial == 6 and not hasattr(after, 'said') and [count for count, _ in after.shown] == [10]


def test_it_looks_when_whole_loops_are_over():
    assert [count for count, _ in _run(1, 25, every=10).shown] == [10, 20, 25]  # the last, whatever the interval


def test_it_does_not_look_at_every_fast_step():
    counts = [count for count, _ in _run(1, 50, seconds_per_step=.02).shown]
    assert len(counts) <= 11 and counts[-1] == 50


def test_without_a_loss():
    assert _run(1, 2, tensors=()).shown == [(1, ''), (2, '')]


def test_tensors_that_are_handed_over():
    clock, shown = Clock(), []

    class Given(ProgressHook):
        """Hands its own tensor over, made in the graph."""

        def begin(self):
            self._tensors = {'loss': tf.constant(7.)}
            super().begin()

    hook = Given(100, 8, make_progress=lambda *args, **kwargs: shown.append(_Recorder(*args, **kwargs)) or shown[0], clock=clock)
    run_steps(hook, clock, 1, 1, 1., [('loss', 2.5)])
    assert shown[0].shown == [(1, 'loss 7.000')]


def test_arguments_and_graph_are_checked():
    for arguments in ((0, 8), (10, 0), (10, 8, 0)):
        with pytest.raises(ValueError):
            ProgressHook(*arguments)
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match='global step'):
        ProgressHook(10, 8).begin()
