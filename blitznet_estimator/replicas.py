"""Values of all replicas: the copies of the network that tf.distribute trains together, each with a batch of its own.

Outside of tf.distribute there is one replica, and nothing here adds an operation.
"""
from blitznet_estimator.runtime import tf

STOP = 'stop_of_all'  # graph collection of one (flag of this process, which is fed, mean of the flags of all), where there are several


def add_stop_vote():
    """Make the vote of STOP; returns the mean, which no process has before all have come to it."""
    flag = tf.placeholder_with_default(0., [])
    agreed, = mean([flag])
    tf.add_to_collection(STOP, (flag, agreed))
    return agreed


def count():
    """Number of replicas that train together, over all processes."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean(tensors):
    """The means over all replicas of a list of tensors, each of one shape on all: a list. No gradient goes through them.

    Every replica of every process has to compute them, at every step: none goes on before all have come.
    """
    if count() == 1 or not tensors:
        return list(tensors)
    return list(tf.distribute.get_replica_context().merge_call(_means, args=(list(map(tf.stop_gradient, tensors)),)))


def _means(strategy, tensors):
    """The means of values that each replica has its own of; called once for all replicas of this process."""
    return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.MEAN, [(tensor, tensor) for tensor in tensors])
