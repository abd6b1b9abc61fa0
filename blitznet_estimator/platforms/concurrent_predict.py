"""Prediction of several batches at once: while one waits for its slowest thread, or is post-processed, the convolutions of another go on."""
import collections
import contextlib
from concurrent.futures import ThreadPoolExecutor

from blitznet_estimator.platforms.network_session import NetworkSession
from blitznet_estimator.runtime import tf


def predict(estimator, input_fn, checkpoint, at_once):
    """Yield the predictions of each batch, in order, as `estimator.predict(..., yield_single_examples=False)` does.

    Args:
      estimator: a tf.estimator.Estimator, whose hooks for prediction are left out.
      input_fn: () -> tf.data.Dataset of features.
      checkpoint: path of the one to restore.
      at_once: batches at a time.
    """
    with contextlib.ExitStack() as opened:
        reader, batch, specs = _open_input(estimator, input_fn)
        opened.callback(reader.close)
        network = NetworkSession(estimator, specs, checkpoint)
        opened.callback(network.close)

        def run():
            number, features = reader.run(batch)
            return number, network.run(features)
        yield from _in_order(run, at_once)


def _open_input(estimator, input_fn):
    """(session, (number, features) of a batch, {key: (dtype, shape)} of the features)."""
    with tf.Graph().as_default():
        tf.set_random_seed(estimator.config.tf_random_seed)
        dataset = input_fn()
        types, shapes = tf.data.get_output_types(dataset), tf.data.get_output_shapes(dataset)
        iterator = tf.data.make_initializable_iterator(dataset.enumerate())
        batch = iterator.get_next()
        session = tf.Session(config=estimator.config.session_config)
        session.run([iterator.initializer, tf.tables_initializer()])
        return session, batch, {key: (types[key], shapes[key]) for key in types}


def _in_order(run, at_once):
    """Yield the values of `run` () -> (number from 0, value), called on threads until it says that its range is over, by number."""
    done, following, over = {}, 0, False
    with ThreadPoolExecutor(at_once) as executor:
        pending = collections.deque([executor.submit(run)])  # alone, as a session prepares its graph on the first call
        while pending:
            try:
                number, value = pending.popleft().result()
            except tf.errors.OutOfRangeError:
                over = True  # for all; calls from before may still bring a value
                continue
            while not over and len(pending) < at_once:
                pending.append(executor.submit(run))
            done[number] = value
            while following in done:
                yield done.pop(following)
                following += 1
