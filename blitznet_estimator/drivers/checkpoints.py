"""Checkpoints of a model: which there are, of which step, and which one a mode takes."""
import glob
import os
import re

from blitznet_estimator import checkpoint_path, checkpoint_selection, json_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from blitznet_estimator.saved_config import BEST

BEST_INDEX = 'best.json'  # in that folder: the metric, and its value for each checkpoint, the best first
TAKE_BEST = 'predict', 'export'  # modes that take the best checkpoint where none is asked for


def latest_step(model_dir):
    """Global step of the latest checkpoint in `model_dir`; 0 where there is none."""
    path = checkpoint_path.latest(model_dir)
    return step_of(path) if path else 0


def step_of(path):
    """Global step that a checkpoint holds; 0 for one without (converted weights)."""
    reader = tf.train.load_checkpoint(path)
    return int(reader.get_tensor('global_step')) if reader.has_tensor('global_step') else 0


def find(config):
    """Path of the checkpoint to use: config.run.checkpoint_path, else the best or the latest in model_dir, as the mode has it.

    config.run.checkpoint_path is `best`, `latest`, or any form of `checkpoint_path.find`. All modes but training say what they use, and why.

    Raises UserError where there is none.
    """
    run = config.run
    path, why = _choose(run, os.path.join(run.model_dir, BEST))
    if run.mode != 'train':
        log.info('Using %s%s', path, why and ', ' + why)
    return path


def _choose(run, best):
    """(path, what it is) of the checkpoint to use. best: the folder of the best ones."""
    if run.checkpoint_path == BEST and not checkpoint_path.latest(best):
        raise UserError('--checkpoint_path=best: there is no checkpoint in %s, where evaluations keep the best (--keep_best): evaluate first '
                        '(--mode=eval), or leave the flag out.' % best)
    if run.checkpoint_path == BEST or not run.checkpoint_path and run.mode in TAKE_BEST and checkpoint_path.latest(best):
        return checkpoint_path.find(best, '--model_dir'), _rank(run.model_dir)
    if run.checkpoint_path not in ('', 'latest'):
        return checkpoint_path.find(run.checkpoint_path, '--checkpoint_path'), 'as --checkpoint_path says'
    if not checkpoint_path.latest(run.model_dir):
        raise UserError('There is no checkpoint in %s: train first (--mode=train), or name another --model_dir or --checkpoint_path.'
                        % run.model_dir)
    return checkpoint_path.find(run.model_dir, '--model_dir'), 'the latest'


def _rank(model_dir):
    """What makes the best checkpoint of a model the best."""
    index = best_index(model_dir)
    value = index['checkpoints'][0]['value'] if index['checkpoints'] else None
    return 'the best' + (' by %s, %.4g' % (index['metric'], value) if value is not None else '')


def best_index(model_dir, folder=BEST):
    """What best.json says: {'metric', 'checkpoints': [{'checkpoint', 'global_step', 'value', 'weights'}], the best first}.

    Nothing where it is damaged, with a warning.
    weights: the digest in metrics.csv. folder: where best.json is in model_dir.
    """
    path = os.path.join(model_dir, folder, BEST_INDEX)
    index = json_files.read_own(path)
    try:
        if index is None or isinstance(index['metric'], str) and all(_is_entry(entry) for entry in index['checkpoints']):
            return index or {'metric': '', 'checkpoints': []}
    except (KeyError, TypeError, AttributeError):
        pass
    json_files.leave_out(path, 'list of the best checkpoints')
    return {'metric': '', 'checkpoints': []}


def _is_entry(entry):
    """Whether an entry of best.json is as `best_index` says."""
    return (isinstance(entry['checkpoint'], str) and isinstance(entry.get('global_step', 0), int) and isinstance(entry.get('weights', ''), str)
            and isinstance(entry.get('value', 0), (int, float)))


def present(model_dir):
    """[(step, path)] of the checkpoints in `model_dir`, by step, whole or not. The list that TensorFlow keeps of them may be damaged."""
    return [(_named_step(path), path) for path in checkpoint_path.present(model_dir)]


def every(model_dir):
    """{step: path} of all checkpoints in `model_dir`, listed or not, and of those in its `best` that are no more in it."""
    found = {}
    for folder in (os.path.join(model_dir, BEST), model_dir):
        for path in glob.glob(os.path.join(glob.escape(folder), '*.ckpt-*.index')):
            found[_named_step(path[:-len('.index')])] = path[:-len('.index')]
    return found


def select(model_dir, text):
    """Paths of the checkpoints that --checkpoints=`text` selects, the earliest first; a warning for steps that are not there or damaged.

    Raises UserError where none is there and whole.
    """
    found = every(model_dir)
    chosen, missing = checkpoint_selection.select(text, found)
    there = ', '.join(map(str, sorted(found))) or 'none'
    if not chosen:
        raise UserError('--checkpoints=%s: %s has none of these. Its checkpoints: %s.' % (text, model_dir, there))
    if missing:
        log.warning('%s has no checkpoint of step %s. Its checkpoints: %s.', model_dir, ', '.join(map(str, missing)), there)
    problems = [checkpoint_path.damage(found[step]) for step in chosen]
    if all(problems):
        raise UserError('--checkpoints=%s: %s. Name others.' % (text, problems[-1]))
    for problem in filter(None, problems):
        log.warning('Left out: %s.', problem)
    return [found[step] for step, problem in zip(chosen, problems) if not problem]


def _named_step(path):
    """The step in a checkpoint's name; 0 where it holds none."""
    found = re.search(r'-(\d+)$', path)
    return int(found.group(1)) if found else 0
