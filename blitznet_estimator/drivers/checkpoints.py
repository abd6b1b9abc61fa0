"""Checkpoints of a model: which there are, and of which step."""
import glob
import os
import re

from blitznet_estimator import checkpoint_path, checkpoint_selection
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf

BEST = 'best'  # folder in model_dir for the checkpoints of the best evaluations


def latest_step(model_dir):
    """Global step of the latest checkpoint in `model_dir`; 0 where there is none."""
    path = checkpoint_path.latest(model_dir)
    return step_of(path) if path else 0


def step_of(path):
    """Global step that a checkpoint holds; 0 for one without (converted weights)."""
    reader = tf.train.load_checkpoint(path)
    return int(reader.get_tensor('global_step')) if reader.has_tensor('global_step') else 0


def find(config):
    """Path of the checkpoint to use: config.run.checkpoint_path (any form of `checkpoint_path.find`), else the latest in model_dir.

    Raises UserError where there is none.
    """
    given, model_dir = config.run.checkpoint_path, config.run.model_dir
    if not given and not checkpoint_path.latest(model_dir):
        raise UserError('There is no checkpoint in %s: train first (--mode=train), or name another --model_dir or --checkpoint_path.' % model_dir)
    return checkpoint_path.find(given, '--checkpoint_path') if given else checkpoint_path.find(model_dir, '--model_dir')


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
