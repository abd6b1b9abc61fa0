"""From the path that a user gives to the checkpoint that it means: the same way for every flag and command that takes one."""
import functools
import os
import re

import numpy as np

from blitznet_estimator import checkpoint_variables
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.given_paths import CHECKPOINT_ENDING
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from blitznet_estimator.saved_config import BEST

SHOWN = 3  # variables in a message


def exists(prefix):
    """Whether there is a checkpoint of this prefix, or a single file of TensorFlow's old format (V1). No character of it is a pattern."""
    return tf.gfile.Exists(prefix + '.index') or tf.gfile.Exists(prefix) and not tf.gfile.IsDirectory(prefix)


def latest(folder):
    """The prefix of a folder's latest checkpoint that can be read to its end; None where there is no checkpoint.

    What lies in the folder decides. Its list, the file `checkpoint`, may be missing, damaged, or of another place. It is asked in the folder
    of the best checkpoints, where it names the best, and where nothing has a step in its name.

    Raises:
      UserError: there are checkpoints, and all are damaged.
    """
    first, there = _first_of_list(folder), in_folder(folder)[::-1]
    if first and (not there or os.path.basename(os.path.normpath(folder)) == BEST):
        there = [first] + [path for path in there if path != first]
    whole = next((path for path in there if not damage(path)), None)
    if there and whole is None:
        raise UserError('All checkpoints in %s are damaged; the newest: %s. Copy a whole one there, or name another --model_dir.'
                        % (folder, damage(there[0])))
    if there and whole != there[0]:
        log.warning('%s: the newest whole checkpoint is %s.', damage(there[0]), whole)
    return whole


def present(folder):
    """Prefixes of the checkpoints in a folder, by step, whole or not; where no name holds a step, the one that the folder's list names first."""
    return in_folder(folder) or [path for path in [_first_of_list(folder)] if path]


def _first_of_list(folder):
    """The checkpoint that the list of a folder names first, where it is there, or None."""
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (tf.errors.OpError, ValueError):
        return None
    if not state:
        return None
    own = os.path.join(folder, os.path.basename(state.model_checkpoint_path))
    return next((path for path in (own, state.model_checkpoint_path) if exists(path)), None)


def damage(prefix):
    """What is wrong with a checkpoint, as a sentence; '' where all its tensors can be read, fit their checksums, and are finite."""
    try:
        state = tuple((path, tf.gfile.Stat(path).length, tf.gfile.Stat(path).mtime_nsec) for path in _files(prefix))
    except tf.errors.NotFoundError:  # a training beside this has just dropped it
        return '%s is gone' % prefix
    return _damage(prefix, state)


def _files(prefix):
    """The files of a checkpoint."""
    folder, name = os.path.split(prefix)
    return [os.path.join(folder, found) for found in sorted(tf.gfile.ListDirectory(folder or '.'))
            if found.startswith(name) and re.match(r'(\.index|\.data-.*)?$', found[len(name):])]


@functools.lru_cache(maxsize=64)
def _damage(prefix, state):
    del state  # of the files: what was read of others does not count
    try:
        reader = tf.train.load_checkpoint(prefix)
        bad = [name for name in checkpoint_variables.shapes(reader) if not _is_finite(np.asarray(reader.get_tensor(name)))]
    except Exception as error:  # TensorFlow gives its codes as many classes of Python's, IndexError among them
        text = (str(error).splitlines() or [type(error).__name__])[0]
        return '%s is not a TensorFlow checkpoint' % prefix if os.path.isfile(prefix) else '%s is damaged (%s)' % (prefix, text)
    return '%s is damaged (not finite: %s)' % (prefix, listed(sorted(bad), SHOWN)) if bad else ''


def _is_finite(values):
    return values.dtype.kind not in 'fc' or bool(np.isfinite(values).all())


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
      UserError: there is no such checkpoint, it is damaged, or TensorFlow cannot read one at such a path.
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
    problem = damage(prefix)
    if problem:
        raise UserError('%s=%s: %s. Name another.' % (flag, path, problem))
    return prefix


def _known(folder):
    names = [os.path.basename(path) for path in in_folder(folder)]
    return '; %s has %s' % (folder, ', '.join(names)) if names else ''
