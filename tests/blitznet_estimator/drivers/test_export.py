import json
import os
import shlex
import subprocess
import sys
import time

import numpy as np
import pytest

from blitznet_estimator.drivers import export, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.drivers import stand_in


def _receiver():
    images = tf.placeholder(tf.string, [None], 'image_bytes')
    sizes = tf.map_fn(lambda image: tf.shape(tf.image.decode_jpeg(image))[:2], images, tf.int32)
    features = {'size': sizes, 'source_id': tf.zeros_like(sizes[:, 0])}
    return tf.estimator.export.ServingInputReceiver(features, {'image_bytes': images})


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """(folder of a SavedModel, its configuration)."""
    folder = tmp_path_factory.mktemp('model')
    config = stand_in.config(folder, train=dict(train_steps=3), run=dict(save_every=2))
    train.run(config, get_platform(config), stand_in.train_input_fn, stand_in.model_fn, lambda path: None)
    config = config.replace(run=dict(mode='export', platform='npu', output_dir=str(folder / 'out')))  # no device is needed
    return export.run(config, get_platform(config), stand_in.model_fn, _receiver), config


def test_what_is_there(exported):
    path, config = exported
    assert os.listdir(config.run.output_dir) == [os.path.basename(path)]  # nothing half made
    metadata = json.loads(open(os.path.join(path, 'assets.extra', 'metadata.json')).read())
    assert metadata['class_names'] == ['background', 'cat', 'dog'] and metadata['global_step'] == 3
    assert metadata['signature']['inputs'] == {'image_bytes': {'dtype': 'string', 'shape': [-1]}}
    assert metadata['signature']['outputs']['boxes'] == {'dtype': 'float32', 'shape': [-1, 2, 4]}


def test_the_example_runs(exported):
    path, config = exported
    example = np.load(os.path.join(path, 'assets.extra', 'example.npy'))
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.load(session, ['serve'], path).signature_def['serving_default']
        boxes, weight = session.run([signature.outputs[name].name for name in ('boxes', 'weight')],
                                    {signature.inputs['image_bytes'].name: example})
    assert boxes[0, 0].tolist() == [.25, .25, .75, .75]
    assert weight == tf.train.load_variable(config.run.model_dir, 'weight')


def test_the_printed_command_works(exported):
    words = shlex.split(export.command(exported[0]))
    assert words[0] == 'saved_model_cli'
    program = [sys.executable, '-c', 'from tensorflow.python.tools.saved_model_cli import main; main()']
    done = subprocess.run(program + words[1:], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '0.25' in done.stdout


def test_exports_of_one_second_stand_side_by_side(exported, monkeypatch):
    config = exported[1].replace(run=dict(output_dir=os.path.join(exported[1].run.model_dir, 'twice')))
    monkeypatch.setattr(time, 'time', lambda: 1700000000.)
    paths = [export.run(config, get_platform(config), stand_in.model_fn, _receiver) for _ in range(2)]
    assert [os.path.basename(path) for path in paths] == sorted(os.listdir(config.run.output_dir)) == ['1700000000', '1700000001']
    assert all(os.path.isfile(os.path.join(path, 'saved_model.pb')) for path in paths)


def test_a_failed_export_leaves_nothing(exported):
    config = exported[1].replace(run=dict(output_dir=os.path.join(exported[1].run.model_dir, 'failed')))

    def receiver():
        raise UserError('no receiver')

    with pytest.raises(UserError, match='no receiver'):
        export.run(config, get_platform(config), stand_in.model_fn, receiver)
    assert os.listdir(config.run.output_dir) == []
