"""From the path that a user gives to the checkpoint that it means: the same way for every flag and command that takes one."""
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.given_paths import CHECKPOINT_ENDING
from blitznet_estimator.runtime import tf


def exists(prefix):
    """Whether there is a checkpoint of this prefix, or a single file of TensorFlow's old format (V1). No character of it is a pattern."""
    return tf.gfile.Exists(prefix + '.index') or tf.gfile.Exists(prefix) and not tf.gfile.IsDirectory(prefix)


def latest(folder):
    """The prefix of the checkpoint that a folder's list, the file `checkpoint`, names as the latest; None where there is none."""
    state = tf.train.get_checkpoint_state(folder)
    return state.model_checkpoint_path if state and exists(state.model_checkpoint_path) else None


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
