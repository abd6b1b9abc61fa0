"""The ONNX models, raw and complete, against TensorFlow. Skipped where the converter is not installed (requirements-export.txt)."""
import os

import numpy as np
import pytest

from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.formats import frozen
from blitznet_estimator.formats.child import Order, Picture
from model_fn import serving
from tests import small_model

onnx = pytest.importorskip('onnx')
for package in ('tf2onnx', 'onnxruntime'):
    pytest.importorskip(package)

SIDES = 96, 65  # 65 makes maps of odd sides, whose factors are not exact


@pytest.fixture(scope='module', name='written', params=SIDES)
def converted_model(request, tmp_path_factory):
    """(Config, function of the frozen graph, {outputs: function of the ONNX file})."""
    from blitznet_estimator.formats import onnx_model
    folder = tmp_path_factory.mktemp('onnx')
    config, checkpoint = small_model.make_model(folder, image_size=request.param)
    graph = os.path.join(str(folder), 'graph.pb')
    with open(graph, 'wb') as file:
        file.write(frozen.freeze(config, checkpoint, serving.raw_outputs).SerializeToString())
    rows = onnx_model.convert(Order(str(folder), graph, config, ''))
    return config, frozen.load(graph, None), {row.outputs: onnx_model.load(os.path.join(str(folder), row.file), row) for row in rows}, folder


def picture(config, height, width, seed):
    side = config.network.image_size
    return Picture(small_model.picture(height, width, seed), small_model.picture(side, side, seed) / np.float32(255))


def test_raw_outputs(written):
    config, reference, models, _ = written
    one = picture(config, 40, 60, 1)
    expected, found = reference(one), models['raw'](one)
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=5e-5 * np.abs(values).max(), err_msg=name)


def test_the_complete_model_finds_what_the_host_makes_of_raw_outputs(written):
    config, reference, models, _ = written
    for seed, (height, width) in enumerate([(40, 60), (64, 64), (33, 100)]):
        one = picture(config, height, width, seed)
        expected = postprocess(reference(one), [(height, width)], config.network, config.detection)
        found = models['complete'](one)
        assert found['num_detections'].tolist() == expected['num_detections'].tolist() and found['num_detections'] > 5
        for name in ('boxes', 'scores'):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)
        np.testing.assert_array_equal(found['classes'], expected['classes'])
        assert found['segmentation'].dtype == np.uint8 and np.mean(found['segmentation'] != expected['segmentation']) < .001


def test_batches_of_any_size(written):
    import onnxruntime
    config, _, _, folder = written
    session = onnxruntime.InferenceSession(str(folder / 'model_complete.onnx'), providers=['CPUExecutionProvider'])
    images = np.stack([picture(config, 9, 9, seed).image for seed in range(3)])
    size = np.array([20, 30], np.int64)
    together = session.run(None, {'input': images, 'size': size})
    for i in range(3):
        for batch, alone in zip(together, session.run(None, {'input': images[i:i + 1], 'size': size})):
            np.testing.assert_allclose(batch[i], alone[0], atol=1e-4)


def test_no_resize_is_left_to_a_rounded_factor(written):
    model = onnx.load(str(written[3] / 'model.onnx'))
    resizes = [node for node in model.graph.node if node.op_type == 'Resize']
    assert resizes and all(len(node.input) == 4 and not node.input[2] for node in resizes)
    read = {name for node in model.graph.node for name in node.input}
    assert all(value.name in read for value in model.graph.initializer)
