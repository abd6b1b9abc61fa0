"""A model of one weight and a moving average, which trains by what a platform's params give; and a process of one rank that trains it."""
import os
import sys

from blitznet_estimator.config import Config
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.runtime import tf


def config(model_dir, **sections):
    """A Config that trains 20 steps."""
    run = dict(dict(model_dir=str(model_dir), summary_every=5, save_every=10), **sections.pop('run', {}))
    return Config().replace(run=run, **dict(dict(train=dict(train_steps=20)), **sections))


def make_input_fn(batch=4, drop_remainder=True, value=1., spike_at=None):
    """Batches [batch, 1] of `value`; the one of number `spike_at` is too large for float16."""
    def input_fn(params=None):
        features = tf.data.Dataset.range(10 ** 6).map(
            lambda index: {'x': tf.where(tf.equal(index // batch, -1 if spike_at is None else spike_at),
                                         tf.fill([1], 1e6), tf.fill([1], float(value)))})
        labels = tf.data.Dataset.from_tensors(tf.zeros([1])).repeat()
        return tf.data.Dataset.zip((features, labels)).batch(batch, drop_remainder=drop_remainder)
    return input_fn


def model_fn(features, labels, mode, params):
    """y = w x; the loss is y squared / 1000, so that 65536 gradients are in the range of float16; `average` follows the mean of x."""
    x = features['x']
    weight = tf.get_variable('weight', [1, 1], initializer=tf.constant_initializer(params.get('start', 1.)))
    average = tf.get_variable('average', [1], initializer=tf.zeros_initializer(), trainable=False)
    y = tf.matmul(x, weight)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return params['platform'].estimator_spec(mode, predictions={'y': y})
    loss = .001 * tf.reduce_mean(tf.square(y - labels))
    tf.add_to_collection('monitor', ('loss', loss))
    optimizer = params['platform'].wrap_optimizer(params.get('make_optimizer', _momentum)())
    follow = tf.assign_add(average, .1 * (tf.reduce_mean(x, axis=0) - average))
    with tf.control_dependencies([follow]):
        gradients = optimizer.compute_gradients(loss)
        train_op = optimizer.apply_gradients(gradients, tf.train.get_global_step())
    return params['platform'].estimator_spec(mode=mode, loss=loss, train_op=train_op)


def _momentum():
    return tf.train.MomentumOptimizer(10., .9)


def main(model_dir, start, precision):
    """One rank: train twice, and print the variables at the end."""
    values = {}

    class Last(tf.train.SessionRunHook):
        """Keeps the variables of the end."""

        def begin(self):
            """All variables."""
            self._variables = {variable.op.name: variable for variable in tf.global_variables()}

        def end(self, session):
            """Read them."""
            values.update(session.run(self._variables))

    platform = NpuPlatform(config(model_dir, train=dict(train_steps=20, precision=precision)))
    rank = platform.shard[0]
    agreed = platform.agree_on_start(platform.estimator(model_fn, {}), 30 - 10 * rank)
    for steps in (10, 20):
        estimator = platform.estimator(model_fn, {'start': float(start)})
        estimator.train(make_input_fn(value=1. + rank), hooks=[Last()], max_steps=steps)
    print('VALUES', sorted([('start', agreed)] + [(name, float(value.sum())) for name, value in values.items()]))


if __name__ == '__main__':
    sys.path.append(os.environ['FAKE_NPU_BRIDGE'])
    main(*sys.argv[1:])
