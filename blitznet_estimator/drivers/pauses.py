"""Evaluations between two steps of a training whose session stays open, so that its graph is built once."""
from blitznet_estimator.platforms import checkpoint_hook


class EvaluationPauses(checkpoint_hook.Pauses):
    """An evaluation at each multiple of `every` steps but the last step, which is evaluated when the session is closed."""

    def __init__(self, every, total, hooks, stop, evaluate):
        """Args:
          every: steps; 0 for no pause.
          total: the last step of training.
          hooks: of training. Those with `pause` and `resume` are told, as `hooks.base.StepHook` says.
          stop: the StopRequest, which a signal ends at once in a pause: all is saved.
          evaluate: step -> whether training ends there.
        """
        self._every, self._total, self._hooks, self._stop, self._evaluate = every, total, hooks, stop, evaluate
        self.has_ended = False  # by an evaluation

    def is_due(self, before, step):
        """As Pauses."""
        return bool(self._every) and step < self._total and step // self._every > before // self._every

    def run(self, session, step):
        """As Pauses."""
        tell(self._hooks, 'pause', session)
        self._stop.release()
        self.has_ended = self._evaluate(step)
        self._stop.defer()
        tell(self._hooks, 'resume', session)
        return self.has_ended


def tell(hooks, name, *values):
    """Call the method `name` of each hook that has it."""
    for hook in hooks:
        getattr(hook, name, lambda *_: None)(*values)
