"""Equal ranks: what the adapter leaves different when several NPUs start."""
from blitznet_estimator.runtime import tf

# HCCL joins all broadcasts of one fusion_id, root and type into one node, whatever they depend on. Of a chain that makes a loop.
UNFUSED = {'fusion': 0, 'fusion_id': -1}


def broadcast_step(broadcast, step, session_config):
    """Rank 0's `step`, on every rank, through a session of its own on the device."""
    with tf.Graph().as_default():
        received = broadcast([tf.constant([step], tf.int32)], 0, **UNFUSED)[0]
        with tf.Session(config=session_config) as session:
            return int(session.run(received)[0])


class BroadcastStateHook(tf.train.SessionRunHook):
    """Sends every variable that is not trainable from rank 0 to the other ranks when a session starts.

    The adapter broadcasts the trainable ones. Batch-norm statistics, the optimizer's slots, the loss scale and the global step are not
    among them; a rank that read another checkpoint, or none, would go its own way and at last wait for the others for ever.
    """

    def __init__(self, broadcast):
        """broadcast: ([tensor], root_rank, fusion, fusion_id) -> [tensor], of float or int32 tensors of rank 1 or more: hccl_ops.broadcast."""
        self._broadcast = broadcast
        self._op = None

    def begin(self):
        """Build the operation."""
        self._op = broadcast_state(self._broadcast)

    def after_create_session(self, session, coord):
        """Run it, after the checkpoint was restored."""
        session.run(self._op)


def broadcast_state(broadcast):
    """The operation of BroadcastStateHook: one variable after the other, so that all ranks send in the same order."""
    trainable = set(tf.trainable_variables())
    last = []
    for variable in tf.global_variables():
        if variable not in trainable:
            with tf.control_dependencies(last):
                last = [_receive(broadcast, variable)]
    return tf.group(*last)


def _receive(broadcast, variable):
    value = tf.identity(variable)
    if value.dtype == tf.int64:  # HCCL reduces no int64; every counter of ours fits
        value = tf.cast(value, tf.int32)
    received = broadcast([tf.reshape(value, [-1])], 0, **UNFUSED)[0]
    return tf.assign(variable, tf.cast(tf.reshape(received, variable.shape), variable.dtype.base_dtype)).op
