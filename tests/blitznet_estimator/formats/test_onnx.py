"""The ONNX models, raw and complete, against TensorFlow. Skipped where the converter is not installed (requirements-export.txt)."""
import contextlib
import gc
import os
import pathlib

import numpy as np
import pytest

from blitznet_estimator.engines import registry
from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.formats import frozen
from blitznet_estimator.formats.child import Order
from blitznet_estimator.formats.registry import Exported
from model_fn import serving
from tests import small_model

onnx = pytest.importorskip('onnx')
for package in ('tf2onnx', 'onnxruntime'):
    pytest.importorskip(package)

SIDES = 96, 65  # 65 makes maps of odd sides, whose factors are not exact


@pytest.fixture(scope='module', name='written', params=SIDES)
def converted_model(request, tmp_path_factory):
    """(Config, {'frozen' or outputs: Engine}, folder)."""
    from blitznet_estimator.formats import onnx_model
    folder = str(tmp_path_factory.mktemp('onnx'))
    config, checkpoint = small_model.save(pathlib.Path(folder), image_size=request.param)
    graph = os.path.join(folder, 'graph.pb')
    with open(graph, 'wb') as file:
        file.write(frozen.freeze(config, checkpoint, serving.raw_outputs).SerializeToString())
    rows = {row.outputs: row for row in onnx_model.convert(Order(folder, graph, config, ''))}
    rows['frozen'] = Exported('graph.pb', 'frozen', 'raw', 'float32')
    with contextlib.ExitStack() as opened:
        yield config, {name: opened.enter_context(contextlib.closing(registry.open_file(folder, row, config))) for name, row in rows.items()}, folder


def test_raw_outputs(written):
    _, engines, _ = written
    pictures = [small_model.picture(40, 60, 1), small_model.picture(64, 64, 2)]
    expected, found = engines['frozen'].run(pictures), engines['raw'].run(pictures)
    assert engines['raw'].is_raw and sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=5e-5 * np.abs(values).max(), err_msg=name)


def test_the_complete_model_finds_what_the_host_makes_of_raw_outputs(written):
    """The pictures of one size are computed as one batch, and all keep their places."""
    config, engines, _ = written
    pictures = [small_model.picture(height, width, seed) for seed, (height, width) in enumerate([(40, 60), (64, 64), (33, 100), (40, 60)])]
    expected = postprocess(engines['frozen'].run(pictures), [picture.shape[:2] for picture in pictures], config.network, config.detection)
    found = engines['complete'].run(pictures)
    assert found['num_detections'].tolist() == expected['num_detections'].tolist() and found['num_detections'].min() > 5
    for name in ('boxes', 'scores'):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)
    np.testing.assert_array_equal(found['classes'], expected['classes'])
    assert found['segmentation'].dtype == np.uint8 and found['segmentation'].shape == (4, 64, 100)
    assert np.mean(found['segmentation'] != expected['segmentation']) < .001


def test_no_resize_is_left_to_a_rounded_factor(written):
    model = onnx.load(os.path.join(written[2], 'model.onnx'))
    resizes = [node for node in model.graph.node if node.op_type == 'Resize']
    assert resizes and all(len(node.input) == 4 and not node.input[2] for node in resizes)
    read = {name for node in model.graph.node for name in node.input}
    assert all(value.name in read for value in model.graph.initializer)


@pytest.mark.one_python
def test_the_converter_keeps_no_copies_of_the_graph(tmp_path, monkeypatch):
    """It makes one for each of its 24 or more runs of optimizers."""
    from tf2onnx.graph import Graph
    from tf2onnx.optimizer.optimizer_base import GraphOptimizerBase

    from blitznet_estimator.formats import onnx_model
    counts, said = [], GraphOptimizerBase._print_stat_diff

    def counted(self, *statistics):
        counts.append(sum(type(one) is Graph for one in gc.get_objects()))
        return said(self, *statistics)
    monkeypatch.setattr(GraphOptimizerBase, '_print_stat_diff', counted)
    config, checkpoint = small_model.save(tmp_path, segment=False)
    graph = tmp_path / 'graph.pb'
    graph.write_bytes(frozen.freeze(config, checkpoint, serving.raw_outputs).SerializeToString())
    onnx_model.raw_model(str(graph), config)
    assert len(counts) >= 24 and max(counts) <= 3, counts
