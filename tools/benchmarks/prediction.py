"""Speed of prediction: the network alone, and from image bytes to boxes and a full-size mask, with each part of it."""
import itertools

import numpy as np

from blitznet_estimator.runtime import tf
from input_fn.serving import serving_input_receiver_fn
from model_fn.network import build_network
from tools.benchmarks import flops
from tools.benchmarks.graphs import estimator_spec, iterate, open_session, operations
from tools.benchmarks.rounds import timed


def forward(order):
    """The raw outputs of a batch of prepared images."""
    network, batch_size = order.config.network, order.config.data.batch_size
    images = np.random.RandomState(0).rand(batch_size, network.image_size, network.image_size, 3).astype(np.float32)
    image, start = iterate(tf.data.Dataset.from_tensors(images).repeat())
    fetches = operations(build_network(image, network, training=False, checkpoint=order.checkpoint))
    session = open_session(order.config)
    start(session)
    facts = {'gflop': flops.count(tf.get_default_graph()) / batch_size / 1e9}
    return lambda: {'total': timed(lambda: session.run(fetches), batch_size, order.seconds)}, facts


def encoded_images(order):
    """Endless batches of one encoded image."""
    images = []
    for path in order.images:
        with open(path, 'rb') as file:
            images.append(np.array([file.read()], object))
    return itertools.cycle(images)


def predict(order):
    """From one encoded image to boxes and a mask of its own size; its parts are run apart, on what the part before gave."""
    receiver = serving_input_receiver_fn(order.config)()
    features, (encoded,) = receiver.features, receiver.receiver_tensors.values()
    predictions = estimator_spec(order.config, features, None, tf.estimator.ModeKeys.PREDICT, order.checkpoint).predictions
    raw = _raw_outputs(order.config.network)
    session = open_session(order.config, order.checkpoint)
    images = encoded_images(order)
    image = {encoded: next(images)}
    prepared = _values(session, features, image)
    given = _values(session, raw, prepared)
    given.update(prepared)

    def run_round():
        part = order.seconds / 4
        return {'total': timed(lambda: session.run(predictions, {encoded: next(images)}), 1, order.seconds),
                'decode': timed(lambda: session.run(operations(features), image), 1, part),
                'network': timed(lambda: session.run(operations(raw), prepared), 1, part),
                'post-processing': timed(lambda: session.run(predictions, given), 1, part)}
    return run_round, {}


def _raw_outputs(network):
    """{name: tensor} of the network's raw outputs in the current graph."""
    names = (['confidence', 'location'] if network.detect else []) + (['segmentation'] if network.segment else [])
    return {name: tf.get_default_graph().get_tensor_by_name(name + ':0') for name in names}


def _values(session, tensors, feed):
    """{tensor: its value} of {name: tensor}: what the parts that come after are fed."""
    values = session.run(tensors, feed)
    return {tensor: values[name] for name, tensor in tensors.items()}
