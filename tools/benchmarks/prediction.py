"""Speed of prediction: the network alone, from image bytes to boxes and a full-size mask, and each part of that."""
import itertools

import numpy as np

from api import Model
from blitznet_estimator import flops
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from input_fn.serving import receive
from model_fn.network.build import build_network
from tools.benchmarks.graphs import estimator_spec, iterate, open_session, operations, raw_outputs
from tools.benchmarks.rounds import some_of, timed

_STARTING = 3  # pictures that prepare the graph


def forward(order):
    """The raw outputs of a batch of prepared images."""
    session, raw = _network(order)
    fetches, batch_size = operations(raw), order.config.data.batch_size
    facts = {'gflop': flops.count(tf.get_default_graph()) / batch_size / 1e9}
    return lambda: {'total': timed(lambda: session.run(fetches), batch_size, order.seconds)}, facts


def outputs(order):
    """Some of the raw outputs of `forward`, in `facts`, for both sides to be compared."""
    session, raw = _network(order)
    return lambda: {'total': [0.]}, {'outputs': {name: some_of(values) for name, values in session.run(raw).items()}}


def _network(order):
    """(session, {name: raw output}) of a batch of random images, with the checkpoint's weights."""
    network, batch_size = order.config.network, order.config.data.batch_size
    images = np.random.RandomState(0).rand(batch_size, network.image_size, network.image_size, 3).astype(np.float32)
    image, start = iterate(tf.data.Dataset.from_tensors(images).repeat())
    precision = get_platform(order.config).model_params().cpu_precision
    raw = build_network(image, network, training=False, checkpoint=order.checkpoint, cpu_precision=precision)
    session = open_session(order.config)
    start(session)
    return session, raw


def encoded_images(order):
    """Endless batches of one encoded image."""
    images = []
    for path in order.images:
        with open(path, 'rb') as file:
            images.append(np.array([file.read()], object))
    return itertools.cycle(images)


def predict(order):
    """From the file of an image to boxes and a mask of its own size, by the Python API."""
    run, images = order.config.run, itertools.cycle(order.images)
    model = Model(order.checkpoint, platform=run.platform, threads=run.threads, config=order.config)
    for _ in range(_STARTING):
        model(next(images))
    return lambda: {'total': timed(lambda: model(next(images)), 1, order.seconds)}, {}


def parts(order):
    """The parts of `predict`, each run apart on what the one before gave. A session keeps its constants once for each kind of run,
    so that the memory of this work says nothing about `predict`.
    """
    encoded, features, predictions = _serving(order)
    raw = raw_outputs(order.config.network)
    session = open_session(order.config, order.checkpoint)
    image = {encoded: next(encoded_images(order))}
    prepared = _values(session, features, image)
    given = {**prepared, **_values(session, raw, prepared)}
    runs = {'decode': (operations(features), image), 'network': (operations(raw), prepared), 'post-processing': (predictions, given)}

    def run_round():
        found = {name: timed(lambda run=run: session.run(*run), 1, order.seconds / len(runs)) for name, run in runs.items()}
        return dict(found, total=[sum(np.median(samples) for samples in found.values())])
    return run_round, {}


def _serving(order):
    """(placeholder of encoded images, the features made of them, predictions)."""
    received = receive(order.config)
    features = {'image': received.image, 'size': received.size}
    predictions = estimator_spec(order.config, features, None, tf.estimator.ModeKeys.PREDICT, order.checkpoint).predictions
    return received.inputs['image_bytes'], features, predictions


def _values(session, tensors, feed):
    """{tensor: its value} of {name: tensor}: what the parts that come after are fed."""
    values = session.run(tensors, feed)
    return {tensor: values[name] for name, tensor in tensors.items()}
