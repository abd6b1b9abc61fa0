"""What the hooks of training share: the global step."""
from blitznet_estimator.runtime import tf


class StepHook(tf.train.SessionRunHook):
    """A hook that knows the global step. It finds the step when a phase begins, and lets go of it when the phase ends.

    A run of the session may advance the step by more than 1. One object may serve several phases, each with a graph of its own: a hook
    that keeps other tensors forgets them in `end` too, so that the graph's memory is free before the next phase begins.
    """

    step_tensor = None

    def begin(self):
        """Find the global step. Raises RuntimeError where the graph has none."""
        self.step_tensor = tf.train.get_global_step()
        if self.step_tensor is None:
            raise RuntimeError('%s: the graph has no global step.' % type(self).__name__)

    def read_step(self, session):
        """The global step now, in a session run of its own: in the same run as the training step it might be read before or after it."""
        return int(session.run(self.step_tensor))

    def pause(self, session):
        """Other work, such as an evaluation, comes before the next step."""

    def resume(self, session):
        """The other work is done: its time is no part of a step."""

    def end(self, session):
        """Let go of the graph."""
        self.step_tensor = None
