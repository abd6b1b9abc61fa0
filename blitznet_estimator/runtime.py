"""TensorFlow as this project uses it: graph mode, one name for all supported releases, and what differs between them.

Everything else imports `tf` from here. TensorFlow is imported when `tf` is first used.
TensorFlow 1.15 runs on Python 3.7, TensorFlow 2.15 and newer on Python 3.10 and newer.
TensorFlow 2.6.5, on Python 3.7, is for Ascend's second adapter, and is not tested by CI.
"""
import os
import sys
import threading
import warnings

from blitznet_estimator import estimator_bridge, quiet
from blitznet_estimator.errors import UserError

SUPPORTED = ('1.15', '2.6', '2.15') + estimator_bridge.KNOWN
TRY_ALL_THE_SAME = 'BLITZNET_TRY_TENSORFLOW'  # variable of the environment that lets any release pass

# What goes wrong in TensorFlow's C++ code arrives as an exception; what 2.16 and newer log as an error besides is how they chose a kernel.
# On 1.15 Ascend's adapter logs there too. 0 shows all.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2' if sys.version_info < (3, 8) else '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')
# TensorFlow 1.15 asks the system for every large tensor's memory anew; kept, as 2.15 does by itself, its pages are touched once, not at each step.
os.environ.setdefault('TF_CPU_ALLOCATOR_USE_BFC', '1')


def check_version(version):
    """Raise UserError unless `version` (as in tf.__version__) is a release this code runs on, or the user wants to try it."""
    if '.'.join(version.split('.')[:2]) not in SUPPORTED and not os.environ.get(TRY_ALL_THE_SAME):
        raise UserError('TensorFlow %s is installed, and BlitzNet knows %s: run "pip install -r requirements.txt". To try this one all the '
                        'same, set %s=1.' % (version, ', '.join(SUPPORTED), TRY_ALL_THE_SAME))


def _import():
    with warnings.catch_warnings(), quiet.import_of_tensorflow():
        warnings.simplefilter('ignore', FutureWarning)  # TF 1.15 on numpy 1.18: np.dtype((type, 1))
        try:
            import tensorflow
        except ImportError as error:
            raise UserError('TensorFlow cannot be imported (%s): run "pip install -r requirements.txt".' % error)
        check_version(tensorflow.__version__)
        import tensorflow.compat.v1 as compat
        compat.logging.set_verbosity(compat.logging.ERROR)  # our own messages do not go through TensorFlow's logger
        estimator_bridge.provide(compat, tensorflow.__version__)
    compat.disable_v2_behavior()
    return compat


class _TensorFlow:
    """TensorFlow, imported when something of it is first asked for. Predicting by another engine takes seconds less without it."""

    _importing = threading.RLock()

    def __getattr__(self, name):
        if name.startswith('__') and name != '__version__':  # what inspection asks of any object
            raise AttributeError(name)
        with self._importing:
            if '_module' not in vars(self):
                vars(self)['_module'] = _import()
        value = getattr(vars(self)['_module'], name)
        vars(self)[name] = value  # so that it is found by itself from now on
        return value


tf = _TensorFlow()


def __getattr__(name):
    if name != 'IS_TF1':
        raise AttributeError('module %r has no attribute %r' % (__name__, name))
    return tf.__version__.startswith('1.')


def load():
    """Import TensorFlow now: before a package that imports it, too, and without the settings of this module. Returns its version."""
    return tf.__version__


def no_autograph(function):
    """A function that tf.data maps, left alone by AutoGraph, which otherwise takes seconds of each start to rewrite Python that needs none of it."""
    return tf.autograph.experimental.do_not_convert(function)


def map_fn(function, *args, **kwargs):
    """tf.map_fn of a function that AutoGraph leaves alone."""
    return tf.map_fn(no_autograph(function), *args, **kwargs)


def data_options(threads):
    """tf.data.Options of an input pipeline on `threads` threads of its own, its order kept."""
    options = tf.data.Options()
    threading = getattr(options, 'threading', None) or options.experimental_threading  # TensorFlow 1.15
    threading.private_threadpool_size = threads
    threading.max_intra_op_parallelism = 1  # images are the unit of parallel work: splitting one costs more than it gains
    return options


def enable_op_determinism():
    """Let TensorFlow 2 take, in this process, kernels that give the same bits each time."""
    import tensorflow  # its names for TensorFlow 1 lack this one
    tensorflow.config.experimental.enable_op_determinism()
