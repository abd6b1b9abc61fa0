"""What the hooks of training share: the global step, and the scalars that model_fn publishes for them."""
import collections

from blitznet_estimator.runtime import tf

COLLECTION = 'monitor'  # of the graph; holds (name, scalar tensor) pairs


def monitored():
    """{name: scalar tensor} of the current graph; `loss` is the total. Of several devices, each with its own batch, their mean."""
    published = collections.defaultdict(list)
    for name, tensor in tf.get_collection(COLLECTION):
        published[name].append(tensor)
    return {name: tensors[0] if len(tensors) == 1 else tf.add_n(tensors) / len(tensors) for name, tensors in published.items()}


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

    def end(self, session):
        """Let go of the graph."""
        self.step_tensor = None
