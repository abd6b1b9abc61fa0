"""The folder `best` in a model's folder: the checkpoints with the highest metric, kept when the Estimator removes its own.

Their data are links to the same files where the file system has links, else copies. best.json lists them, the best first; the folder
itself can be given as --checkpoint_path, which takes the best.
"""
import glob
import json
import os

from blitznet_estimator import files
from blitznet_estimator.drivers import metrics_table
from blitznet_estimator.drivers.checkpoints import BEST
from blitznet_estimator.evaluation.metrics import BEST_METRICS
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf

INDEX = 'best.json'


def keep(config, checkpoint, result):
    """Take an evaluated checkpoint (its path) in if it is one of the config.run.keep_best best, and drop what is not any more.

    Only the model's own checkpoints count, evaluated on the split and with the settings of training. Those kept are ranked by their
    rows in metrics.csv.
    """
    run, index = config.run, read(config.run.model_dir)
    metric = run.best_metric or index['metric'] or next((name for name in BEST_METRICS if result.get(name) is not None), None)
    folder, name = os.path.join(run.model_dir, BEST), os.path.basename(checkpoint)
    is_own = metrics_table.is_own(config) and metrics_table.name_of(checkpoint, run.model_dir) == name
    if not run.keep_best or not metric or not is_own:
        return
    if not os.path.exists(checkpoint + '.index'):
        return log.warning('%s was removed while it was evaluated: it cannot be kept among the best; let training keep more '
                           '(--keep_checkpoint_max).', name)
    known = {entry['checkpoint'] for entry in index['checkpoints']} | {name}
    rows = [row for row in metrics_table.read(run.model_dir) if row['settings'] == metrics_table.settings(config) and row['checkpoint'] in known]
    kept = ranked(rows, metric)[:run.keep_best]
    if any(row['checkpoint'] == name for row in kept):
        _take(checkpoint, folder)
        log.info('%s is among the %d best by %s, in %s', name, run.keep_best, metric, folder)
    if kept:
        _write(folder, metric, kept)


def read(model_dir):
    """What best.json says: {'metric', 'checkpoints': [{'checkpoint', 'global_step', 'value'}], the best first}."""
    try:
        with open(os.path.join(model_dir, BEST, INDEX), encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError):
        return {'metric': '', 'checkpoints': []}


def ranked(rows, metric):
    """The rows of metrics.csv that have a metric, the highest first, of equal ones the earliest step."""
    return sorted((row for row in rows if row.get(metric)), key=lambda row: (-float(row[metric]), int(row['global_step'])))


def _take(checkpoint, folder):
    """Link or copy a checkpoint's files; the index last, which makes it a checkpoint."""
    os.makedirs(folder, exist_ok=True)
    for path in sorted(glob.glob(glob.escape(checkpoint) + '.*'), key=lambda path: path.endswith('.index')):
        target = os.path.join(folder, os.path.basename(path))
        if os.path.exists(target) and os.path.samefile(path, target):
            continue
        # Data alone may be linked: TensorFlow replaces their files, but writes an index again in place.
        files.copy(path, target, link='.data-' in os.path.basename(path))


def _write(folder, metric, kept):
    """List the checkpoints for people and for TensorFlow, whose latest is the best; then remove the others."""
    names = [row['checkpoint'] for row in kept]
    entries = [{'checkpoint': row['checkpoint'], 'global_step': int(row['global_step']), 'value': float(row[metric])} for row in kept]
    files.write_json(os.path.join(folder, INDEX), {'metric': metric, 'checkpoints': entries})
    state = tf.train.generate_checkpoint_state_proto(os.path.abspath(folder), names[0], names[::-1])  # relative, so that it can be moved
    files.write_text(os.path.join(folder, 'checkpoint'), str(state))
    for path in glob.glob(os.path.join(glob.escape(folder), '*.ckpt-*')):
        if os.path.basename(path).rsplit('.', 1)[0] not in names:
            os.remove(path)
