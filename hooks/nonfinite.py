"""A loss that is no number ends training, and says which part of it."""
import math

from blitznet_estimator.errors import NonFiniteLoss
from blitznet_estimator.monitor import monitored
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf
from hooks.base import StepHook


class NonFiniteHook(StepHook):
    """Stops training with a NonFiniteLoss at the first loss that is infinite or not a number, and names the parts that are.

    It comes before the hook that saves, so that what such a step made of the weights is never saved.

    A step that loss scaling skipped is none: where float16 has infinities, an overflow in the forward pass is seen in the loss.
    """

    def __init__(self, tensors=None):
        """tensors: {name: scalar}, all of them printed, those whose name begins with `loss` judged; None takes `monitored`."""
        self._given = tensors
        self._tensors, self._applied, self._skipped = {}, None, 0

    def begin(self):
        """Find the losses."""
        super().begin()
        self._tensors = dict(monitored() if self._given is None else self._given)
        self._applied = next(iter(tf.get_collection(counted_optimizer.COLLECTION)), None)

    def after_create_session(self, session, coord):
        """How many steps were skipped before."""
        self._skipped = self._read_skipped(session)

    def before_run(self, run_context):
        """Ask for them, always: a device compiles a graph for each set of tensors that is asked for."""
        return tf.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context, run_values):
        """Judge them."""
        values = {name: float(value) for name, value in run_values.results.items()}
        bad = [name for name, value in values.items() if name.startswith('loss') and not math.isfinite(value)]
        if not bad:
            return
        before, self._skipped = self._skipped, self._read_skipped(run_context.session)
        if self._skipped > before:
            return  # an overflow, which changed no weight: OverflowHook judges how many are too many
        step = self.read_step(run_context.session)
        finite = _listed(values, [name for name in values if name not in bad])
        raise NonFiniteLoss('The loss is not finite near step %d: %s.%s'
                            % (step, _listed(values, bad), ' The other figures: %s.' % finite if finite else ''), step)

    def end(self, session):
        """Let go of the graph."""
        super().end(session)
        self._tensors, self._applied = {}, None

    def _read_skipped(self, session):
        if self._applied is None:
            return 0
        step, applied = session.run([self.step_tensor, self._applied])
        return int(step - applied)


def _listed(values, names):
    return ', '.join('%s = %g' % (name, values[name]) for name in sorted(names))
