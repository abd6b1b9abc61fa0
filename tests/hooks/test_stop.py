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


@pytest.mark.parametrize('others, runs', [(0., 4), (.5, 2)])
def test_several_processes_end_after_the_step_in_which_all_know_of_it(others, runs):
    """A signal here during the third run is in the vote of the fourth. One that another process got is in the vote of the second."""
    request = StopRequest()
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        flag = tf.placeholder_with_default(0., [])
        agreed = flag / 2 + others * tf.to_float(tf.greater(step, 0))
        tf.add_to_collection(replicas.STOP, (flag, agreed))
        with tf.control_dependencies([agreed]):
            advance, ask = tf.assign_add(step, 1), _Ask(request)
        with tf.train.MonitoredSession(hooks=[ask, StopHook(request)]) as session:
            while not session.should_stop():
                session.run(advance)
    assert (ask.runs, request.number) == (runs, signal.SIGTERM)
