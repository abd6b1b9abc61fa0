"""The file `checkpoint` of a model's folder, in which TensorFlow looks for what to resume from."""
import os

from blitznet_estimator import checkpoint_path
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf


def mend(model_dir):
    """List the whole checkpoints of a folder whose list is missing, damaged or of another place, for the Estimator to resume."""
    latest = checkpoint_path.latest(model_dir)
    if not latest or latest == _listed(model_dir):
        return
    names = [os.path.basename(path) for path in checkpoint_path.in_folder(model_dir) if not checkpoint_path.damage(path)]
    log.info('The list of checkpoints in %s (the file `checkpoint`) does not name %s first: it is written anew.', model_dir,
             os.path.basename(latest))
    tf.train.update_checkpoint_state(model_dir, os.path.basename(latest), names or [os.path.basename(latest)])


def _listed(model_dir):
    """The checkpoint that TensorFlow would take, or None. TensorFlow 1.15 raises an error if the list names a folder that is gone."""
    try:
        return tf.train.latest_checkpoint(model_dir)
    except (tf.errors.OpError, ValueError):
        return None
