"""The engines by name: every format has one, and what is missing is said with how to install it."""
import importlib.util

import pytest

from blitznet_estimator import installed
from blitznet_estimator.config import Config
from blitznet_estimator.engines import registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import registry as formats


def test_every_format_has_one_engine_whose_packages_its_export_needs():
    for name, entry in formats.FORMATS.items():
        engine, = [engine for engine, found in registry.ENGINES.items() if name in found.formats]
        assert registry.of_format(name) == engine and set(registry.ENGINES[engine].packages) <= set(entry.packages)
        assert set(registry.ENGINES[engine].programs) <= set(entry.programs) <= set(installed.PROGRAMS)


def test_an_absent_package_is_refused_by_the_sentence_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    registry.check('tensorflow')
    with pytest.raises(UserError, match='--engine=tflite needs ai_edge_litert, not installed here: pip install -r requirements-export.txt'):
        registry.check('tflite')
    monkeypatch.setenv('PATH', '')
    with pytest.raises(UserError, match='--engine=tfjs needs node( and .*)?, not installed here: install Node.js 18 or newer'):
        registry.check('tfjs')
    with pytest.raises(UserError, match='--engine=openvin is unknown. Nearest: openvino'):
        registry.check('openvin')


def test_what_computes_on_the_cpu_alone_says_so(monkeypatch):
    monkeypatch.setattr(registry, 'missing', lambda name: [])
    with pytest.raises(UserError, match='--engine=openvino computes on the CPU: leave out --platform=gpu, or take --engine=tensorflow'):
        registry.open_file('', formats.Exported('raw.xml', 'openvino', 'raw', 'float32'), Config().replace(run=dict(platform='gpu')))


@pytest.mark.parametrize('words, said', [
    (['--mode=export', '--engine=openvino'], '--engine goes with --mode=eval and predict, not --mode=export'),
    (['--mode=eval', '--engine=openvino'], '--engine=openvino in --mode=eval is for exported files: name them by --model')])
def test_the_flag_is_refused_where_it_means_nothing(make, words, said):
    with pytest.raises(UserError, match=said):
        make(*words)


@pytest.mark.parametrize('data', [b'', b'no model' * 99, b'\x08\x07\xff'])
@pytest.mark.parametrize('name, file', [
    ('saved_model', 'saved_model.pb'), ('frozen', 'frozen.pb'), ('onnx', 'raw.onnx'), ('openvino', 'raw.xml'), ('tflite', 'raw.tflite'),
    ('tfjs', 'model.json')])
def test_a_file_that_is_no_model_is_a_sentence(tmp_path, name, file, data):
    engine = registry.of_format(name)
    if registry.missing(engine):
        pytest.skip('%s is not installed' % engine)
    (tmp_path / file).write_bytes(data)
    with pytest.raises(UserError, match=file + ' cannot be loaded by --engine=%s .* export again|is no export of this project' % engine):
        registry.open_file(str(tmp_path), formats.Exported(file, name, 'raw', 'float32'), Config().replace(network=dict(num_classes=3)))
