"""An export behind the API by the engines' interface: the same signatures and answers as its SavedModel's, bad pictures included."""
import os

import numpy as np
import pytest

pytest.importorskip('flask')
pytest.importorskip('prometheus_client')
from tests.tools.serving.test_pictures import huge_png, png  # noqa: E402
from tools.serving import versions  # noqa: E402
from tools.serving.engine_models import EngineModel  # noqa: E402
from tools.serving.saved_models import Model  # noqa: E402

BATCHES = ([png(50, 70), b'no picture', png(64, 64), b'', png(40, 40)[:90], huge_png(65500, 65500)], [b'no picture'], [])


@pytest.fixture(scope='module', name='models')
def both_models(export):
    made = Model(export), EngineModel(export, 'tensorflow')
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
    assert set(saved.signatures) - set(engine.signatures) == {'raw'}  # the file has complete outputs


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


def test_a_folder_is_a_version_by_the_file_that_the_engine_needs(tmp_path):
    for number, name in (('1', 'saved_model.pb'), ('2', 'export.json')):
        (tmp_path / number).mkdir()
        (tmp_path / number / name).write_text('{}')
    for engine, number in (('tensorflow', 1), ('openvino', 2)):
        assert versions.numbers_in(str(tmp_path), versions.version_file(engine)) == {number: os.path.join(str(tmp_path), str(number))}
