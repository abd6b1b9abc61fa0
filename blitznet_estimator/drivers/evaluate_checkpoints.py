"""Mode eval: the checkpoints that are asked for, each once, or each new one until training ends."""
import os
import time

from blitznet_estimator import checkpoint_path, memory, saved_config
from blitznet_estimator.drivers import checkpoints, metrics_file, metrics_table, prediction_files
from blitznet_estimator.evaluation.table import format_table
from blitznet_estimator.logs import log


def run(config, evaluate):
    """Evaluate what --watch, --checkpoints or --checkpoint_path says; returns the metrics of the last one.

    Args:
      evaluate: path of a checkpoint -> metrics, as drivers.evaluate.
    """
    if config.run.watch:
        return watch(config, evaluate)
    if not config.run.checkpoints:
        return once(config, checkpoints.find(config), evaluate, with_predictions=True)
    result = None
    for path in checkpoints.select(config.run.model_dir, config.run.checkpoints):
        result = once(config, path, evaluate)
        memory.release()
    return result


def once(config, checkpoint, evaluate, with_predictions=False):
    """The metrics of a checkpoint: those in metrics.csv where it has them all, else of an evaluation.

    with_predictions: evaluate also where the predictions of no evaluation are there.
    """
    step, run = checkpoints.step_of(checkpoint), config.run
    row = _evaluated(config, step, checkpoint, with_predictions)
    if row is None:
        with metrics_table.claimed(config, step, checkpoint):
            row = _evaluated(config, step, checkpoint, with_predictions)  # by another process, meanwhile
            if row is None:
                return evaluate(checkpoint)
    log.info('Step %d was evaluated before, at %s; --reevaluate does it again.', step, row['evaluated'])
    last = metrics_file.read(run.model_dir) or {}
    if (last.get('global_step'), last.get('settings')) == (step, row['settings']) and last.get('metrics') == list(run.metrics):
        print(format_table(last), flush=True)
        return last
    if with_predictions and last.get('global_step', step) != step:
        log.info('%s and %s/, for tools.report, are of step %d: with --reevaluate they become those of step %d.',
                 metrics_file.NAME, prediction_files.FOLDER, last['global_step'], step)
    found = {name: float(text) for name, text in row.items() if name not in metrics_table.FIRST and text}
    log.info(', '.join('%s %.6g' % pair for pair in found.items()))
    return dict(found, global_step=step, checkpoint=row['checkpoint'])


def _evaluated(config, step, checkpoint, with_predictions):
    """The row of metrics.csv that stands for an evaluation; None where one is needed."""
    run = config.run
    missing = with_predictions and run.write_predictions and not prediction_files.exist(run.model_dir)
    return None if run.reevaluate or missing else metrics_table.find(config, step, checkpoint)


def watch(config, evaluate, clock=time.monotonic, sleep=time.sleep):
    """Evaluate each checkpoint of model_dir that is there or appears, the earliest first, up to that of the last step of training.

    It ends before where config.run.watch_timeout seconds bring no checkpoint. Returns the metrics of the last one.
    """
    run, done, said, result, since = config.run, set(), set(), None, clock()
    while True:
        new = [(step, path) for step, path in checkpoints.present(run.model_dir) if step not in done and not _is_damaged(path, said)]
        for step, path in new:
            result = _once_if_there(config, path, evaluate) or result
            done.add(step)
            since = clock()
        if max(done, default=0) >= _last_step(config):
            return result
        if run.watch_timeout and clock() - since >= run.watch_timeout:
            log.warning('No checkpoint in %s for %g seconds: watching ends, after step %d.', run.model_dir, run.watch_timeout,
                        max(done, default=0))
            return result
        if not new:
            sleep(run.watch_poll)


def _is_damaged(checkpoint, said):
    """Whether a checkpoint is there and cannot be evaluated, which is said once: training may write it again. said: sentences so far."""
    problem = checkpoint_path.damage(checkpoint)
    if not problem or not os.path.exists(checkpoint + '.index'):
        return False
    if problem not in said:
        log.warning('Left out: %s.', problem)
        said.add(problem)
    return True


def _once_if_there(config, checkpoint, evaluate):
    """The metrics; None where training removed the checkpoint before it was read (--keep_checkpoint_max)."""
    try:
        return once(config, checkpoint, evaluate)
    except Exception:  # whatever a missing file makes of it
        if os.path.exists(checkpoint + '.index'):
            raise
        log.warning('%s was removed before it could be evaluated: a higher --keep_checkpoint_max in training leaves more time.', checkpoint)
        return None
    finally:
        memory.release()


def _last_step(config):
    """The last step of training, which a later start may have moved."""
    return (saved_config.read(config.run.model_dir) or config).train.train_steps
