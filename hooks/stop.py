"""A signal that asks training to stop is answered at the end of the running step."""
import signal

from blitznet_estimator import replicas
from blitznet_estimator.runtime import tf
from hooks.base import StepHook


class StopHook(StepHook):
    """Ends a phase of training after the session run in which a signal came. The last checkpoint is then saved as always.

    Of several processes that train together all end after the same step, whichever of them got the signal.
    """

    _flag = _agreed = None

    def __init__(self, request):
        """request: a StopRequest. It raises for itself while a phase is still built, since then there is nothing to save."""
        self._request = request

    def begin(self):
        """Find the vote of the processes, where there are several."""
        super().begin()
        self._flag, self._agreed = next(iter(tf.get_collection(replicas.STOP)), (None, None))

    def after_create_session(self, session, coord):
        """From the first step on there is something to save. The driver says when that is over."""
        self._request.defer()

    def before_run(self, run_context):
        """Vote, at every step."""
        if self._agreed is None:
            return None
        return tf.train.SessionRunArgs(self._agreed, {self._flag: float(self._request.number is not None)})

    def after_run(self, run_context, run_values):
        """Ask for the end."""
        if self._agreed is not None and run_values.results > 0 and self._request.number is None:
            self._request.number = signal.SIGTERM  # that another process got
        if self._request.number is not None and (self._agreed is None or run_values.results > 0):
            run_context.request_stop()

    def end(self, session):
        """Let go of the graph."""
        super().end(session)
        self._flag = self._agreed = None
