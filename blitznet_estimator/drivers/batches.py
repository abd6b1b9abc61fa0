"""The batches of an Estimator's input_fn as arrays, for what is computed outside of TensorFlow."""
from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf


def iterate(input_fn):
    """Yield each batch of an input_fn that gives features alone: {key: array}."""
    with tf.Graph().as_default(), host_session() as session:
        iterator = tf.data.make_initializable_iterator(input_fn())
        features = iterator.get_next()
        session.run([iterator.initializer, tf.tables_initializer()])
        while True:
            try:
                yield session.run(features)
            except tf.errors.OutOfRangeError:
                return
