"""The real model and the real drivers on the stand-in: training in sunk loops, evaluation by predict, resuming."""
import glob
import os

import numpy as np
import pytest

from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.drivers import metrics_file, predictions, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from hooks import training_hooks
from model_fn import model_fn

NUM_IMAGES, SIZES = 5, np.array([(50, 70), (64, 64), (90, 40), (33, 48), (64, 100)], np.int32)


def _config(model_dir, **run):
    run = dict(dict(platform='npu', model_dir=str(model_dir), iterations_per_loop=2, save_every=4, summary_every=2,
                    progress=False), **run)
    return preset_config('tiny', network=dict(image_size=64, num_classes=3, top_fm=16), run=run,
                         train=dict(train_steps=8, precision='mixed', loss_scale='8'),
                         data=dict(batch_size=2, eval_batch_size=2, max_boxes=3, class_names=('disc', 'box')))


def _batches(config):
    """Endless equal batches of random pictures, each with a box in its middle and a mask of two halves."""
    network, batch = config.network, config.data.batch_size
    random = np.random.RandomState(0)
    match = np.where(np.arange(network.num_anchors) % 50 == 7, 0, BACKGROUND).astype(np.int32)
    mask = np.repeat([[1], [255]], network.segmentation_size ** 2 // 2).reshape([network.segmentation_size] * 2)
    features = {'image': random.rand(batch, 64, 64, 3).astype(np.float32)}
    labels = {'match': np.tile(match, (batch, 1)), 'boxes': np.tile(np.float32([[.3, .3, .7, .7], [0] * 4, [0] * 4]), (batch, 1, 1)),
              'classes': np.tile(np.int32([1, 0, 0]), (batch, 1)), 'mask': np.tile(mask.astype(np.int32), (batch, 1, 1))}
    return lambda params=None: tf.data.Dataset.from_tensors((features, labels)).repeat()


def _images(config):
    """Five pictures in batches of two, the last one padded."""
    ids, sizes = np.arange(6), np.concatenate([SIZES, [[1, 1]]]).astype(np.int32)
    features = {'image': np.random.RandomState(1).rand(6, 64, 64, 3).astype(np.float32), 'size': sizes,
                'source_id': np.where(ids < NUM_IMAGES, ids, -1)}
    return lambda params=None: tf.data.Dataset.from_tensor_slices(features).batch(config.data.eval_batch_size, drop_remainder=True)


def _train(config):
    """Run the driver; returns the steps that were evaluated, with the number of images each time."""
    platform, evaluated = get_platform(config), []

    def evaluate(checkpoint):
        found = []
        evaluated.append(int(checkpoint.split('-')[-1]))
        metrics_file.write(config.run.model_dir, {'global_step': evaluated[-1]})
        if evaluated[-1] < 8:
            return  # once is enough
        predictions.predict(config, platform, _images(config), model_fn, checkpoint, found.append)
        assert [prediction['source_id'] for prediction in found] == list(range(NUM_IMAGES))  # each once, padding left out
        assert [prediction['segmentation'].shape for prediction in found] == [tuple(size) for size in SIZES]

    train.run(config, platform, lambda start_step: _batches(config), model_fn, evaluate, training_hooks(config, platform))
    return evaluated


def _events(model_dir):
    values = {}
    for path in sorted(glob.glob(os.path.join(model_dir, 'events*'))):
        try:
            for event in tf.train.summary_iterator(path):
                for value in event.summary.value:
                    values.setdefault(value.tag, {})[event.step] = value.simple_value
        except tf.errors.DataLossError:  # the end of a file whose writer TensorFlow keeps open
            pass
    return values


@pytest.mark.slow
def test_it_trains_evaluates_and_resumes(fake_npu, tmp_path):
    config = _config(tmp_path)
    assert _train(config.replace(train=dict(train_steps=4))) == [4]
    assert _train(config) == [8]
    events = _events(str(tmp_path))
    assert sorted(events['loss/total']) == [2, 4, 6, 8]  # out of the loops, by host_call
    assert events['loss/total'][8] < events['loss/total'][2]
    assert events['optimizer/learning_rate'][8] == pytest.approx(config.train.learning_rate)
    assert events['optimizer/loss_scale'][2] == 8 and 'images_per_second' in events
    assert tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path))).get_tensor('global_step') == 8
    assert (tmp_path / 'run_summary.json').exists()


def test_a_wrong_cadence_stops_before_anything_is_built(fake_npu, tmp_path):
    with pytest.raises(UserError, match='--save_every=3'):
        _train(_config(tmp_path, save_every=3))
    assert not glob.glob(str(tmp_path / '*'))
