"""Formats that cannot be written here are refused before anything is built."""
import importlib.util
import sys

import pytest

import main
from blitznet_estimator import platforms
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import registry


def installed(monkeypatch, *packages):
    """Make these packages the only ones that are there."""
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object() if name in packages else None)


def test_what_needs_nothing_is_always_there(monkeypatch):
    installed(monkeypatch)
    assert registry.check(('saved_model', 'frozen'), 'none') is None
    with pytest.raises(UserError, match='onnx needs'):  # as nothing is installed
        registry.check(('saved_model', 'frozen', 'onnx'), 'none')


@pytest.mark.parametrize('names, quantize, lacking', [
    (('onnx',), 'none', 'onnx needs tf2onnx and onnx and onnxruntime'), (('saved_model', 'tflite'), 'none', 'tflite needs ai_edge_litert'),
    (('openvino',), 'int8', 'openvino needs openvino and tf2onnx and onnx and nncf')])
def test_an_absent_package_is_named_with_how_to_install_it(monkeypatch, names, quantize, lacking):
    installed(monkeypatch)
    monkeypatch.setattr(sys, 'version_info', (3, 13))
    with pytest.raises(UserError, match='--export_formats=%s, not installed here: pip install -r requirements-export.txt' % lacking):
        registry.check(names, quantize)


def test_the_quantizer_is_asked_for_with_int8_alone(monkeypatch):
    installed(monkeypatch, 'openvino', 'tf2onnx', 'onnx')
    monkeypatch.setattr(sys, 'version_info', (3, 13))
    registry.check(('openvino',), 'none')
    with pytest.raises(UserError, match='needs nncf'):
        registry.check(('openvino',), 'int8')


def test_python_3_7_says_where_it_can_be_done(monkeypatch):
    monkeypatch.setattr(sys, 'version_info', (3, 7))
    registry.check(('frozen',), 'none')
    with pytest.raises(UserError, match='onnx needs Python 3.10 or newer. The same command with --checkpoint_path exports this checkpoint there'):
        registry.check(('onnx',), 'none')


def test_int8_needs_a_format_that_has_it():
    with pytest.raises(UserError, match='--quantize=int8 is for --export_formats=openvino,tflite, not saved_model,frozen'):
        registry.check(('saved_model', 'frozen'), 'int8')


def test_flags_are_checked_before_tensorflow(make):
    assert make('--mode=export', '--export_formats=saved_model,frozen').run.export_formats == ('saved_model', 'frozen')
    with pytest.raises(UserError, match='--export_formats=tensorrt is unknown'):
        make('--mode=export', '--export_formats=tensorrt')
    assert make('--mode=export', '--export_formats=saved_model,tfjs').run.export_formats == ('saved_model', 'tfjs')


def test_an_absent_program_is_named_with_how_to_install_it(monkeypatch):
    """On any Python: it has an environment of its own."""
    monkeypatch.setattr(sys, 'version_info', (3, 7))
    monkeypatch.setenv('PATH', '')
    monkeypatch.setenv('NODE_PATH', '')
    with pytest.raises(UserError, match=r'--export_formats=tfjs needs tensorflowjs_converter and node and @tensorflow/tfjs and \S+, not installed '
                       'here: python3.11 -m venv tfjs .* install Node.js .* npm install .*NODE_PATH'):
        registry.check(('frozen', 'tfjs'), 'none')


def test_a_refused_export_loads_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, 'missing', lambda name, quantize='none': ['onnx'] if name == 'onnx' else [])
    monkeypatch.setattr(platforms, 'get_platform', lambda config: pytest.fail('The platform was asked for first.'))
    with pytest.raises(UserError, match='--export_formats=onnx needs'):
        main.run(Config().replace(run=dict(mode='export', model_dir=str(tmp_path), export_formats=('saved_model', 'onnx'))))
