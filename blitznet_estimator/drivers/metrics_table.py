"""metrics.csv in a model's folder: a row for each checkpoint that was evaluated, and for each setting that it was evaluated with.

The first columns say what was evaluated: global_step, checkpoint, weights (a digest of them), dataset, split, settings (a digest of the
data and of the detections' settings: rows with the same one can be compared), metrics, evaluated (UTC). The others are metrics; what is
not known is empty.
"""
import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import re
import time

from blitznet_estimator import files, saved_config
from blitznet_estimator.csv_files import read_rows
from blitznet_estimator.drivers.checkpoints import BEST, best_index
from blitznet_estimator.logs import log, warn_once

NAME = 'metrics.csv'
FIRST = ('global_step', 'checkpoint', 'weights', 'dataset', 'split', 'settings', 'metrics', 'evaluated')
_KEY = ('global_step', 'checkpoint', 'settings')
_DATA = ('dataset', 'data_dir', 'eval_split', 'eval_files', 'class_file', 'on_bad_record')  # that the metrics depend on
_OF_SOFT_NMS = ('nms', 'soft_nms_sigma')


def settings(config):
    """Digest of what a checkpoint's metrics depend on beside the checkpoint."""
    fields = {name: getattr(config.data, name) for name in _DATA}
    for name in ('eval_limit', 'tta'):
        if getattr(config.run, name):
            fields[name] = getattr(config.run, name)
    detection = dataclasses.asdict(config.detection)
    for name in _OF_SOFT_NMS if config.detection.nms == 'hard' else ():
        del detection[name]  # so that rows from before there was Soft-NMS stay comparable
    return _digest(json.dumps([fields, detection], sort_keys=True).encode('utf-8'))


def weights(checkpoint):
    """Digest of a checkpoint's content, out of its index, which holds a checksum of each variable. The old format is one file without one.

    One of the folder `best` lacks the optimizer's variables. It has the digest of the checkpoint that it is of, which best.json holds.
    """
    for entry in best_index(os.path.dirname(os.path.abspath(checkpoint)), folder='')['checkpoints']:
        if entry['checkpoint'] == os.path.basename(checkpoint) and entry.get('weights'):
            return entry['weights']
    index = checkpoint + '.index'
    with open(index if os.path.exists(index) else checkpoint, 'rb') as file:
        return _digest(file.read())


def _digest(data):
    return hashlib.sha1(data).hexdigest()[:8]


def is_own(config):
    """Whether an evaluation is that of the model's training: on its split, with its settings."""
    saved = saved_config.read(config.run.model_dir)
    return saved is None or settings(saved) == settings(config)


def name_of(checkpoint, model_dir):
    """A checkpoint's name in the table: its file name where it is the model's own, else its path."""
    own = [os.path.abspath(os.path.join(model_dir, folder)) for folder in ('', BEST)]
    checkpoint = os.path.abspath(checkpoint)
    return os.path.basename(checkpoint) if os.path.dirname(checkpoint) in own else checkpoint


def total_metrics(result):
    """{column: number or None} of an evaluation's result: the metrics of the whole split; COCO's twelve as coco/AP, ..."""
    columns = {'coco/%s' % name: value for name, value in result.get('coco', {}).items()}
    columns.update((name, value) for name, value in result.items() if name not in FIRST and not isinstance(value, dict))
    return columns


def read(model_dir):
    """The rows, {column: text}; none where there is no file. What is no row of this table is left out, and so is a metric that is no number."""
    path = os.path.join(model_dir, NAME)
    rows = [{name: text if name in FIRST or _is_number(text) else '' for name, text in row.items()} for row in read_rows(path)]
    whole = [row for row in rows if all(row.get(name) is not None for name in FIRST) and re.match(r'[0-9]{1,18}$', row['global_step'])]
    if len(whole) < len(rows):
        warn_once('%s: %d of its %d rows are damaged, and left out.' % (path, len(rows) - len(whole), len(rows)))
    return whole


def _is_number(text):
    try:
        return math.isfinite(float(text))
    except (TypeError, ValueError):
        return False


def find(config, step, checkpoint):
    """The row of a checkpoint (its path) at `step`, with these settings, if it has all of config.run.metrics; else None."""
    row = _row(read(config.run.model_dir), config, step, checkpoint, weights(checkpoint))
    return row if row and set(config.run.metrics) <= set(row['metrics'].split()) else None


def claimed(config, step, checkpoint):
    """A `with` block of the process that evaluates a checkpoint (its path) with these settings; another one waits before it.

    Whoever comes to it looks again, inside, whether there is a row now. So no two processes that share a model's folder evaluate the same.
    """
    key = '%s, settings %s' % (name_of(checkpoint, config.run.model_dir), settings(config))
    return files.claimed(config.run.model_dir, key, lambda: log.info(
        'Step %d is being evaluated by another process: waiting for its metrics.', step))


def add(config, checkpoint, result, digest=None):
    """Add an evaluation's result, as metrics.json has it. It keeps the other metrics of an earlier evaluation of the same.

    `digest` is that of the checkpoint's weights, taken while it was there: training may have removed it since.
    The table is read and written whole: where other processes may add to it, inside `files.locked(config.run.model_dir)`.
    """
    rows, step = read(config.run.model_dir), result['global_step']
    digest = digest or weights(checkpoint)
    before = _row(rows, config, step, checkpoint, digest) or {}
    names = ' '.join(dict.fromkeys(before.get('metrics', '').split() + list(config.run.metrics)))
    row = dict(before, global_step=str(step), checkpoint=name_of(checkpoint, config.run.model_dir), weights=digest,
               dataset=config.data.dataset, split=result.get('split', ''), settings=settings(config), metrics=names,
               evaluated=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))
    row.update((name, '' if value is None else '%.6g' % value) for name, value in total_metrics(result).items())
    rows = [other for other in rows if any(other[name] != row[name] for name in _KEY)]
    _write(config.run.model_dir, sorted(rows + [row], key=lambda one: (one['settings'], int(one['global_step']))))


def _row(rows, config, step, checkpoint, digest):
    """The row of a checkpoint with these settings; None where there is none, or it is of another training's checkpoint of that name."""
    wanted = dict(global_step=str(step), checkpoint=name_of(checkpoint, config.run.model_dir), settings=settings(config),
                  weights=digest)
    return next((row for row in rows if all(row[name] == value for name, value in wanted.items())), None)


def _write(model_dir, rows):
    columns = list(FIRST) + sorted({name for row in rows for name in row} - set(FIRST))
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, columns, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    files.write_text(os.path.join(model_dir, NAME), text.getvalue())
