"""Checkpoints around the NPU's estimator: keeping only the latest."""
import glob
import os

from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf


class KeepLatestCheckpoints(tf.train.SessionRunHook):
    """Removes all but the latest checkpoints at the end of training.

    The adapter saves by a Saver of its own, made anew for each call of train, which neither knows the checkpoints of the calls before nor
    --keep_checkpoint_max: without this they would pile up.
    """

    def __init__(self, model_dir, keep):
        self._model_dir, self._keep = model_dir, keep

    def end(self, session):
        """After the last checkpoint of this call was written."""
        paths = sorted((path[:-len('.index')] for path in glob.glob(os.path.join(glob.escape(self._model_dir), 'model.ckpt-*.index'))), key=_step)
        for path in paths[:-self._keep] if self._keep else []:
            log.debug('Removing %s', path)
            tf.train.remove_checkpoint(path)
        kept = paths[-self._keep:]
        if kept:
            names = [os.path.basename(path) for path in kept]  # relative, so that the folder can be moved
            tf.train.update_checkpoint_state(os.path.abspath(self._model_dir), names[-1], names)


def _step(path):
    step = path.rsplit('-', 1)[1]
    return int(step) if step.isdecimal() else -1
