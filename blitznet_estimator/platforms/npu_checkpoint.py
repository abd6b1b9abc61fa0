"""Checkpoints around the NPU's estimator: resuming where loss-scaling variables are missing, and keeping only the latest."""
import glob
import os

from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf

OPTIONAL = 'npu_optional_variables'  # graph collection of the variables that a checkpoint may lack


def tolerant_scaffold(scaffold, model_dir):
    """`scaffold` (or None), changed where the latest checkpoint in `model_dir` lacks variables of the collection OPTIONAL.

    A run that was trained on another platform, or with another --loss_scale, resumes: what its checkpoint lacks starts anew, the
    counter of applied steps at the global step.
    """
    path = tf.train.latest_checkpoint(model_dir)
    optional = tf.get_collection(OPTIONAL)
    if not path or not optional:
        return scaffold
    stored = tf.train.load_checkpoint(path)
    missing = [variable for variable in optional if not stored.has_tensor(variable.op.name)]
    if not missing:
        return scaffold
    tf.logging.warning('%s lacks %s: they start anew.', path, ', '.join(variable.op.name for variable in missing))
    kept = [variable for variable in tf.global_variables() if variable not in missing]
    start = tf.group(tf.train.Scaffold.default_local_init_op(), *[_initialize(variable) for variable in missing])
    return tf.train.Scaffold(saver=tf.train.Saver(kept, save_relative_paths=True), local_init_op=start,
                             ready_for_local_init_op=tf.report_uninitialized_variables(kept),
                             copy_from_scaffold=scaffold or tf.train.Scaffold())


def _initialize(variable):
    if variable in tf.get_collection(counted_optimizer.COLLECTION):
        return tf.assign(variable, tf.train.get_or_create_global_step())
    return variable.initializer


class KeepLatestCheckpoints(tf.train.SessionRunHook):
    """Removes all but the latest checkpoints at the end of training.

    The adapter saves by a Saver of its own, made anew for each call of train, which neither knows the checkpoints of the calls before nor
    --keep_checkpoint_max: without this they would pile up.
    """

    def __init__(self, model_dir, keep):
        self._model_dir, self._keep = model_dir, keep

    def end(self, session):
        """After the last checkpoint of this call was written."""
        paths = sorted((path[:-len('.index')] for path in glob.glob(os.path.join(self._model_dir, 'model.ckpt-*.index'))), key=_step)
        for path in paths[:-self._keep] if self._keep else []:
            tf.logging.info('Removing %s', path)
            tf.train.remove_checkpoint(path)
        kept = paths[-self._keep:]
        if kept:
            names = [os.path.basename(path) for path in kept]  # relative, so that the folder can be moved
            tf.train.update_checkpoint_state(os.path.abspath(self._model_dir), names[-1], names)


def _step(path):
    step = path.rsplit('-', 1)[1]
    return int(step) if step.isdigit() else -1
