"""A model, its data and its ground truth, small enough to follow by hand; and a training run of them as a command.

The model has one weight, which training moves from 0 towards 1. It predicts for every image one box of class 1, the middle quarter,
and class 1 for every pixel. Every second image has exactly that as its ground truth; the others hold class 2.
"""
import sys
import time

import numpy as np

from blitznet_estimator.platforms.local import CpuPlatform
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf

SIZES = [(6, 8), (10, 4), (5, 5), (7, 9), (8, 8)]  # (height, width) of the images
BOX = np.array([[.25, .25, .75, .75]], np.float32)


class NotChief(CpuPlatform):
    """The CPU of a process that is not the first of its job."""

    is_chief = False


def config(model_dir, **sections):
    """Two classes, batches of 2, no progress bar."""
    run = dict(model_dir=str(model_dir), progress=False, platform='cpu', summary_every=2)
    run.update(sections.pop('run', {}))
    plain = preset_config('tiny', network=dict(num_classes=3), data=dict(class_names=('cat', 'dog'), batch_size=2, eval_batch_size=2))
    return plain.replace(**sections).replace(run=run)


def model_fn(features, labels, mode, params):
    """The model, as `blitznet_estimator.batch` wants it; 'slow' in params['config'].data.dataset makes a step take a while."""
    weight = tf.get_variable('weight', [], initializer=tf.zeros_initializer())
    if mode == tf.estimator.ModeKeys.PREDICT:
        predictions = _predictions(features, weight)
        output = tf.estimator.export.PredictOutput({'boxes': predictions['boxes'], 'weight': tf.identity(weight)})
        return params['platform'].estimator_spec(mode=mode, predictions=predictions, export_outputs={'serving_default': output})
    loss = tf.reduce_mean((weight * features['x'] - 1.) ** 2)
    for name, value in (('loss', loss), ('loss/weight_decay', weight * 0.)):
        tf.add_to_collection('monitor', (name, value))
    optimizer = params['platform'].wrap_optimizer(tf.train.MomentumOptimizer(.1, .5))
    return params['platform'].estimator_spec(mode=mode, loss=loss, train_op=optimizer.minimize(loss, tf.train.get_global_step()))


def _predictions(features, weight):
    batch = tf.shape(features['size'])[0]
    one = tf.ones([batch, 1])
    return {
        'source_id': features['source_id'], 'size': features['size'], 'boxes': tf.tile(BOX[None], [batch, 2, 1]),
        'scores': tf.concat([.5 * one + 0. * weight, 0. * one], axis=1), 'classes': tf.tile([[1, 0]], [batch, 1]),
        'num_detections': tf.ones([batch], tf.int32),
        'segmentation': tf.cast(tf.fill(tf.concat([[batch], tf.reduce_max(features['size'], axis=0)], 0), 1), tf.uint8)}


def train_input_fn(start_step, slow=0., length=None):
    """start_step -> input_fn of x = 1, batches of 2; `slow` seconds a step; `length` batches, None for ever."""
    def input_fn(params=None):
        dataset = tf.data.Dataset.from_tensors(({'x': np.ones(2, np.float32)}, {'start': start_step})).repeat(length)
        if slow:
            return dataset.map(lambda *batch: tf.py_func(_wait, [batch[0]['x'], slow], tf.float32)).map(_labelled)
        return dataset
    return input_fn


def _wait(x, seconds):
    time.sleep(float(seconds))
    return x


def _labelled(x):
    return {'x': tf.reshape(x, [2])}, {'start': 0}


def predict_input_fn(sizes=tuple(SIZES), left_out=()):
    """input_fn of features of images of `sizes` in batches of 2, the last padded; those `left_out` are missing, as bad records are."""
    ids = [i for i in range(len(sizes)) if i not in left_out]
    padding = -len(ids) % 2
    features = {'source_id': np.array(ids + [-1] * padding, np.int64),
                'size': np.array([sizes[i] for i in ids] + [(1, 1)] * padding, np.int32)}
    return lambda params=None: tf.data.Dataset.from_tensor_slices(features).batch(2, drop_remainder=True)


def damaged(make):
    """An input_fn like `make`'s whose first image does not decode, as its find_bad_record says."""
    def input_fn(params=None):
        data = tf.data.Dataset.from_tensors(b'no image').map(tf.image.decode_jpeg)
        return tf.data.Dataset.zip((data, make())).map(lambda image, batch: batch)

    input_fn.find_bad_record = lambda: 'b.tfrecord, record 0: no image.'
    return input_fn


class Sample:
    """Ground truth of an image, by the names of input_fn's samples."""

    def __init__(self, source_id):
        self.source_id, self.filename = source_id, '%d.jpg' % source_id
        self.height, self.width = SIZES[source_id]
        self.number = 1 + source_id % 2
        self.boxes, self.classes = BOX, np.array([self.number], np.int32)
        self.difficult, self.crowd, self.has_boxes = np.zeros(1, bool), np.zeros(1, bool), True

    def image(self):
        """Grey pixels."""
        return np.full((self.height, self.width, 3), 99, np.uint8)

    def mask(self):
        """One class everywhere."""
        return np.full((self.height, self.width), self.number, np.uint8)


def ground_truth():
    """Iterator of all samples."""
    return (Sample(i) for i in range(len(SIZES)))


def main(model_dir, slow):
    """Train 30 slow steps with a checkpoint every 5, for a test that kills it. A signal ends it as it ends main.py."""
    from blitznet_estimator import logs
    from blitznet_estimator.drivers import evaluate, train
    from blitznet_estimator.platforms import get_platform
    from hooks.stop import StopHook
    logs.setup()
    options = config(model_dir, train=dict(train_steps=30), run=dict(save_every=5, eval_every=15))
    platform = get_platform(options)
    stop = train.stop_request(options, platform)
    train.run(options, platform, lambda start: train_input_fn(start, float(slow)), model_fn, lambda path: evaluate.run(
        options, platform, predict_input_fn(), model_fn, ground_truth, len(SIZES), checkpoint=path), hooks=[StopHook(stop)], stop=stop)


if __name__ == '__main__':
    main(*sys.argv[1:])
