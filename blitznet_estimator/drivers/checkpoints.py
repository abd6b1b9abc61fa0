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
    """What best.json says, or nothing where damaged: {'metric', 'checkpoints': [{'checkpoint', 'global_step', 'value', 'weights'}], the best first}.

    weights: the digest in metrics.csv. folder: where best.json is in model_dir.
    """
    index = json_files.read_own(os.path.join(model_dir, folder, BEST_INDEX))
    try:
        if isinstance(index['metric'], str) and all(_is_entry(entry) for entry in index['checkpoints']):
            return index
    except (KeyError, TypeError, AttributeError):
        pass
    return {'metric': '', 'checkpoints': []}


def _is_entry(entry):
    """Whether an entry of best.json is as `best_index` says."""
    return (isinstance(entry['checkpoint'], str) and isinstance(entry.get('global_step', 0), int) and isinstance(entry.get('weights', ''), str)
            and isinstance(entry.get('value', 0), (int, float)))


def listed(model_dir):
    """[(step, path)] of the checkpoints that TensorFlow lists in `model_dir` and that are whole, by step."""
    state = tf.train.get_checkpoint_state(model_dir) if os.path.isdir(model_dir) else None
    paths = [path for path in state.all_model_checkpoint_paths if os.path.exists(path + '.index')] if state else []
    return sorted((_named_step(path), path) for path in paths)


def every(model_dir):
    """{step: path} of all checkpoints in `model_dir`, listed or not, and of those in its `best` that are no more in it."""
    found = {}
    for folder in (os.path.join(model_dir, BEST), model_dir):
        for path in glob.glob(os.path.join(glob.escape(folder), '*.ckpt-*.index')):
            found[_named_step(path[:-len('.index')])] = path[:-len('.index')]
    return found


def select(model_dir, text):
    """Paths of the checkpoints that --checkpoints=`text` selects, the earliest first; a warning for steps that are not there.

    Raises UserError where none is there.
    """
    found = every(model_dir)
    chosen, missing = checkpoint_selection.select(text, found)
    there = ', '.join(map(str, sorted(found))) or 'none'
    if not chosen:
        raise UserError('--checkpoints=%s: %s has none of these. Its checkpoints: %s.' % (text, model_dir, there))
    if missing:
        log.warning('%s has no checkpoint of step %s. Its checkpoints: %s.', model_dir, ', '.join(map(str, missing)), there)
    return [found[step] for step in chosen]


def _named_step(path):
    """The step in a checkpoint's name; 0 where it holds none."""
    found = re.search(r'-(\d+)$', path)
    return int(found.group(1)) if found else 0
