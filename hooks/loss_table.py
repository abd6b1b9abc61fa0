"""losses.csv in a model's folder: the loss, its parts and the learning rate while training, for spreadsheets and scripts."""
import csv
import io
import os
import re

from blitznet_estimator import files
from blitznet_estimator.csv_files import read_rows
from blitznet_estimator.monitor import monitored
from blitznet_estimator.runtime import tf
from hooks.base import StepHook

NAME = 'losses.csv'
STEP = 'global_step'


class LossTableHook(StepHook):
    """Adds a row of every scalar that model_fn publishes, every so many steps, and at each step that is evaluated.

    A training that goes back to an earlier checkpoint drops the rows beyond it, and does those steps again.
    """

    def __init__(self, model_dir, every):
        if every < 1:
            raise ValueError('every=%s' % every)
        self._path, self._every = os.path.join(model_dir, NAME), every
        self._tensors, self._last, self._next, self._columns = {}, None, 0, None
        self._written = 0  # step of the last row

    def begin(self):
        """Find the scalars."""
        super().begin()
        self._tensors = monitored()

    def after_create_session(self, session, coord):
        """Where this phase begins."""
        step = self.read_step(session)
        self._next, self._last = self._after(step), None
        if self._columns is None or step < self._written:
            self._open(step)

    def before_run(self, run_context):
        """Ask for them, always: a device compiles a graph for each set of tensors that is asked for."""
        return tf.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context, run_values):
        """Add a row, where one is due."""
        step = self.read_step(run_context.session)
        self._last = step, run_values.results
        if step >= self._next:
            self._add()
            self._next = self._after(step)

    def pause(self, session):
        """Add the step that is evaluated, where it has no row."""
        self._add()

    def end(self, session):
        """Add the last step, where it has no row."""
        self._add()
        super().end(session)
        self._tensors = {}

    def _after(self, step):
        return (step // self._every + 1) * self._every

    def _open(self, step):
        """Write the heading, and the rows of earlier starts up to `step`."""
        rows = [row for row in read(self._path) if int(row[STEP]) <= step]
        self._columns = list(dict.fromkeys([STEP] + sorted(self._tensors) + [name for row in rows for name in row]))
        files.write_text(self._path, _text([self._columns] + [[row.get(name, '') for name in self._columns] for row in rows]))

    def _add(self):
        if self._last is None:
            return
        (step, values), self._last = self._last, None
        self._written = step
        row = dict({name: '%.6g' % value for name, value in values.items()}, **{STEP: str(step)})
        with open(self._path, 'a', newline='', encoding='utf-8') as file:
            file.write(_text([[row.get(name, '') for name in self._columns]]))


def read(path):
    """The rows of such a file, {column: text}; none where there is no file. A last line that was cut is left out."""
    return [row for row in read_rows(path) if None not in row.values() and re.match(r'[0-9]{1,18}$', row.get(STEP, ''))]


def _text(rows):
    text = io.StringIO(newline='')
    csv.writer(text, lineterminator='\n').writerows(rows)
    return text.getvalue()
