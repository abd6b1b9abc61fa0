"""Session hooks of the pretended device: sinking, the broadcast of trainable variables, and the outfeed of host_call."""
import inspect
import threading

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import summary_ops_v2 as contrib_summary

from npu_bridge import hccl_ops


class Sink(tf.train.SessionRunHook):
    """Makes one session run `loop` steps: all but the last before it, so that whatever is fetched with it is that of the last."""

    def __init__(self, train_ops, loop):
        self._train_ops, self._loop = train_ops, loop

    def before_run(self, run_context):
        """The steps before the last."""
        for _ in range(self._loop - 1):
            run_context.session.run(self._train_ops)


class BroadcastTrainable(tf.train.SessionRunHook):
    """Trainable variables from rank 0, and no others."""

    def begin(self):
        """Build it."""
        self._op = tf.group(*[tf.assign(variable, hccl_ops.broadcast([variable], 0)[0]) for variable in tf.trainable_variables()])

    def after_create_session(self, session, coord):
        """Run it."""
        session.run(self._op)


def validate_host_call(host_call):
    """As the real one; a tensor of rank 0 is refused too."""
    if host_call is None:
        return
    function, tensors = host_call
    if not callable(function) or not isinstance(tensors, (tuple, list)):
        raise ValueError('host_call should be (callable, list of tensors)')
    arguments = inspect.getfullargspec(function)
    if arguments.varargs is None and len(arguments.args) != len(tensors):
        raise RuntimeError('length of tensors %d does not match method args of the function' % len(tensors))
    if any(tensor.shape.rank in (0, None) for tensor in tensors):
        raise RuntimeError('outfeed tensor is scalar')


def outfeed(host_call, train_op, loss):
    """(hook, loss that also sends): the tensors of each step go through a queue to a thread of the host, which runs fn's operations."""
    function, tensors = host_call
    channel = tf.FIFOQueue(1000, [tensor.dtype for tensor in tensors], [tensor.shape for tensor in tensors], name='fake_device/channel')
    with tf.control_dependencies([train_op]):
        sent = channel.enqueue(list(tensors))
    with tf.control_dependencies([sent]):
        loss = tf.identity(loss)
    return _Outfeed(channel, function(*channel.dequeue())), loss


class _Outfeed(tf.train.SessionRunHook):
    def __init__(self, channel, operations):
        self._close, self._operations, self._thread = channel.close(), operations, None

    def begin(self):
        self._initialize = contrib_summary.summary_writer_initializer_op()
        flush = getattr(contrib_summary, 'legacy_raw_flush', contrib_summary.flush)
        self._flush = [flush(writer=operation.inputs[0]) for operation in self._initialize]

    def after_create_session(self, session, coord):
        session.run(self._initialize)
        self._thread = threading.Thread(target=self._drain, args=(session,), daemon=True)
        self._thread.start()

    def _drain(self, session):
        while True:
            try:
                session.run(self._operations)
            except tf.errors.OutOfRangeError:
                return

    def end(self, session):
        session.run(self._close)
        self._thread.join()
        session.run(self._flush)
