"""Which file an engine takes of which export, what is said where there is none, and which engine is named as faster."""
import json
import os

import pytest

from blitznet_estimator.config import Config
from blitznet_estimator.engines import choice, registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats.registry import Exported

SAVED = [Exported('saved_model.pb', 'saved_model', outputs, 'float32') for outputs in ('raw', 'complete')]
FROZEN = Exported('frozen.pb', 'frozen', 'raw', 'float32')
ONNX = [Exported('model.onnx', 'onnx', 'raw', 'float32'), Exported('model_complete.onnx', 'onnx', 'complete', 'float32')]
OPENVINO = [Exported('openvino/%s_%s.xml' % row, 'openvino', *row) for row in (('raw', 'int8'), ('complete', 'float32'), ('raw', 'float32'))]


def write(folder, rows, **parts):
    """An export of files that are empty."""
    os.makedirs(os.path.join(folder, 'openvino'))
    for row in rows:
        open(os.path.join(folder, row.file), 'w').close()
    times = parts.pop('times', {})
    content = dict(config=json.loads(Config().to_json()), class_names=['background', 'cat'], checkpoint='runs/a/model.ckpt-7', global_step=7,
                   files=[dict(row._asdict(), **({'milliseconds': times[row]} if row in times else {})) for row in rows], **parts)
    with open(os.path.join(folder, 'export.json'), 'w') as file:
        json.dump(content, file)
    return folder


@pytest.fixture(autouse=True)
def every_engine_is_installed(monkeypatch):
    monkeypatch.setattr(registry, 'missing', lambda name: [])


def test_an_engine_takes_float32_and_the_outputs_that_suit_it(tmp_path):
    folder = write(str(tmp_path / '1'), SAVED + [FROZEN] + ONNX + OPENVINO)
    for engine, expected in (('', SAVED[1]), ('tensorflow', SAVED[1]), ('onnxruntime', ONNX[0]), ('openvino', OPENVINO[2])):
        assert choice.of_path(folder, engine) == choice.of_path(str(tmp_path), engine) == (folder, expected)


@pytest.mark.parametrize('named', [FROZEN, ONNX[1], OPENVINO[0], SAVED[1]])
def test_a_file_that_is_named_is_run_by_its_engine(tmp_path, named):
    folder = write(str(tmp_path), SAVED + [FROZEN] + ONNX + OPENVINO)
    path = os.path.join(folder, named.file)
    engine = registry.of_format(named.format)
    assert choice.of_path(path) == choice.of_path(path, engine) == (folder, named)
    with pytest.raises(UserError, match='--engine=tflite: .*%s has no file that it runs, but some for --engine=%s. This makes one: python main.py '
                       '--mode=export --checkpoint_path=runs/a/model.ckpt-7 --export_formats=tflite' % (named.file, engine)):
        choice.of_path(path, 'tflite')


def test_an_export_without_a_saved_model_says_what_it_has(tmp_path):
    with pytest.raises(UserError, match='--engine=tensorflow: .* but some for --engine=onnxruntime, --engine=openvino.*--export_formats=saved_model'):
        choice.of_path(write(str(tmp_path / '1'), ONNX + OPENVINO))


def test_of_a_run_the_newest_export_of_the_checkpoint_counts(tmp_path):
    base = str(tmp_path / 'export')
    write(os.path.join(base, '7'), ONNX, weights='aa')
    write(os.path.join(base, '8'), ONNX, weights='aa')
    write(os.path.join(base, '9'), SAVED, weights='aa')
    write(os.path.join(base, '10'), ONNX, weights='bb')
    write(os.path.join(base, '11'), ONNX)  # of a version that did not note the weights
    assert choice.of_run(str(tmp_path), 'onnxruntime', 'aa') == (os.path.join(base, '8'), ONNX[0])
    for engine, weights in (('openvino', 'aa'), ('onnxruntime', 'cc')):
        with pytest.raises(UserError, match='has none for it of this checkpoint. This makes one: .* --mode=export --model_dir=%s' % tmp_path):
            choice.of_run(str(tmp_path), engine, weights)


def test_the_fastest_engine_is_named_where_it_is_clearly_faster(tmp_path, monkeypatch):
    times = {SAVED[0]: 90., SAVED[1]: 100., ONNX[0]: 50., OPENVINO[0]: 10., OPENVINO[2]: 25.}
    folder = write(str(tmp_path / '1'), SAVED + ONNX + OPENVINO, times=times)
    expected = 'Faster: --engine=openvino took 25 ms per picture when %s was exported, and %s %d ms.'
    assert choice.hint(folder) == choice.hint(folder, SAVED[1]) == expected % (folder, 'tensorflow', 100)
    assert choice.hint(folder, ONNX[0]) == expected % (folder, 'onnxruntime', 50)
    assert choice.hint(folder, OPENVINO[2]) == choice.hint(folder, OPENVINO[0]) == ''
    monkeypatch.setattr(registry, 'missing', lambda name: ['openvino'] if name == 'openvino' else [])
    assert '--engine=onnxruntime took 50 ms' in choice.hint(folder)
    times[SAVED[1]] = 59.
    assert choice.hint(write(str(tmp_path / '2'), SAVED + ONNX, times=times)) == ''
    assert choice.hint(write(str(tmp_path / '3'), SAVED + ONNX)) == ''  # of a version that measured no times
