"""Whole exports by each converter, and their 8-bit files. Skipped where a converter is not installed (requirements-export.txt)."""
import contextlib
import json
import os

import numpy as np
import pytest

import main
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import child, frozen, registry
from model_fn import serving
from tests import small_model

FILES = {'onnx': ['model.onnx raw', 'model_complete.onnx complete'],
         'openvino': ['openvino/raw_float32.xml raw', 'openvino/complete_float32.xml complete'],
         'tflite': ['model.tflite raw', 'model_float16.tflite raw', 'model_dynamic.tflite raw']}


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
def test_an_export_is_run_and_compared(model, tmp_path, name):
    needs(name)
    config = model[0].replace(run=dict(mode='export', export_pictures=0, export_formats=(name,), output_dir=str(tmp_path)))
    path = main.run(config)
    description = json.loads(open(os.path.join(path, 'export.json')).read())
    assert ['%(file)s %(outputs)s' % row for row in description['files']] == FILES[name]
    assert set(registry.FORMATS[name].packages) <= set(description['versions'])
    for row in description['files']:
        assert 0 < row['milliseconds'] < 10000
        assert os.path.isfile(os.path.join(path, row['file']))
        if row['precision'] == 'float32':
            assert row['differences']['boxes'] < .02 and row['differences']['mask'] < .001 and (row['differences']['raw'] or 0) < 1e-4, row
    assert sorted(os.listdir(str(tmp_path))) == [os.path.basename(path)]  # nothing half made


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


def size_of(path):
    """Bytes of the weights, which OpenVINO has in a file beside the graph."""
    return os.path.getsize(path.replace('.xml', '.bin'))


def test_a_converter_that_fails_is_named_with_its_last_words(tmp_path):
    with pytest.raises(UserError, match='(?s)Converting to onnx failed:.*Error'):
        child.convert('onnx', str(tmp_path), str(tmp_path))  # there is no graph
