"""Whole exports by each converter, and their 8-bit files. Skipped where a converter is not installed (requirements-export.txt)."""
import contextlib
import json
import os

import numpy as np
import pytest

import main
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import evaluate_export, export_check
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import child, frozen, registry
from input_fn.datasets.shapes_drawing import CLASS_NAMES
from model_fn import serving
from tests import small_model

FILES = {'onnx': ['model.onnx raw', 'model_complete.onnx complete'],
         'openvino': ['openvino/raw_float32.xml raw', 'openvino/complete_float32.xml complete'],
         'tflite': ['model.tflite raw', 'model_float16.tflite raw', 'model_dynamic.tflite raw'],
         'tfjs': ['tfjs/model.json raw']}


def needs(name, quantize='none'):
    """Skip the test where a format cannot be written."""
    try:
        registry.check((name,), quantize)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module', name='model')
def small_trained_model(tmp_path_factory):
    """(Config, checkpoint)."""
    return small_model.save(tmp_path_factory.mktemp('model'))


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(FILES))
@pytest.mark.parametrize('absent', ['', 'detect', 'segment'])
def test_an_export_is_run_and_compared(model, tmp_path, name, absent):
    """Also of a network with one head."""
    needs(name)
    config = small_model.save(tmp_path, **{absent: False})[0] if absent else model[0]
    config = config.replace(run=dict(mode='export', export_pictures=0, export_formats=(name,), output_dir=str(tmp_path / 'export')))
    path = main.run(config)
    description = json.loads(open(os.path.join(path, 'export.json')).read())
    assert ['%(file)s %(outputs)s' % row for row in description['files']] == FILES[name]
    assert set(registry.versions((name,))) <= set(description['versions'])
    for row in description['files']:
        assert 0 < row['milliseconds'] < 10000
        assert os.path.isfile(os.path.join(path, row['file']))
        differences = row['differences']
        assert (differences['boxes'] is None) == (absent == 'detect') and (differences['mask'] is None) == (absent == 'segment')
        if row['precision'] == 'float32':
            assert (differences['boxes'] or 0) < .02 and (differences['mask'] or 0) < .001 and (differences['raw'] or 0) < 1e-4, row
    assert sorted(os.listdir(str(tmp_path / 'export'))) == [os.path.basename(path)]  # nothing half made


@pytest.mark.slow
@pytest.mark.parametrize('name', ['openvino', 'tflite'])
def test_eight_bits_are_near_and_small(model, tmp_path, name):
    needs(name, 'int8')
    config, checkpoint = model
    graph, calibration = str(tmp_path / 'graph.pb'), str(tmp_path / 'calibration.npy')
    with open(graph, 'wb') as file:
        file.write(frozen.freeze(config, checkpoint, serving.raw_outputs).SerializeToString())
    images = np.array([small_model.picture(64, 64, seed) for seed in range(8)]) / np.float32(255)
    np.save(calibration, images)
    rows = {row.precision: row for row in registry.module_of(name).convert(child.Order(str(tmp_path), graph, config, calibration))
            if row.outputs == 'raw'}
    picture = small_model.picture(64, 64, 0)
    with contextlib.closing(engines.open_file(str(tmp_path), registry.Exported('graph.pb', 'frozen', 'raw', 'float32'), config)) as engine:
        expected = engine.run([picture])
    with contextlib.closing(engines.open_file(str(tmp_path), rows['int8'], config)) as engine:
        found = engine.run([picture])
    for key, values in expected.items():
        assert 0 < np.abs(found[key] - values).mean() < .2 * np.abs(values).max(), key  # .14 with these weights
    assert size_of(str(tmp_path / rows['int8'].file)) < .5 * size_of(str(tmp_path / rows['float32'].file))


@pytest.mark.slow
def test_what_int8_loses_is_measured_on_the_evaluation_split(tmp_path, monkeypatch):
    needs('tflite', 'int8')
    config, _ = small_model.save(tmp_path, num_classes=1 + len(CLASS_NAMES))
    config = config.replace(data=dict(dataset='shapes_small', data_dir=str(tmp_path / 'data'), class_names=CLASS_NAMES),
                            run=dict(mode='export', quantize='int8', export_formats=('tflite',), output_dir=str(tmp_path / 'export')))
    monkeypatch.setattr(export_check, 'MOST_LOST', 1.)  # weights that have learnt nothing may lose more than is allowed,
    monkeypatch.setattr(export_check, 'check', lambda exported, differences: None)  # and differ by more
    path = main.run(config)
    rows = {row['precision']: row for row in json.loads(open(os.path.join(path, 'export.json')).read())['files']}
    assert {precision for precision, row in rows.items() if 'lost' in row} == {'int8'}
    results = main.run(config.replace(run=dict(mode='eval', model=path)))
    plain, quantized = (results[evaluate_export.label(registry.Exported(*[rows[name][key] for key in registry.Exported._fields]))]
                        for name in ('float32', 'int8'))
    assert rows['int8']['lost'] == {
        name: pytest.approx(plain[name] - quantized[name], abs=1e-6) for name in ('mAP_voc07', 'mAP_voc12', 'mIoU', 'pixel_accuracy')}
    assert plain['mIoU'] > 0


def size_of(path):
    """Bytes of the weights, which OpenVINO has in a file beside the graph."""
    return os.path.getsize(path.replace('.xml', '.bin'))


def test_a_converter_that_fails_is_named_with_its_last_words(tmp_path):
    with pytest.raises(UserError, match='(?s)Converting to onnx failed:.*Error'):
        child.convert('onnx', str(tmp_path), str(tmp_path))  # there is no graph


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path, monkeypatch):
    """It is given the names of the outputs that the network has."""
    (tmp_path / 'config.json').write_text(Config().replace(network=dict(num_classes=3, segment=False)).to_json())
    (tmp_path / 'tensorflowjs_converter').write_text('#!/bin/sh\necho "$@"\necho Unsupported operation >&2\nexit 1\n')
    (tmp_path / 'tensorflowjs_converter').chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UserError, match='Converting to tfjs failed:\n.* --output_node_names=confidence,location .*graph.pb .*tfjs\nUnsupported'):
        child.convert('tfjs', str(tmp_path), str(tmp_path))
