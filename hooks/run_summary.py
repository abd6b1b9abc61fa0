"""What a training run measured, as run_summary.json in the model's folder, for scripts that report a run."""
import os
import statistics
import time

from blitznet_estimator import files
from blitznet_estimator.monitor import monitored
from blitznet_estimator.runtime import tf
from hooks.base import StepHook

NAME = 'run_summary.json'


class RunSummaryHook(StepHook):
    """Times the session runs of all phases of training, and writes a summary when it is closed.

    The first run of a phase, in which the graph is compiled and the pipeline starts, does not count for the speed.
    """

    def __init__(self, model_dir, batch_size, workers=1, clock=time.monotonic):
        """batch_size: images per step on each of the `workers`."""
        self._path, self._clock = os.path.join(model_dir, NAME), clock
        self._batch_size, self._workers = batch_size, workers
        self._start, self._first, self._last, self._loss = clock(), None, None, None
        self._step_seconds = []  # of each session run but the first of a phase: seconds per step
        self._loss_tensor = self._before = None

    def begin(self):
        """Find the global step and the loss."""
        super().begin()
        self._loss_tensor, self._before = monitored().get('loss'), None

    def after_create_session(self, session, coord):
        """Where this phase begins."""
        step = self.read_step(session)
        self._first = step if self._first is None else self._first

    def before_run(self, run_context):
        """Ask for the loss, always: a device compiles a graph for each set of tensors that is asked for."""
        return None if self._loss_tensor is None else tf.train.SessionRunArgs(self._loss_tensor)

    def after_run(self, run_context, run_values):
        """Time this run."""
        now, step = self._clock(), self.read_step(run_context.session)
        if self._before is not None and step > self._before[0]:
            self._step_seconds.append((now - self._before[1]) / (step - self._before[0]))
        self._before, self._last = (step, now), step
        self._loss = None if run_values.results is None else float(run_values.results)

    def resume(self, session):
        """The next step is timed from its own end on."""
        self._before = None

    def end(self, session):
        """Let go of the graph."""
        super().end(session)
        self._loss_tensor = None

    def close(self):
        """Write the summary, where anything was trained."""
        if self._last is not None:
            files.write_json(self._path, self.summary())

    def summary(self):
        """first_step, last_step, step_seconds (median), images_per_second, loss, batch_size, workers, and the seconds of all together."""
        step_seconds = statistics.median(self._step_seconds) if self._step_seconds else None
        images = self._batch_size * self._workers
        return {'first_step': self._first, 'last_step': self._last, 'step_seconds': step_seconds, 'loss': self._loss,
                'images_per_second': images / step_seconds if step_seconds else None,
                'batch_size': self._batch_size, 'workers': self._workers, 'seconds': self._clock() - self._start}
