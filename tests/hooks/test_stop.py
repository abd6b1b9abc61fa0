import signal

import pytest

from blitznet_estimator import replicas
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import StopRequest
from hooks.stop import StopHook


class _Ask(tf.train.SessionRunHook):
    """A signal during the third run."""

    def __init__(self, request):
        self._request, self.runs = request, 0

    def after_run(self, run_context, run_values):
        self.runs += 1
        if self.runs == 3:
            self._request._handle(signal.SIGTERM, None)


@pytest.mark.parametrize('steps_per_run', [1, 10])
def test_the_running_loop_is_the_last(steps_per_run):
    request = StopRequest()
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        advance, ask = tf.assign_add(step, steps_per_run), _Ask(request)
        with tf.train.MonitoredSession(hooks=[ask, StopHook(request)]) as session:
            while not session.should_stop():
                reached = session.run(advance)
    assert (ask.runs, reached, request.number) == (3, 3 * steps_per_run, signal.SIGTERM)


@pytest.mark.parametrize('others', [0., .5])
def test_several_processes_end_after_the_step_in_which_all_know_of_it(others):
    """A signal during the third run is in the vote of the fourth; one that another process got is in the vote of the second here."""
    request = StopRequest()
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        flag = tf.placeholder_with_default(0., [])
        of_others = others * tf.to_float(tf.greater(step, 1)) if others else 0.
        tf.add_to_collection(replicas.STOP, (flag, flag / 2 + of_others))
        with tf.control_dependencies([tf.identity(flag / 2 + of_others)]):
            advance, ask = tf.assign_add(step, 1), _Ask(request)
        with tf.train.MonitoredSession(hooks=[ask, StopHook(request)]) as session:
            while not session.should_stop():
                session.run(advance)
    assert ask.runs == (4 if not others else ask.runs) and request.number == signal.SIGTERM
    assert ask.runs <= 4
