"""Images per second, in TensorBoard."""
import time

from blitznet_estimator.runtime import tf
from hooks.base import StepHook

TAG = 'images_per_second'


class ThroughputHook(StepHook):
    """Reports the mean speed of every so many steps, from the global step. The first run of a phase, which starts up, does not count."""

    def __init__(self, batch_size, every, sink, clock=time.monotonic):
        """batch_size: images per step on all devices. every: steps. sink: called with (step, images per second)."""
        if min(batch_size, every) < 1:
            raise ValueError('batch_size=%s, every=%s' % (batch_size, every))
        self._batch_size, self._every, self._sink, self._clock = batch_size, every, sink, clock
        self._last = None

    def begin(self):
        """Find the global step."""
        super().begin()
        self._last = None

    def after_run(self, run_context, run_values):
        """Report, if that many steps have passed."""
        step, now = self.read_step(run_context.session), self._clock()
        if self._last is None:
            self._last = step, now
        elif step - self._last[0] >= self._every and now > self._last[1]:  # a coarse clock may stand still for a while
            steps, seconds = step - self._last[0], now - self._last[1]
            self._sink(step, self._batch_size * steps / seconds)
            self._last = step, now

    def resume(self, session):
        """Measure from the next step on."""
        self._last = None


class ScalarWriter:
    """A sink: writes a scalar beside the summaries of training in `folder`."""

    def __init__(self, folder, tag=TAG):
        self._folder, self._tag = folder, tag

    def __call__(self, step, value):
        """Add `value` at `step`. The writer of a folder is shared with Estimator's own hooks, so that one event file has all."""
        summary = tf.Summary(value=[tf.Summary.Value(tag=self._tag, simple_value=value)])
        tf.summary.FileWriterCache.get(self._folder).add_summary(summary, step)
