"""A progress bar over the whole training, with the loss and images/s."""
import time

from blitznet_estimator.monitor import monitored
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from hooks.base import StepHook

LOOK_EVERY = .1  # seconds: reading the global step takes a session run


class ProgressHook(StepHook):
    """Shows the global step out of `total`; right whatever number of steps a run makes. One object sees several phases of training."""

    def __init__(self, total, batch_size, every=1, enabled=True, tensors=None, make_progress=Progress, clock=time.monotonic):
        """batch_size: images per step on all devices. every: steps between two looks. tensors: {name: scalar}; None takes `monitored`."""
        if min(total, batch_size, every) < 1:
            raise ValueError('total=%s, batch_size=%s, every=%s' % (total, batch_size, every))
        self._total, self._images, self._every, self._enabled, self._tensors = total, batch_size, every, enabled, tensors
        self._make_progress, self._clock = make_progress, clock
        self._progress = self._loss = None
        self._next, self._last_look = 0, float('-inf')

    def begin(self):
        """Find the global step and the loss."""
        super().begin()
        self._loss = (monitored() if self._tensors is None else self._tensors).get('loss')

    def after_create_session(self, session, coord):
        """Begin a bar where this phase begins."""
        self._open(session)
        self._progress.say('first step')

    def before_run(self, run_context):
        """Ask for the loss, always: a device compiles a graph for each set of tensors that is asked for."""
        return None if self._loss is None else tf.train.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        """Show where it is."""
        now = self._clock()
        if now - self._last_look < LOOK_EVERY:
            return
        step = self.read_step(run_context.session)
        if step >= self._next:
            self._next, self._last_look = step + self._every, now
            self._progress.show(min(step, self._total), '' if self._loss is None else 'loss %.3f' % run_values.results)

    def pause(self, session):
        """Show the last step, which may have come too soon after a look, and leave the place to another bar."""
        step = min(self.read_step(session), self._total)  # processes that make steps of their own may pass it
        if step > self._progress.count:
            self._progress.show(step)
        self.close()

    def resume(self, session):
        """Go on from there."""
        self._open(session)

    def end(self, session):
        """Show the last step, and let go of the graph."""
        self.pause(session)
        super().end(session)
        self._loss = None

    def _open(self, session):
        step = self.read_step(session)
        self._next = step + self._every
        self.close()  # of a phase that ended by an error
        self._progress = self._make_progress('Training', self._total, initial=step, images=self._images, enabled=self._enabled)

    def close(self):
        """Take the bar away, also after an error."""
        if self._progress is not None:
            self._progress.close()
