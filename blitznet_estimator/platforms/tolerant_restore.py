"""Resuming where the checkpoint lacks what the optimizer keeps: it is of another platform, optimizer, precision or loss scaling."""
import os

from blitznet_estimator.logs import log
from blitznet_estimator.platforms import counted_optimizer
from blitznet_estimator.runtime import tf

OF_THE_MODEL = 'before_the_optimizer'  # graph collection of the variables that every checkpoint must hold


def note_variables_of_the_model():
    """Call before the optimizer makes its own: the variables that are there now are no part of it.

    Of several devices, whose copies of the model share one graph, only the first is asked: the others come when it has made its optimizer.
    """
    if not tf.get_collection(OF_THE_MODEL):
        for variable in tf.global_variables():
            tf.add_to_collection(OF_THE_MODEL, variable)


def tolerant_scaffold(scaffold, model_dir, keep_checkpoint_max):
    """`scaffold` (or None), changed where the latest checkpoint in `model_dir` lacks variables of the optimizer: they start anew."""
    path = tf.train.latest_checkpoint(model_dir)
    missing = _missing(path) if path else []
    if not missing:
        return scaffold
    return tf.train.Scaffold(saver=_TolerantSaver(path, missing, keep_checkpoint_max), copy_from_scaffold=scaffold or tf.train.Scaffold())


def _missing(path):
    """Names of the variables of the optimizer that a checkpoint does not hold."""
    stored, of_the_model = tf.train.load_checkpoint(path), {_name(variable) for variable in tf.get_collection(OF_THE_MODEL)}
    names = {_name(variable) for variable in tf.global_variables()}
    return sorted(name for name in names - of_the_model if not stored.has_tensor(name))


def _name(variable):
    """A variable's name in checkpoints. The name of its op may be that of a copy, on another device."""
    return variable.name.split(':')[0]


class _TolerantSaver(tf.train.Saver):
    """Saves everything, and restores all but the variables named `missing`: they are initialized, applied steps to the global step.

    The checkpoint that lacks them stays as it is: what an Estimator saves before the first step would take its name.
    It is built when the scaffold is finalized, for that happens once, outside of the copies of the model that several devices have.
    """

    def __init__(self, path, missing, keep_checkpoint_max):
        super().__init__(max_to_keep=keep_checkpoint_max, save_relative_paths=True, defer_build=True)
        self._path, self._missing = path, missing

    def build(self):
        """As tf.train.Saver's."""
        super().build()
        tf.add_to_collection(tf.GraphKeys.SAVERS, self)  # where CheckpointHook looks for it
        log.warning('%s is of another optimizer, precision, platform or --ema_decay: %d variables of this one start anew.', self._path,
                    len(self._missing))
        variables = tf.global_variables()
        self._stored = tf.train.Saver([variable for variable in variables if _name(variable) not in self._missing])
        self._start = tf.group(*[_initialize(variable) for variable in variables if _name(variable) in self._missing])

    def save(self, sess, save_path, global_step=None, **options):
        """As tf.train.Saver's, but for the checkpoint that was restored."""
        path = save_path if global_step is None else '%s-%d' % (save_path, tf.train.global_step(sess, global_step)
                                                                if isinstance(global_step, tf.Tensor) else global_step)
        if os.path.abspath(path) == os.path.abspath(self._path):
            return self._path
        return super().save(sess, save_path, global_step=global_step, **options)

    def restore(self, sess, save_path):
        """As tf.train.Saver's."""
        self._stored.restore(sess, save_path)
        sess.run(self._start)


def _initialize(variable):
    if variable in tf.get_collection(counted_optimizer.COLLECTION):
        return tf.assign(variable, tf.train.get_or_create_global_step())
    return variable.initializer
