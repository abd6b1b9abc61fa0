"""The metrics of a run over its steps: scalars of TensorBoard's event files, and metrics.csv."""
import collections
import glob
import os

import numpy as np
from google.protobuf.message import DecodeError

from blitznet_estimator import json_files
from blitznet_estimator.csv_files import read_rows
from blitznet_estimator.drivers import event_files, metrics_table
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from hooks import run_summary, throughput
from input_fn.datasets.tfrecord import read_records

PREFIXES = event_files.METRICS, event_files.DETAILS  # of an evaluation's values in TensorBoard; here they are called as in metrics.csv
MAX_POINTS = 1000  # of a curve; more are thinned evenly


def read_history(model_dir, settings=None):
    """{name: [(step, value), ...]} of every scalar in the event files below a model directory, and of metrics.csv in it; by step.

    Evaluations with another split or other settings than training's (`results.settings`) are left out.
    """
    history = collections.defaultdict(dict)
    for path in sorted(glob.glob(os.path.join(glob.escape(model_dir), '**', 'events.out.tfevents.*'), recursive=True)):
        if os.path.basename(os.path.dirname(path)).startswith(event_files.FOLDER + '-'):
            continue
        for name, step, value in read_scalars(path):
            history[_plain(name)][step] = value
    for name, step, value in read_csv(os.path.join(model_dir, 'metrics.csv'), settings):
        history[name][step] = value
    return {name: _thinned(sorted(values.items())) for name, values in history.items()}


def training_speed(model_dir, history):
    """Images per second of training: the median of the history, or what the last run measured as a whole; None where nothing says."""
    if throughput.TAG in history:
        values = sorted(value for _, value in history[throughput.TAG])
        return values[len(values) // 2]
    summary = json_files.read_own(os.path.join(model_dir, run_summary.NAME))
    return summary.get('images_per_second') if isinstance(summary, dict) else None


def _plain(name):
    """A scalar's name without the prefix that only TensorBoard needs."""
    return next((name[len(prefix):] for prefix in PREFIXES if name.startswith(prefix)), name)


def read_scalars(path):
    """Yield (tag, step, value) of an event file; a record cut short, as a killed run leaves one, or one of another kind ends it."""
    for event in _events(path):
        for value in event.summary.value:
            number = _number(value)
            if number is not None:
                yield value.tag, event.step, number


def _events(path):
    try:
        for record in read_records(path):
            yield tf.Event.FromString(record)
    except (UserError, DecodeError):
        return


def _number(value):
    """The scalar of a summary's value, in either of the forms that TensorFlow writes; None for pictures, histograms and texts."""
    if value.HasField('simple_value'):
        return value.simple_value
    tensor = value.tensor
    if not value.HasField('tensor') or tensor.dtype != tf.float32.as_datatype_enum or tensor.tensor_shape.dim:
        return None
    found = np.frombuffer(tensor.tensor_content, '<f4') if len(tensor.tensor_content) == 4 else tensor.float_val
    return float(found[0]) if len(found) == 1 else None


def read_csv(path, settings=None):
    """Yield (column, global_step, value) of the numbers in a metrics.csv, in the rows of `settings`, or else of those most frequent in it."""
    rows = read_rows(path)
    counts = collections.Counter(row.get('settings') for row in rows)
    wanted = settings if settings in counts else max(counts, key=counts.get, default=None)
    for row in rows:
        step, own = row.pop('global_step', None), row.pop('settings', None)
        for name, text in row.items() if own == wanted else ():
            if name in metrics_table.FIRST:  # what was evaluated; a digest of hexadecimal digits may read as a number
                continue
            try:
                yield name, int(step), float(text)
            except (TypeError, ValueError):  # an empty cell, or a text such as the checkpoint's name
                continue


def _thinned(points):
    stride = -(-len(points) // MAX_POINTS)
    return points[::stride] if stride > 1 else points
