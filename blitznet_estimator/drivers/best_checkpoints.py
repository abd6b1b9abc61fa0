"""The folder `best` in a model's folder: the checkpoints with the highest metric, kept when the Estimator removes its own.

They hold the model without what the optimizer keeps, which is half of a checkpoint and more; of a training with --ema_decay they hold the
averages of the weights, under the weights' own names. Training resumes from its own checkpoints.
best.json lists them, the best first. The model's config.json lies beside them, so that the folder can be moved. The folder, or the word
best, can be given as --checkpoint_path.
"""
import glob
import os

from blitznet_estimator import averaged_weights, checkpoint_variables, files, saved_config
from blitznet_estimator.drivers import metrics_table
from blitznet_estimator.drivers.checkpoints import BEST, BEST_INDEX, best_index
from blitznet_estimator.evaluation.metrics import BEST_METRICS
from blitznet_estimator.host_session import host_session
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf


def keep(config, checkpoint, result):
    """Take an evaluated checkpoint (its path) in if it is one of the config.run.keep_best best, and drop what is not any more.

    Only the model's own checkpoints count, evaluated on the split and with the settings of training. Those kept are ranked by their
    rows in metrics.csv.
    """
    run, index = config.run, best_index(config.run.model_dir)
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


def ranked(rows, metric):
    """The rows of metrics.csv that have a metric, the highest first, of equal ones the earliest step."""
    return sorted((row for row in rows if row.get(metric)), key=lambda row: (-float(row[metric]), int(row['global_step'])))


def _take(checkpoint, folder):
    """Write a checkpoint without the optimizer's variables; the index last, which makes it a checkpoint."""
    with files.unpublished(os.path.join(folder, os.path.basename(checkpoint))) as partial:
        os.mkdir(partial)
        _write_variables(checkpoint, os.path.join(partial, os.path.basename(checkpoint)))
        files.publish_entries(partial, folder, last='.index')


def _write_variables(checkpoint, target):
    reader = tf.train.load_checkpoint(checkpoint)
    stored = averaged_weights.of_the_model(checkpoint_variables.shapes(reader))
    names, types = sorted(stored), checkpoint_variables.types(reader)
    with tf.Graph().as_default(), host_session() as session:
        tensors = [tf.placeholder(types[stored[name]]) for name in names]
        save = tf.raw_ops.SaveV2(prefix=target, tensor_names=names, shape_and_slices=[''] * len(names), tensors=tensors)
        session.run(save, {tensor: reader.get_tensor(stored[name]) for tensor, name in zip(tensors, names)})


def _take_configuration(folder):
    source = os.path.join(folder, '..', saved_config.NAME)
    if os.path.isfile(source):
        files.copy(source, os.path.join(folder, saved_config.NAME))


def _write(folder, metric, kept):
    """List the checkpoints for people and for TensorFlow, whose latest is the best; then remove the others."""
    names = [row['checkpoint'] for row in kept]
    _take_configuration(folder)
    entries = [{'checkpoint': row['checkpoint'], 'global_step': int(row['global_step']), 'value': float(row[metric]), 'weights': row['weights']}
               for row in kept]
    files.write_json(os.path.join(folder, BEST_INDEX), {'metric': metric, 'checkpoints': entries})
    state = tf.train.generate_checkpoint_state_proto(os.path.abspath(folder), names[0], names[::-1])  # relative, so that it can be moved
    files.write_text(os.path.join(folder, 'checkpoint'), str(state))
    for path in glob.glob(os.path.join(glob.escape(folder), '*.ckpt-*')):
        if os.path.basename(path).rsplit('.', 1)[0] not in names:
            os.remove(path)
