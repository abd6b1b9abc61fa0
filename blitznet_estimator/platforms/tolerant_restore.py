"""Resuming where the checkpoint lacks what the optimizer keeps: it is of another platform, optimizer, precision or loss scaling."""
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf

OF_THE_MODEL = 'before_the_optimizer'  # graph collection of the variables that every checkpoint must hold


def note_variables_of_the_model():
    """Call before the optimizer makes its own: the variables that are there now are no part of it."""
    for variable in tf.global_variables():
        tf.add_to_collection(OF_THE_MODEL, variable)


def tolerant_scaffold(scaffold, model_dir, keep_checkpoint_max):
    """`scaffold` (or None), changed where the latest checkpoint in `model_dir` lacks variables of the optimizer: they start anew."""
    path = tf.train.latest_checkpoint(model_dir)
    missing = _missing(path) if path else []
    if not missing:
        return scaffold
    log.warning('%s lacks %s: they start anew.', path, ', '.join(variable.op.name for variable in missing))
    return tf.train.Scaffold(saver=_TolerantSaver(missing, keep_checkpoint_max), copy_from_scaffold=scaffold or tf.train.Scaffold())


def _missing(path):
    """The variables of the optimizer that a checkpoint does not hold."""
    stored, of_the_model = tf.train.load_checkpoint(path), set(tf.get_collection(OF_THE_MODEL))
    return [variable for variable in tf.global_variables()
            if variable not in of_the_model and not stored.has_tensor(variable.op.name)]


class _TolerantSaver(tf.train.Saver):
    """Saves everything, and restores all but `missing`, which are initialized: the counter of applied steps to the global step."""

    def __init__(self, missing, keep_checkpoint_max):
        super().__init__(max_to_keep=keep_checkpoint_max, save_relative_paths=True)
        self._stored = tf.train.Saver([variable for variable in tf.global_variables() if variable not in missing])
        self._start = tf.group(*[_initialize(variable) for variable in missing])

    def restore(self, sess, save_path):
        """As tf.train.Saver's."""
        self._stored.restore(sess, save_path)
        sess.run(self._start)


def _initialize(variable):
    if variable in tf.get_collection(counted_optimizer.COLLECTION):
        return tf.assign(variable, tf.train.get_or_create_global_step())
    return variable.initializer
