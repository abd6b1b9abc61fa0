"""Sessions whose every run makes several steps, as a sunk loop does, under a clock that the steps drive."""
import weakref

from blitznet_estimator.runtime import tf


class Clock:
    """Time in seconds that only `pass_by` moves."""

    def __init__(self):
        self.now = 100.

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        """Let it be that much later."""
        self.now += seconds


def run_steps(hook, clock, steps_per_run, runs, seconds_per_step, tensors=(), start=0, pause_after=None):
    """Run a graph with `hook`: each run takes its time and makes its steps. tensors: (name, value) to publish.

    pause_after: number of runs after which there is a pause of 1000 seconds; None for none.

    Returns a weak reference to the graph.
    """
    with tf.Graph().as_default() as graph:
        step = tf.train.get_or_create_global_step()
        advance = tf.assign_add(step, steps_per_run)
        for name, value in tensors:
            tf.add_to_collection('monitor', (name, tf.constant(value)))
        scaffold = tf.train.Scaffold(init_op=tf.assign(step, start))
        hooks = [_Time(clock, steps_per_run * seconds_per_step), hook]
        with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold), hooks=hooks) as session:
            for number in range(runs):
                session.run(advance)
                if number + 1 == pause_after:
                    hook.pause(session._tf_sess())
                    clock.pass_by(1000)
                    hook.resume(session._tf_sess())
    return weakref.ref(graph)


class _Time(tf.train.SessionRunHook):
    def __init__(self, clock, seconds):
        self._clock, self._seconds = clock, seconds

    def after_run(self, run_context, run_values):
        """The run is over, that much later."""
        self._clock.pass_by(self._seconds)
