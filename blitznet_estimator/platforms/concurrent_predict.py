"""Prediction of several batches at once: while one waits for its slowest thread, or is post-processed, the convolutions of another go on."""
import collections
import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor

from blitznet_estimator import memory
from blitznet_estimator.runtime import tf


def predict(estimator, input_fn, checkpoint, at_once):
    """Yield the predictions of each batch, in order, as `estimator.predict(..., yield_single_examples=False)` does.

    Args:
      estimator: a tf.estimator.Estimator, whose hooks for prediction are left out.
      input_fn: () -> tf.data.Dataset of features.
      checkpoint: path of the one to restore.
      at_once: batches at a time.
    """
    session, features, predictions = open_session(estimator, lambda: _numbered_features(input_fn), checkpoint)
    with contextlib.closing(session):  # which, unlike `with session`, changes no default that the caller sees between batches
        batches = _in_order(lambda: session.run((features['number'], predictions)), at_once)
        for batch in itertools.islice(batches, 1):
            memory.release()  # what preparing the graph took: of constant weights up to half of all
            yield batch
        yield from batches


def open_session(estimator, make_features, checkpoint):
    """(session, features, predictions): a graph of PREDICT of its own, with the weights of a checkpoint; the caller closes the session.

    make_features: () -> {key: tensor}, called in the graph.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(estimator.config.tf_random_seed)
        tf.train.create_global_step()
        features = make_features()
        spec = estimator.model_fn(features, None, tf.estimator.ModeKeys.PREDICT, estimator.config)
        creator = tf.train.ChiefSessionCreator(spec.scaffold or tf.train.Scaffold(), config=estimator.config.session_config,
                                               checkpoint_filename_with_path=checkpoint)
        return creator.create_session(), features, spec.predictions


def _numbered_features(input_fn):
    iterator = tf.data.make_initializable_iterator(input_fn().enumerate())
    tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
    number, features = iterator.get_next()
    return dict(features, number=number)


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
