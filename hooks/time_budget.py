"""A training that has had its time ends with the running step."""
from blitznet_estimator.runtime import tf


class TimeBudgetHook(tf.train.SessionRunHook):
    """Ends a phase of training after the session run in which a TimeBudget was spent. The last checkpoint is then saved as always."""

    def __init__(self, budget):
        self._budget = budget

    def after_run(self, run_context, run_values):
        """Ask for the end."""
        if self._budget.is_spent():
            run_context.request_stop()
