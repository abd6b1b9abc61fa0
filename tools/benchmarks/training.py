"""Speed of training: the step alone on one batch, and the step fed by the input pipeline."""
import os

import numpy as np

from blitznet_estimator import flops
from blitznet_estimator.runtime import tf
from tools.benchmarks.graphs import estimator_spec, iterate, open_session
from tools.benchmarks.input_pipeline import training_batches
from tools.benchmarks.rounds import sustained, timed

TRAIN = tf.estimator.ModeKeys.TRAIN
AVERAGING_STEPS = 10  # moving averages of decay 0.9 are then mostly of the data
BIAS = .01  # how large, about
BACKGROUND_LEAD = 13.  # in logits: of blitznet300, 1 or 2 pairs of class and anchor in 100 then pass the score threshold of 0.01


def _one_batch(config):
    """A dataset that gives one real batch again and again, without work in the step."""
    with tf.Graph().as_default(), tf.Session() as session:
        batch, start = iterate(training_batches(config))
        start(session)
        arrays = session.run(batch)
    return tf.data.Dataset.from_tensors(arrays).repeat()


def _train_step(order, dataset, clock):
    (features, labels), start = iterate(dataset)
    spec = estimator_spec(order.config, features, labels, TRAIN)
    session = open_session(order.config, order.checkpoint)
    start(session)
    batch_size = order.config.data.batch_size
    facts = {'gflop': flops.count(tf.get_default_graph()) / batch_size / 1e9}
    return lambda: {'total': clock(lambda: session.run(spec.train_op), batch_size, order.seconds)}, facts


def step(order):
    """The training step on one batch, without input."""
    return _train_step(order, _one_batch(order.config), timed)


def with_input(order):
    """The training step fed by its input pipeline."""
    return _train_step(order, training_batches(order.config), sustained)


def write_checkpoint(order):
    """Weights for prediction and evaluation that behave like trained ones where it concerns speed; in `facts`, the checkpoint's path.

    Initial weights, moving averages of real batches, biases other than 0, which TensorFlow would leave out, and a background that wins nearly
    everywhere: with plain initial weights every anchor would pass the score threshold for every class.
    """
    (features, labels), start = iterate(training_batches(order.config))
    spec = estimator_spec(order.config, features, labels, TRAIN)
    session = open_session(order.config)
    start(session)
    for _ in range(AVERAGING_STEPS):
        session.run([tf.get_collection(tf.GraphKeys.UPDATE_OPS), spec.loss])
    random, fed = np.random.RandomState(order.config.run.seed), {}
    biases = [variable for variable in tf.trainable_variables() if variable.op.name.endswith('/biases')]
    for variable, values in zip(biases, session.run(biases)):
        values = values + random.normal(0, BIAS, values.shape)
        if '/confidence/' in variable.op.name:
            values[::order.config.network.num_classes] = BACKGROUND_LEAD
        fed[variable.initializer.inputs[1]] = values
    session.run([variable.initializer for variable in biases], fed)  # at once: each run of other ops prepares the graph anew
    variables = tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)
    path = tf.train.Saver(variables + [tf.train.get_global_step()]).save(session, os.path.join(order.folder, 'weights.ckpt'))
    return lambda: {'total': [0.]}, {'checkpoint': path}
