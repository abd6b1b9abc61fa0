"""From the path that a user gives to the checkpoint that it means: the same way for every flag and command that takes one."""
import os
import re

from blitznet_estimator.errors import UserError
from blitznet_estimator.given_paths import CHECKPOINT_ENDING
from blitznet_estimator.runtime import tf


def exists(prefix):
    """Whether there is a checkpoint of this prefix, or a single file of TensorFlow's old format (V1). No character of it is a pattern."""
    return tf.gfile.Exists(prefix + '.index') or tf.gfile.Exists(prefix) and not tf.gfile.IsDirectory(prefix)


def latest(folder):
    """The prefix of a folder's latest checkpoint, as its list, the file `checkpoint`, says; None where there is none.

    A folder may be copied without its list, or with one that names the old place: what lies in the folder counts.
    """
    state = tf.train.get_checkpoint_state(folder)
    if state:
        own = os.path.join(folder, os.path.basename(state.model_checkpoint_path))
        if exists(own) or exists(state.model_checkpoint_path):
            return own if exists(own) else state.model_checkpoint_path
    return next(iter(in_folder(folder)[::-1]), None)


def in_folder(folder):
    """Prefixes of the checkpoints of training steps that lie in a folder, by step."""
    names = tf.gfile.ListDirectory(folder) if tf.gfile.IsDirectory(folder) else []
    found = [re.match(r'(.+\.ckpt-(\d+))\.index$', name) for name in names]
    return [os.path.join(folder, match.group(1)) for match in sorted(filter(None, found), key=lambda match: int(match.group(2)))]


def find(path, flag):
    """The prefix of the checkpoint that `path` means, the value of `flag`.

    Args:
      path: a folder, whose latest checkpoint is meant; a prefix; any of a checkpoint's files; or a single file of the old format.
      flag: as the user writes it, for messages.

    Raises:
      UserError: there is no such checkpoint, or TensorFlow cannot read one at such a path.
    """
    if tf.gfile.IsDirectory(path):
        prefix = latest(path)
        if not prefix:
            raise UserError('%s=%s is a folder without a list of checkpoints (the file `checkpoint`): name the checkpoint itself.' % (flag, path))
    else:
        prefix = CHECKPOINT_ENDING.sub('', path)
        if not exists(prefix):
            raise UserError('%s=%s: there is no such checkpoint%s.' % (flag, path, _known(os.path.dirname(path) or '.')))
    if '[' in prefix:  # TensorFlow looks for the files of a checkpoint by a pattern, and its reader cannot be told otherwise
        raise UserError('%s=%s: TensorFlow takes the [ in %s for a pattern, and cannot read the checkpoint: rename the folder or the file.'
                        % (flag, path, prefix))
    return prefix


def _known(folder):
    state = tf.train.get_checkpoint_state(folder) if tf.gfile.IsDirectory(folder) else None
    names = [os.path.basename(path) for path in state.all_model_checkpoint_paths] if state else []
    return '; %s has %s' % (folder, ', '.join(names)) if names else ''
