"""A signal that asks training to stop is answered at the end of the running step."""
from hooks.base import StepHook


class StopHook(StepHook):
    """Ends a phase of training after the session run in which a signal came. The last checkpoint is then saved as always."""

    def __init__(self, request):
        """request: a StopRequest. It raises for itself while a phase is still built, since then there is nothing to save."""
        self._request = request

    def after_create_session(self, session, coord):
        """From the first step on there is something to save. The driver says when that is over."""
        self._request.defer()

    def after_run(self, run_context, run_values):
        """Ask for the end."""
        if self._request.number is not None:
            run_context.request_stop()
