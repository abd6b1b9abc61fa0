"""The order of what has no inputs from each other."""
from blitznet_estimator.runtime import tf


def after_all(done):
    """A context whose ops run after all of `done`, tensors and ops.

    Each new op keeps a list of what it waits for. It is given one op that waits for the rest: with 200 gradients in the lists of 10000 ops, a
    training of blitznet300 in two parts took 1.8 GB more.
    """
    ops = [getattr(one, 'op', one) for one in done]
    return tf.control_dependencies([tf.group(*ops)] if ops else [])
