"""tf.estimator on the installed TensorFlow: its own where it has one, else that of the package, over stand-ins for what is really absent."""
import importlib
import importlib.machinery
import inspect
import json
import os
import sys
import types

import pytest

from blitznet_estimator import estimator_bridge, python_version, runtime
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf

RELEASE = '.'.join(tf.__version__.split('.')[:2])
BRIDGED = RELEASE in estimator_bridge.KNOWN
needs_bridge = pytest.mark.skipif(not BRIDGED, reason='This TensorFlow has an estimator.')


def _on_disk(name):
    """Whether an installed package has the module `name`, whatever stands in for it here."""
    parent = importlib.import_module(name.rsplit('.', 1)[0])
    return importlib.machinery.PathFinder.find_spec(name, parent.__path__) is not None


@pytest.mark.parametrize('name', [name for name in estimator_bridge.MODULES if RELEASE != '1.15' or 'estimator_training' not in name])
def test_what_is_stood_in_for_is_absent(name):
    assert _on_disk(name) != BRIDGED
    assert (getattr(sys.modules.get(name), '__file__', None) is None) or not BRIDGED


def test_the_names_of_the_package_are_absent_where_they_are_added():
    module = importlib.import_module(estimator_bridge.EXPORT_MODULE)
    assert (estimator_bridge.EXPORT_NAME in inspect.getsource(module)) != BRIDGED
    for attribute, names in estimator_bridge.EXPORT_ATTRIBUTES.items():
        assert tuple(getattr(module, attribute)['estimator']) == names


def test_an_estimator_that_is_there_is_left_alone(monkeypatch):
    modules, own = dict(sys.modules), types.SimpleNamespace(estimator=object())
    before = dict(vars(own))
    estimator_bridge.provide(own, tf.__version__)
    assert vars(own) == before
    assert {name for name in estimator_bridge.MODULES if name in sys.modules} == {name for name in estimator_bridge.MODULES if name in modules}
    if not BRIDGED:
        assert 'stand-in' not in ''.join(str(sys.modules[name].__doc__) for name in estimator_bridge.MODULES if name in sys.modules)


@needs_bridge
@pytest.mark.parametrize('installed', ['2.14.0', None])
def test_another_package_is_named(monkeypatch, installed):
    from importlib import metadata

    def version(name):
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed
    monkeypatch.setattr(metadata, 'version', version)
    with pytest.raises(UserError, match='need tensorflow-estimator 2.15.0 beside them, and %s is installed' % (installed or 'none')):
        estimator_bridge.provide(types.SimpleNamespace(), tf.__version__)


@needs_bridge
def test_a_name_that_a_release_lacks_besides_is_said(monkeypatch):
    def lacks_more(name):
        raise ImportError("cannot import name 'other'")
    monkeypatch.setattr(estimator_bridge, '_add_modules', lambda: None)
    monkeypatch.setattr(estimator_bridge, '_add_export_names', lambda: None)
    monkeypatch.setattr(estimator_bridge.importlib, 'import_module', lacks_more)
    with pytest.raises(UserError, match=r"TensorFlow 2.99.0 \(cannot import name 'other'\).*2.16, 2.17"):
        estimator_bridge.provide(types.SimpleNamespace(), '2.99.0')


CLUSTER = json.dumps({'cluster': {'chief': ['localhost:1'], 'worker': ['localhost:2']}, 'task': {'type': 'chief', 'index': 0}})


@needs_bridge
def test_a_strategy_over_a_cluster_is_refused(monkeypatch):
    strategy = tf.distribute.MirroredStrategy(['/cpu:0'])
    monkeypatch.setenv('TF_CONFIG', CLUSTER)
    with pytest.raises(UserError, match='TF_CONFIG holds a cluster.*MultiWorkerMirroredStrategy.*TensorFlow 2.15'):
        tf.estimator.RunConfig(train_distribute=strategy)
    with pytest.raises(UserError, match='TF_CONFIG holds a cluster'):
        tf.estimator.RunConfig(eval_distribute=strategy)


def test_parameter_servers_without_a_strategy_are_configured(monkeypatch):
    monkeypatch.setenv('TF_CONFIG', CLUSTER.replace('worker', 'ps'))
    config = tf.estimator.RunConfig()
    assert (config.is_chief, config.num_ps_replicas, config.task_type) == (True, 1, 'chief')


def test_releases(monkeypatch):
    monkeypatch.delenv(runtime.TRY_ALL_THE_SAME, raising=False)
    for version in ('1.15.5', '2.15.1', '2.16.2', '2.21.0', '2.22.0-rc1'):
        runtime.check_version(version)
    for version in ('1.14.0', '2.14.1', '2.1.5', '2.23.0'):
        said = 'TensorFlow %s is installed, and BlitzNet knows 1.15, 2.6, 2.15, 2.16.*set BLITZNET_TRY_TENSORFLOW=1' % version
        with pytest.raises(UserError, match=said):
            runtime.check_version(version)
    monkeypatch.setenv(runtime.TRY_ALL_THE_SAME, '1')
    runtime.check_version('2.23.0')


def test_pythons():
    for version in ((3, 7, 16), (3, 10, 0), (3, 13, 1), (3, 14), sys.version_info):
        python_version.check(version)
    for version in ((3, 8, 18), (3, 9), (3, 6, 9)):
        with pytest.raises(UserError, match=r'This is Python 3\.%d, for which .* use Python 3\.10 or newer, or 3\.7' % version[1]):
            python_version.check(version)


def test_the_requirements_hold_the_releases_that_are_known():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    first, last = '2.15', estimator_bridge.KNOWN[-1]
    for name in ('requirements.txt', 'requirements-gpu.txt'):
        with open(os.path.join(root, name), encoding='utf-8') as file:
            lines = [line for line in file if line.startswith('tensorflow') and '==1.15' not in line]
        assert lines and all('>=%s,<2.%d' % (first, int(last.split('.')[1]) + 1) in line for line in lines)


def test_a_python_without_a_runtime_ends_with_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'version_info', (3, 9, 18))
    with pytest.raises(SystemExit) as ended:
        python_version.exit_without_runtime()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith('error: This is Python 3.9, ')
