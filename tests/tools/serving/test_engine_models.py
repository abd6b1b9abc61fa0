"""An export behind the API by the engines' interface: the same signatures and answers as its SavedModel's, bad pictures included."""
import os
import tracemalloc
import types

import cv2
import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('prometheus_client')
from input_fn.datasets import images  # noqa: E402
from tests.tools import small_export  # noqa: E402
from tests.tools.serving.test_pictures import huge_png, png  # noqa: E402
from tools.serving import limits, page, versions  # noqa: E402
from tools.serving.engine_models import EngineModel  # noqa: E402
from tools.serving.saved_models import Model  # noqa: E402

BATCHES = ([png(50, 70), b'no picture', png(64, 64), b'', png(40, 40)[:90], huge_png(65500, 65500)], [b'no picture'], [])


# Complete outputs, and raw ones that the host finishes, of networks with both heads and with one.
KINDS = {'complete': (False, {}), 'raw': (True, {}), 'no boxes': (True, {'detect': False}), 'no mask': (True, {'segment': False})}


@pytest.fixture(scope='module', name='models', params=KINDS)
def both_models(request, tmp_path_factory):
    is_frozen, network = KINDS[request.param]
    export = small_export.write(tmp_path_factory.mktemp('model'), **network)
    made = Model(export), EngineModel(small_export.add_frozen(export) if is_frozen else export, 'tensorflow')
    for model in made:
        model.warm_up(2)
    yield made
    for model in made:
        model.close()


def check_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape, name
        if values.dtype.kind == 'f':
            np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)
        elif name not in ('segmentation', 'segmentation_png_bytes'):  # whose pixels may differ by rounding, and so their files
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_the_signatures_are_those_of_the_saved_model(models):
    saved, engine = models
    for name, signature in engine.signatures.items():
        other = saved.signatures[name]
        assert signature.can_be_joined == other.can_be_joined
        for found, expected in ((signature.inputs, other.inputs), (signature.outputs, other.outputs)):
            assert {key: (spec.dtype, spec.shape) for key, spec in found.items()} == {
                key: (spec.dtype, spec.shape) for key, spec in expected.items()}, name
        described, expected = engine.described[name], dict(saved.described[name], defaults={})
        for kind in ('inputs', 'outputs'):
            for tensors in (described[kind], expected[kind]):
                for tensor in tensors.values():
                    del tensor['name']  # of the graph
        assert described == expected
    assert set(saved.signatures) - set(engine.signatures) <= {'raw'}  # which a file of complete outputs does not give


def test_the_metadata_is_that_of_the_saved_model_and_so_is_what_the_page_is_told(models):
    saved, engine = models
    assert engine.metadata == {name: saved.metadata[name] for name in engine.metadata} and engine.metadata['class_names'] == [
        'background', 'disc', 'box']
    service = types.SimpleNamespace(name='m', bounds=limits.DEFAULT)
    told = [page.described(service, types.SimpleNamespace(number=1, model=model)) for model in models]
    assert told[0] == told[1] and told[1]['takes_pictures']


@pytest.mark.parametrize('batch', BATCHES, ids=len)
@pytest.mark.parametrize('name', ['serving_default', 'raw_masks'])
def test_the_answers_are_those_of_the_saved_model(models, name, batch):
    inputs = {'image_bytes': np.array(batch + [None], object)[:-1]}
    expected, found = [model.run(name, inputs) for model in models]
    assert found and {len(values) for values in found.values()} == {len(batch)}
    check_same(found, expected)


def test_pixels_are_taken(models):
    expected, found = [model.run('from_tensor', {'images': np.full((2, 30, 40, 3), 99, np.uint8)}) for model in models]
    assert found and {len(values) for values in found.values()} == {2}
    check_same(found, expected)


def test_raw_outputs(models):
    if 'raw' not in models[1].signatures:
        pytest.skip('the file has complete outputs')
    for count in (2, 0):
        expected, found = [model.run('raw', {'input': np.full((count, 64, 64, 3), .25, np.float32)}) for model in models]
        assert {len(values) for values in found.values()} == {count}
        check_same(found, expected)


def test_thin_pictures_take_no_memory_for_one_another(models):
    """Their masks as one array would take 7.2 GB."""
    if not models[1]._model.engine.is_raw:
        pytest.skip('the graph of a SavedModel pads its own masks')
    sizes = [(1, 60000), (60000, 1)]
    tracemalloc.start()
    found = models[1].run('serving_default', {'image_bytes': np.array([png(*size) for size in sizes], object)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found['image_size'].tolist() == [list(size) for size in sizes] and peak < 500e6
    for data, size in zip(found.get('segmentation_png_bytes', ()), sizes):
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape == size


def test_the_most_pixels_are_those_of_the_export_whatever_the_process_reads_elsewhere(models, monkeypatch):
    monkeypatch.setattr(images, '_max_pixels', [100])
    assert models[1].run('serving_default', {'image_bytes': np.array([png(50, 70)], object)})['status'].tolist() == [b'ok']


def test_a_folder_is_a_version_by_the_file_that_the_engine_needs(tmp_path):
    for number, name in (('1', 'saved_model.pb'), ('2', 'export.json')):
        (tmp_path / number).mkdir()
        (tmp_path / number / name).write_text('{}')
    for engine, number in (('tensorflow', 1), ('openvino', 2)):
        assert versions.numbers_in(str(tmp_path), versions.version_file(engine)) == {number: os.path.join(str(tmp_path), str(number))}
