import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf
from hooks.overflow import OverflowHook


class _Run:
    """Sessions that advance both counters, without training anything."""

    def __init__(self, hook, loop=1):
        self._hook, self._loop, self.steps, self._applied = hook, loop, 0, 0

    def train(self, skipped_a_loop):
        """One call of Estimator.train: a new graph and session, and a loop for each number."""
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            applied = tf.get_variable('applied', [], tf.int64, tf.zeros_initializer(), trainable=False)
            tf.add_to_collection(counted_optimizer.COLLECTION, applied)
            skips = tf.placeholder(tf.int64, [])
            restore = tf.group(tf.assign(step, self.steps), tf.assign(applied, self._applied))
            train = tf.group(tf.assign_add(step, self._loop), tf.assign_add(applied, self._loop - skips))
            scaffold = tf.train.Scaffold(local_init_op=restore)
            with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold), [self._hook]) as session:
                for count in skipped_a_loop:
                    session.run(train, {skips: count})
                    self.steps += self._loop
                    self._applied += self._loop - count


def test_skipped_steps_are_reported():
    reports = []
    _Run(OverflowHook(report=lambda *report: reports.append(report[1:]))).train([0, 1, 0, 1])
    assert reports == [(1, 1, 2), (1, 2, 4)]  # skipped now, altogether, step


def test_the_report_is_a_message_of_the_project(caplog):
    _Run(OverflowHook()).train([0, 1])
    messages = [(record.name, record.getMessage()) for record in caplog.records if 'overflowed' in record.getMessage()]
    assert messages == [('blitznet', 'Gradients overflowed: 1 steps skipped, 1 of 2 altogether.')]


def test_half_of_the_window_may_be_skipped():
    run = _Run(OverflowHook(window=20))
    run.train([1, 0] * 40)
    assert run.steps == 80


@pytest.mark.parametrize('loop', [1, 10])
def test_more_than_half_stops_the_run(loop):
    run = _Run(OverflowHook(window=20), loop)
    run.train([0] * 40)
    with pytest.raises(UserError, match=r'11 of the last 20 steps|20 of the last 20 steps') as error:
        run.train([loop] * 40)
    assert '--learning_rate' in str(error.value)


def test_by_default_it_judges_200_steps():
    _Run(OverflowHook(report=print)).train([1] * 100 + [0] * 100)
    with pytest.raises(UserError, match='101 of the last 200 steps'):
        _Run(OverflowHook(report=print)).train([1] * 101 + [0] * 99)


def test_a_few_steps_at_the_start_do_not_stop_it():
    run = _Run(OverflowHook(window=20))
    run.train([1] * 8 + [0] * 30)  # dynamic scaling finds its scale
    assert run.steps == 38


def test_the_window_goes_on_over_calls():
    run = _Run(OverflowHook(window=20))
    run.train([1] * 15)
    with pytest.raises(UserError):
        run.train([1] * 5)


def test_without_a_counter_it_does_nothing():
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        with tf.train.MonitoredSession(hooks=[OverflowHook()]) as session:
            assert session.run(step) == 0
