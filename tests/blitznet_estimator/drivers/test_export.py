import datetime
import json
import os
import shlex
import subprocess
import sys
import types

import cv2
import numpy as np
import pytest

import main
from blitznet_estimator import exports, files
from blitznet_estimator.drivers import export, export_check
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import saved_model, warmup
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import IS_TF1, tf
from tests import small_model

PICTURES = [small_model.picture(height, width, seed) for seed, (height, width) in enumerate([(50, 70), (64, 64), (90, 40)])]
ENCODED = [cv2.imencode('.png', picture[..., ::-1])[1].tobytes() for picture in PICTURES]
BOXES = ('boxes', 'scores', 'classes', 'num_detections')


@pytest.fixture(scope='module', name='model')
def small_trained_model(tmp_path_factory):
    """The Config that exports a small network."""
    config, _ = small_model.save(tmp_path_factory.mktemp('model'))
    return config.replace(run=dict(mode='export', platform='npu', export_pictures=0))  # no device is needed


@pytest.fixture(scope='module', name='exported')
def folder_of_an_export(model):
    """(folder, its configuration)."""
    config = model.replace(run=dict(output_dir=os.path.join(model.run.model_dir, 'out'), export_formats=('frozen', 'saved_model')))
    return main.run(config), config


@pytest.fixture(scope='module', name='ask')
def loaded_model(exported):
    """(signature, {input: value}) -> {output: value}."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        signatures = tf.saved_model.load(session, ['serve'], exported[0]).signature_def
        large = [op.name for op in graph.get_operations() if op.type == 'Const' and len(op.node_def.attr['value'].tensor.tensor_content) > 4096]
        assert large == []  # TensorFlow would copy them some twenty times
        assert {variable.name.split('/')[0] for variable in tf.global_variables()} == {'weights'}
        assert not [op for op in graph.get_operations() if op.type.startswith('Variable')]  # of which TensorFlow 2 warns

        def ask(name, **inputs):
            signature = signatures[name]
            return session.run({key: info.name for key, info in signature.outputs.items()},
                               {signature.inputs[key].name: value for key, value in inputs.items()})
        yield ask


def test_what_is_there(exported):
    path, config = exported
    assert os.listdir(config.run.output_dir) == [os.path.basename(path)]  # nothing half made
    metadata = json.loads(open(os.path.join(path, 'assets.extra', 'metadata.json')).read())
    assert metadata['class_names'] == ['background', 'disc', 'box'] and metadata['global_step'] == 7
    assert sorted(metadata['signatures']) == ['from_tensor', 'raw', 'raw_masks', 'serving_default']
    signature = metadata['signatures']['serving_default']
    assert signature['inputs'] == {'image_bytes': {'dtype': 'string', 'shape': [-1]}}
    assert signature['outputs'] == {
        'boxes': {'dtype': 'float32', 'shape': [-1, 200, 4]}, 'scores': {'dtype': 'float32', 'shape': [-1, 200]},
        'classes': {'dtype': 'int32', 'shape': [-1, 200]}, 'num_detections': {'dtype': 'int32', 'shape': [-1]},
        'image_size': {'dtype': 'int32', 'shape': [-1, 2]}, 'segmentation_png_bytes': {'dtype': 'string', 'shape': [-1]},
        'status': {'dtype': 'string', 'shape': [-1]}, 'class_names': {'dtype': 'string', 'shape': [-1, 3]}}


def test_the_description_says_what_was_compared(exported):
    description = json.loads(open(os.path.join(exported[0], 'export.json')).read())
    assert description['class_names'] == ['background', 'disc', 'box'] and description['global_step'] == 7 and description['compared_on'] == 2
    assert description['detection']['nms_thresh'] == .45 and description['versions']['tensorflow'] == tf.__version__
    assert [(row['file'], row['outputs'], row['precision']) for row in description['files']] == [
        ('saved_model.pb', 'raw', 'float32'), ('saved_model.pb', 'complete', 'float32'), ('frozen.pb', 'raw', 'float32')]
    for row in description['files']:
        assert row['differences']['raw'] is None or 0 < row['differences']['raw'] < 1e-4
        assert row['differences']['boxes'] == 0 and row['differences']['mask'] < .005


def test_the_printed_command_works(exported):
    words = shlex.split(saved_model.command(exported[0]))
    assert words[0] == 'saved_model_cli'
    program = [sys.executable, '-c', 'from tensorflow.python.tools.saved_model_cli import main; main()']
    done = subprocess.run(program + words[1:], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'num_detections' in done.stdout


def test_a_batch_is_answered_as_each_picture_alone(ask):
    batch = ask('serving_default', image_bytes=ENCODED)
    assert batch['image_size'].tolist() == [list(picture.shape[:2]) for picture in PICTURES]
    assert all(row.tolist() == [b'background', b'disc', b'box'] for row in batch['class_names'])
    assert batch['num_detections'].min() > 0
    for i, data in enumerate(ENCODED):
        alone = ask('serving_default', image_bytes=[data])
        for key in BOXES:
            np.testing.assert_allclose(alone[key][0], batch[key][i], atol=1e-4, err_msg=key)
        assert alone['status'] == [b'ok']


def test_masks_are_pngs_of_their_pictures_sizes_or_one_array(ask):
    files, arrays = ask('serving_default', image_bytes=ENCODED), ask('raw_masks', image_bytes=ENCODED)
    assert arrays['segmentation'].shape == (3, 90, 70)
    for data, array, picture in zip(files['segmentation_png_bytes'], arrays['segmentation'], PICTURES):
        height, width = picture.shape[:2]
        mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, array[:height, :width])
        assert not array[height:].any() and not array[:, width:].any() and len(np.unique(mask)) > 1


def test_a_bad_picture_harms_no_other(ask):
    for name in ('serving_default', 'raw_masks'):
        whole, with_bad = ask(name, image_bytes=ENCODED[:2]), ask(name, image_bytes=[ENCODED[0], b'no picture', ENCODED[1]])
        assert with_bad['status'].tolist() == [b'ok', b'not a JPEG or PNG file', b'ok']
        for key, values in whole.items():
            if values.dtype.kind == 'f':
                np.testing.assert_allclose(with_bad[key][[0, 2]], values, atol=1e-4, err_msg=key)
            else:
                np.testing.assert_array_equal(with_bad[key][[0, 2]], values, err_msg=key)
        for key in set(whole) - {'class_names', 'status'}:
            assert not np.any(with_bad[key][1] != np.zeros_like(with_bad[key][1])), key


def test_long_thin_pictures_share_a_batch(ask):
    thin = [cv2.imencode('.png', np.zeros((*size, 3), np.uint8))[1].tobytes() for size in ((1, 20000), (20000, 1))]
    found = ask('serving_default', image_bytes=thin)
    assert found['image_size'].tolist() == [[1, 20000], [20000, 1]]
    shapes = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape for data in found['segmentation_png_bytes']]
    assert shapes == [(1, 20000), (20000, 1)] and max(map(len, found['segmentation_png_bytes'])) < 5000


@pytest.mark.parametrize('name, inputs', [
    ('serving_default', {'image_bytes': []}), ('raw_masks', {'image_bytes': []}), ('from_tensor', {'images': np.zeros([0, 5, 5, 3], np.uint8)}),
    ('raw', {'input': np.zeros([0, 64, 64, 3])})])
def test_an_empty_batch_has_an_empty_answer(ask, name, inputs):
    found = ask(name, **inputs)
    assert {key: len(value) for key, value in found.items()} == dict.fromkeys(found, 0)


def test_pixels_are_answered_as_their_file_is(ask):
    from_file, from_pixels = ask('raw_masks', image_bytes=ENCODED[:1]), ask('from_tensor', images=PICTURES[0][None])
    for key, values in from_file.items():
        np.testing.assert_array_equal(from_pixels[key], values, err_msg=key)


def test_raw_outputs_are_those_that_the_boxes_come_from(ask, model):
    from blitznet_estimator.evaluation.host_postprocess import postprocess
    images = np.stack([PICTURES[1]]).astype(np.float32) / 255  # of the network's size: nothing is resized
    raw = ask('raw', input=images)
    assert {key: value.shape[1:] for key, value in raw.items()} == {
        'confidence': (2046, 3), 'location': (2046, 4), 'segmentation': (16, 16, 3)}
    finished, found = postprocess(raw, [(64, 64)], model.network, model.detection), ask('raw_masks', image_bytes=ENCODED[1:2])
    for key in BOXES:
        np.testing.assert_allclose(finished[key], found[key], atol=1e-4, err_msg=key)
    assert np.mean(finished['segmentation'] != found['segmentation']) < .001


def test_the_warm_up_holds_a_request_to_each_signature(exported):
    data = open(os.path.join(exported[0], 'assets.extra', warmup.NAME), 'rb').read()
    for name in ('serving_default', 'raw_masks', 'from_tensor', 'raw'):
        assert data.count(b'\x1a' + bytes([len(name)]) + name.encode()) == 1, name  # field 3 of a ModelSpec


def test_a_request_has_the_bytes_of_the_served_protocol():
    """Those that tensorflow-serving-api writes for PredictionLog(predict_log=PredictLog(request=...))."""
    expected = '32210a1f0a051a0372617712160a05696e707574120d0807120412020801420378797a'
    assert warmup.prediction_log('raw', {'input': np.array([b'xyz'], object)}).hex() == expected


@pytest.mark.skipif(IS_TF1, reason='TensorFlow 1 has no eager loader')
def test_the_loader_of_tensorflow_2_takes_it_without_a_warning(exported):
    program = ('import sys, tensorflow as tf; signature = tf.saved_model.load(sys.argv[1]).signatures["from_tensor"]; '
               'print(signature(images=tf.zeros([2, 9, 8, 3], tf.uint8))["segmentation"].shape)')
    done = subprocess.run([sys.executable, '-W', 'error::UserWarning:tensorflow', '-c', program, exported[0]], capture_output=True, text=True,
                          env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='2'))
    assert done.stdout.strip() == '(2, 9, 8)', done.stderr[-2000:]
    assert 'WARNING:tensorflow' not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize('absent, raw', [('segment', {'confidence', 'location'}), ('detect', {'segmentation'})])
def test_a_network_with_one_head(tmp_path, absent, raw):
    config, _ = small_model.save(tmp_path, **{absent: False})
    path = main.run(config.replace(run=dict(mode='export', export_pictures=0, export_formats=('saved_model', 'frozen'))))
    signatures = json.loads(open(os.path.join(path, 'assets.extra', 'metadata.json')).read())['signatures']
    assert set(signatures['raw']['outputs']) == raw
    assert ('boxes' in signatures['serving_default']['outputs']) == (absent == 'segment')
    assert ('segmentation_png_bytes' in signatures['serving_default']['outputs']) == (absent == 'detect')
    for row in json.loads(open(os.path.join(path, 'export.json')).read())['files']:
        assert (row['differences']['boxes'] is None) == (absent == 'detect') and (row['differences']['mask'] is None) == (absent == 'segment')


def test_exports_of_one_second_stand_side_by_side(model, monkeypatch):
    class Frozen(datetime.datetime):
        """A clock that stands still, and is set back."""
        seconds = 1700000000

        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(cls.seconds, tz)

    config = model.replace(run=dict(output_dir=os.path.join(model.run.model_dir, 'twice')))
    monkeypatch.setattr(export.datetime, 'datetime', Frozen)
    paths = [main.run(config) for _ in range(2)]
    assert [os.path.basename(path) for path in paths] == sorted(os.listdir(config.run.output_dir)) == ['1700000000', '1700000001']
    assert all(os.path.isfile(os.path.join(path, 'saved_model.pb')) for path in paths)
    Frozen.seconds -= 86400
    third = main.run(config)
    assert os.path.basename(third) == '1700000002' and exports.newest(config.run.output_dir, exports.GRAPH) == third


def test_an_export_that_differs_leaves_the_older_ones_alone(exported, monkeypatch):
    """No float32 file equals the checkpoint to the last bit."""
    path, config = exported
    before = os.listdir(config.run.output_dir)
    monkeypatch.setitem(export_check.TOLERANCES, 'float32', export_check.Differences(0, 0, 0))
    with pytest.raises(UserError, match='frozen.pb differs from the checkpoint by too much .raw '):
        main.run(config.replace(run=dict(export_formats=('frozen',))))
    assert os.listdir(config.run.output_dir) == before == [os.path.basename(path)]


def test_a_failed_export_leaves_nothing(model):
    def raw_outputs(images, config, checkpoint):
        raise UserError('no network')

    config = model.replace(run=dict(output_dir=os.path.join(model.run.model_dir, 'failed')))
    os.makedirs(os.path.join(config.run.output_dir, 'export.%d-%s0000.tmp' % (os.getpid(), files._MACHINE), 'work'))  # of one that was killed
    with pytest.raises(UserError, match='no network'):
        export.run(config, get_platform(config), None, types.SimpleNamespace(raw_outputs=raw_outputs), None)
    assert os.listdir(config.run.output_dir) == []
