"""`tf.estimator` on TensorFlow 2.16 and newer, which have none: the package tensorflow-estimator 2.15.0, and what it still imports.

What those releases dropped and the package asks for is put into the running process, into no file. Nothing of it computes anything that this
project uses: the package imports it for TPUs and for clusters, and to write down under which public names it exports its functions.
Releases up to 2.15 have `tf.estimator`, and are left as they are.
"""
import importlib
import importlib.util
import sys
import types

from blitznet_estimator.errors import UserError

PACKAGE = '2.15.0'  # the last release of tensorflow-estimator
KNOWN = ('2.16', '2.17', '2.18', '2.19', '2.20', '2.21', '2.22')  # all up to 2.21 lack the same names; 2.22 is not out yet

_OPTIMIZERS_OF_EMBEDDINGS = ('Adagrad', 'Adam', 'Ftrl', 'Momentum', 'ProximalAdagrad', 'RMSProp', 'StochasticGradientDescent')


class _Absent:
    """A class that this TensorFlow lacks: of no object an instance."""

    def __init__(self, *args, **kwargs):
        raise UserError('TensorFlow 2.16 and newer have no embeddings on TPUs for Estimators.')


def _init_run_config(config, tf_config):
    """As TensorFlow 2.15, less what it leaves to the coordinator: clusters of strategies that keep a copy of the variables on each worker."""
    asked = config._experimental_distribute
    config._train_distribute = config._train_distribute or (asked and asked.train_distribute)
    config._eval_distribute = config._eval_distribute or (asked and asked.eval_distribute)
    strategies = {type(strategy).__name__ for strategy in (config._train_distribute, config._eval_distribute) if strategy}
    if (tf_config.get('cluster') or (asked and asked.remote_cluster)) and not all('ParameterServer' in name for name in strategies):
        _refuse_cluster()
    config._init_distributed_setting_from_environment_var(tf_config)
    config._maybe_overwrite_session_config_for_distributed_training()


def _refuse_cluster(*args, **kwargs):
    raise UserError('TF_CONFIG holds a cluster, over which Estimators on TensorFlow 2.16 and newer cannot spread a MultiWorkerMirroredStrategy '
                    'or MirroredStrategy: unset it (several GPUs of one machine need none), or use TensorFlow 2.15 on Python 3.10 or 3.11.')


def _runs_coordinator(config):
    return False


# Modules that TensorFlow dropped with 2.16 -> the names that the package takes of them, and why.
MODULES = {
    # Estimator, RunConfig and train_and_evaluate hand over to it where a strategy meets a cluster.
    'tensorflow.python.distribute.estimator_training': {
        'init_run_config': _init_run_config, 'should_run_distribute_coordinator': _runs_coordinator,
        'train_and_evaluate': _refuse_cluster, 'estimator_train': _refuse_cluster, 'estimator_evaluate': _refuse_cluster},
    # TPUEstimator asks whether an embedding's optimizer is one of these as the package is imported.
    'tensorflow.python.tpu.tpu_embedding': {name + 'Parameters': _Absent for name in _OPTIMIZERS_OF_EMBEDDINGS},
    # TPUEstimator calls these two while it trains.
    'tensorflow.python.tpu.tpu_embedding_gradient': {},
    'tensorflow.python.tpu.session_support': {},
}
# tf_export, by which all public functions are named, no longer knows the package's own names. Attributes of the functions, as in 2.15.
EXPORT_MODULE, EXPORT_NAME = 'tensorflow.python.util.tf_export', 'ESTIMATOR_API_NAME'
EXPORT_ATTRIBUTES = {'API_ATTRS': ('_estimator_api_names', '_estimator_api_constants'),
                     'API_ATTRS_V1': ('_estimator_api_names_v1', '_estimator_api_constants_v1')}


def provide(compat, version):
    """Give `compat` (tensorflow.compat.v1) its `estimator` where it has none.

    Raises UserError where the package is missing or of another release, or cannot be imported on this release of TensorFlow.
    """
    if hasattr(compat, 'estimator'):
        return
    _check_package()
    _add_modules()
    _add_export_names()
    try:
        compat.estimator = importlib.import_module('tensorflow_estimator.python.estimator.api._v1.estimator')
    except (ImportError, AttributeError) as error:
        raise UserError('tensorflow-estimator %s cannot be imported on TensorFlow %s (%s): install one of TensorFlow %s.'
                        % (PACKAGE, version, error, ', '.join(KNOWN)))


def _check_package():
    from importlib import metadata  # not in Python 3.7, which has TensorFlow 1.15
    try:
        installed = metadata.version('tensorflow-estimator')
    except metadata.PackageNotFoundError:
        installed = 'none'
    if installed != PACKAGE:
        raise UserError('TensorFlow 2.16 and newer need tensorflow-estimator %s beside them, and %s is installed: run '
                        '"pip install -r requirements.txt".' % (PACKAGE, installed))


def _add_modules():
    for name, content in MODULES.items():
        if importlib.util.find_spec(name) is None:
            parent, leaf = name.rsplit('.', 1)
            module = sys.modules[name] = types.ModuleType(name, 'A stand-in by %s.' % __name__)
            module.__dict__.update(content)
            setattr(importlib.import_module(parent), leaf, module)


def _add_export_names():
    module = importlib.import_module(EXPORT_MODULE)
    if not hasattr(module, EXPORT_NAME):
        setattr(module, EXPORT_NAME, 'estimator')
        for attribute, names in EXPORT_ATTRIBUTES.items():
            getattr(module, attribute)['estimator'] = module._Attributes(*names)
