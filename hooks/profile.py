"""A profile of some training steps: which operations take the time."""
import collections
import os

from blitznet_estimator import files, text_table
from blitznet_estimator.runtime import tf
from hooks.base import StepHook

FOLDER = 'profile'
TABLE = 'operations.txt'
ROWS = 40  # of the table, for each device


class ProfileHook(StepHook):
    """Traces the session runs that begin at steps from `first` up to, but not with, `end`.

    Each writes timeline_<step>.json, for chrome://tracing or ui.perfetto.dev, into `profile` in the model's folder, and its costs into
    TensorBoard's graph; operations.txt there sums them up by kind of operation.
    """

    def __init__(self, model_dir, first, end):
        if not 0 <= first < end:
            raise ValueError('first=%s, end=%s' % (first, end))
        self._model_dir, self._first, self._end = model_dir, first, end
        self._at = self._began = None
        self._runs = 0
        self._times = collections.defaultdict(lambda: collections.defaultdict(list))  # [device][kind]: microseconds

    def after_create_session(self, session, coord):
        """Where this phase begins."""
        self._at = self._began = self.read_step(session)

    def before_run(self, run_context):
        """Ask for a trace where it is time."""
        if self._is_due():
            return tf.train.SessionRunArgs(None, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))
        return None

    def after_run(self, run_context, run_values):
        """Write the trace that was asked for."""
        if self._is_due():
            self._write(self._at, run_values.run_metadata)
        if self._at < self._end:
            self._at = self.read_step(run_context.session)

    def _is_due(self):
        """Whether the next run is traced. One is, where the steps of other processes pass over all of the range."""
        return self._first <= self._at and (self._at < self._end or not self._runs and self._began < self._end)

    def _write(self, step, metadata):
        folder = os.path.join(self._model_dir, FOLDER)
        from tensorflow.python.client import timeline  # not among the public names of either release
        trace = timeline.Timeline(metadata.step_stats).generate_chrome_trace_format()
        files.write_text(os.path.join(folder, 'timeline_%d.json' % step), trace)
        tf.summary.FileWriterCache.get(self._model_dir).add_run_metadata(metadata, 'step_%d' % step, step)
        self._runs += 1
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                self._times[device.device][_kind(node)].append(node.all_end_rel_micros)
        files.write_text(os.path.join(folder, TABLE), table(self._times, self._runs))


def _kind(node):
    """The kind of an operation, out of 'name = Kind(inputs)'; its name where it is said otherwise."""
    return node.timeline_label.partition(' = ')[2].partition('(')[0] or node.node_name


def table(times, runs):
    """Text: for each device the kinds of operations that took longest. times: {device: {kind: [microseconds]}} of all `runs`."""
    lines = []
    for device, kinds in sorted(times.items()):
        total = max(sum(map(sum, kinds.values())), 1)
        rows = []
        for kind in sorted(kinds, key=lambda kind: -sum(kinds[kind]))[:ROWS]:
            spent = sum(kinds[kind])
            rows.append((kind, '%.3f' % (spent / runs / 1e3), '%.1f%%' % (100. * spent / total), '%.1f' % (len(kinds[kind]) / runs)))
        lines += ['%s: %.1f ms of operations per run, over %d runs' % (device, total / runs / 1e3, runs),
                  text_table.table(('operation', 'ms per run', 'share', 'times'), rows), '']
    return '\n'.join(lines) + '\n'
