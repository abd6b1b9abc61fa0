"""Steps that loss scaling left out because a gradient overflowed: counted, reported, and too many of them stop the run."""
import collections

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf
from hooks.base import StepHook

ADVICE = ('The numbers leave the range of float16 whatever the loss scale: lower --learning_rate, begin with --warmup_step, or check the '
          'records (tools.prepare_data --verify). On the NPU, --npu_overflow_dump=all --npu_dump_path=DIR shows the operator, and '
          '--npu_mixlist keeps one in float32. --precision=fp32 does without.')


class OverflowHook(StepHook):
    """Compares the global step with the graph's counter of applied steps; does nothing where there is none.

    One object may serve several calls of Estimator.train: its window goes on.
    """

    def __init__(self, window=200, limit=.5, report=log.warning):
        """window: steps that are judged together. limit: share of them that may be skipped. report: (format, *values)."""
        if window < 1 or not 0 < limit <= 1:
            raise ValueError('window=%s and limit=%s' % (window, limit))
        self._window, self._limit, self._report = window, limit, report
        self._history = collections.deque()  # (step, skipped steps until then); the first is the window's begin
        self._applied = None

    def begin(self):
        """Find the two counters."""
        super().begin()
        self._applied = next(iter(tf.get_collection(counted_optimizer.COLLECTION)), None)

    def after_create_session(self, session, coord):
        """Where this session starts."""
        if self._applied is not None:
            step, skipped = self._read(session)
            if self._history and self._history[-1] != (step, skipped):
                self._history.clear()  # another run, or one that went back to a checkpoint
            self._history.append((step, skipped))

    def after_run(self, run_context, run_values):
        """Judge the steps since the last look. The counters are read in a run of their own: in the same one they might be a step apart."""
        if self._applied is None:
            return
        step, skipped = self._read(run_context.session)
        before = self._history[-1][1]
        self._history.append((step, skipped))
        while len(self._history) > 1 and self._history[1][0] <= step - self._window:
            self._history.popleft()
        if skipped > before:
            self._report('Gradients overflowed: %d steps skipped, %d of %d altogether.', skipped - before, skipped, step)
        self._stop_if_hopeless()

    def end(self, session):
        """Let go of the graph."""
        super().end(session)
        self._applied = None

    def _read(self, session):
        step, applied = session.run([self.step_tensor, self._applied])
        return int(step), int(step - applied)

    def _stop_if_hopeless(self):
        (first, skipped_first), (last, skipped_last) = self._history[0], self._history[-1]
        steps, skipped = last - first, skipped_last - skipped_first
        if steps >= self._window and skipped > self._limit * steps:
            raise UserError('Step %d: %d of the last %d steps were skipped, because gradients overflowed. %s'
                            % (last, skipped, steps, ADVICE))
