"""Checkpoints of a model: which there are, and of which step."""
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf


def latest_step(model_dir):
    """Global step of the latest checkpoint in `model_dir`; 0 where there is none."""
    path = tf.train.latest_checkpoint(model_dir)
    return step_of(path) if path else 0


def step_of(path):
    """Global step that a checkpoint holds; 0 for one without (converted weights)."""
    reader = tf.train.load_checkpoint(path)
    return int(reader.get_tensor('global_step')) if reader.has_tensor('global_step') else 0


def find(config):
    """Path of the checkpoint to use: config.run.checkpoint_path (a checkpoint or a folder), else the latest in model_dir.

    Raises UserError where there is none.
    """
    given, model_dir = config.run.checkpoint_path, config.run.model_dir
    if given and not os.path.isdir(given):
        path = given[:-len('.index')] if given.endswith('.index') else given
        if not os.path.exists(path + '.index'):
            raise UserError('--checkpoint_path=%s: there is no such checkpoint%s.' % (given, _known(os.path.dirname(given) or '.')))
        return path
    path = tf.train.latest_checkpoint(given or model_dir)
    if not path:
        raise UserError('There is no checkpoint in %s: train first (--mode=train), or name another --model_dir or --checkpoint_path.'
                        % (given or model_dir))
    return path


def _known(folder):
    state = tf.train.get_checkpoint_state(folder) if os.path.isdir(folder) else None
    names = [os.path.basename(path) for path in state.all_model_checkpoint_paths] if state else []
    return '; %s has %s' % (folder, ', '.join(names)) if names else ''
