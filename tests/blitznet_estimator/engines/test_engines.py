"""Every engine that is installed on its own files: the same outputs as TensorFlow's, for batches of any sizes, from several threads."""
import concurrent.futures
import contextlib
import os
import pathlib

import numpy as np
import pytest

from blitznet_estimator.drivers.predictions import predict_images
from blitznet_estimator.engines import registry
from blitznet_estimator.engines.base import InputEngine
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.formats import frozen
from blitznet_estimator.formats import registry as formats
from blitznet_estimator.formats.child import Order
from blitznet_estimator.formats.registry import Exported
from model_fn import serving
from tests import small_model

FROZEN = Exported('graph.pb', 'frozen', 'raw', 'float32')
PICTURES = [small_model.picture(height, width, seed) for seed, (height, width) in enumerate([(50, 70), (64, 64), (50, 70)])]


@pytest.fixture(scope='module', name='model')
def frozen_model(tmp_path_factory):
    """(folder with a frozen graph, Config)."""
    folder = str(tmp_path_factory.mktemp('model'))
    config, checkpoint = small_model.save(pathlib.Path(folder))
    with open(os.path.join(folder, FROZEN.file), 'wb') as file:
        file.write(frozen.freeze(config, checkpoint, serving.raw_outputs).SerializeToString())
    return folder, config.replace(run=dict(platform='cpu', threads=1))


@pytest.mark.slow
@pytest.mark.parametrize('name', ['onnxruntime', 'openvino', 'tflite', 'tfjs'])
def test_an_engine_computes_what_tensorflow_does(model, name):
    folder, config = model
    format_name = registry.ENGINES[name].formats[0]
    if formats.missing(format_name):
        pytest.skip('%s is not installed' % ' and '.join(formats.missing(format_name)))
    rows = formats.module_of(format_name).convert(Order(folder, os.path.join(folder, FROZEN.file), config, ''))
    with contextlib.closing(registry.open_file(folder, FROZEN, config)) as reference:
        raw = reference.run(PICTURES)
        complete = postprocess(raw, [picture.shape[:2] for picture in PICTURES], config.network, config.detection)
    for row in [row for row in rows if row.precision == 'float32']:
        with contextlib.closing(registry.open_file(folder, row, config)) as engine, concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = [engine.run(PICTURES)] + list(pool.map(engine.run, [PICTURES] * 8))
        for outputs in found:
            for key in outputs:
                expected = raw[key] if row.outputs == 'raw' else complete[key]
                differs = np.abs(outputs[key] - expected.astype(np.float64)) > 1e-4 * max(np.abs(expected).max(), 1)
                assert differs.mean() < (.01 if key in complete else 1e-9), (row.file, key)  # boxes of equal scores may change places


def test_a_frozen_graph_gives_raw_outputs_that_are_finished(model):
    folder, config = model
    with contextlib.closing(registry.open_file(folder, FROZEN, config)) as engine:
        assert engine.is_raw and engine.run(PICTURES)['segmentation'].shape == (3, 16, 16, 3)
        found = list(predict_images(engine, PICTURES, config, range(3)))
    assert [one['segmentation'].shape for one in found] == [(50, 70), (64, 64), (50, 70)] and min(len(one['scores']) for one in found) > 5
    assert [one['source_id'] for one in found] == [0, 1, 2]


def test_what_is_no_export_is_refused(model, tmp_path):
    with pytest.raises(UserError, match='it is no export of this project'):
        registry.open_file(str(tmp_path), Exported('saved_model.pb', 'saved_model', 'complete', 'float32'), model[1])


class Sizes(InputEngine):
    """Gives the size that it is asked for, as a mask of that size and as a number of boxes."""

    def compute(self, inputs, size=None):
        return {'segmentation': np.full((len(inputs),) + size, size[0], np.uint8), 'num_detections': np.full(len(inputs), size[1], np.int32)}


def test_pictures_of_one_size_are_a_batch_and_all_keep_their_places(model):
    found = Sizes(Exported('x', 'x', 'complete', 'float32'), model[1]).run([np.zeros(size + (3,), np.uint8) for size in ((2, 3), (4, 1), (2, 3))])
    assert found['num_detections'].tolist() == [3, 1, 3]
    assert found['segmentation'].shape == (3, 4, 3) and found['segmentation'][:, 0, 0].tolist() == [2, 4, 2]
    assert not found['segmentation'][0, 2:].any() and not found['segmentation'][1, :, 1:].any()
