"""Scalars out of a sunk loop: the adapter's host_call, two tensors for each step, written by the host where TensorBoard looks."""
from blitznet_estimator.monitor import monitored
from blitznet_estimator.runtime import tf


def make_host_call(train_op, model_dir, every, write):
    """(fn, [tensors]) for NPUEstimatorSpec, of what model_fn publishes to `monitor`; None where that is nothing.

    The tensors are the global step after `train_op` [1] and the scalars' values [n]: the outfeed takes no tensor of rank 0.

    Args:
      model_dir: where the events go. every: steps between two that are written. write: False on all ranks but the first, which must
        have the same graph, and drop what they receive.
    """
    pairs = sorted(monitored().items())
    if not pairs:
        return None
    names = ['loss/total' if name == 'loss' else name for name, _ in pairs]  # as model_fn's own summaries call it
    values = tf.stack([tf.cast(tensor, tf.float32) for _, tensor in pairs])  # [n]
    with tf.control_dependencies([train_op]):
        # maximum makes a copy: the next step would change the variable's own memory before the host reads it
        step = tf.reshape(tf.maximum(tf.train.get_global_step().read_value(), 0), [1])
    return (_writer(names, model_dir, every) if write else _drop), [step, values]


def _writer(names, model_dir, every):
    def write_scalars(step, values):
        # The writer is contrib's, which the adapter initialises and flushes; the operation is the bare one, as contrib's own would
        # make the tags unique among the names of the whole graph: loss/total_1
        from tensorflow.python.ops import summary_ops_v2 as contrib_summary  # what tf.contrib.summary re-exports, in both releases
        writer = contrib_summary.create_file_writer(model_dir, flush_millis=10000)._resource

        def write_all():
            return tf.group(*[tf.raw_ops.WriteScalarSummary(writer=writer, step=step[0], tag=name, value=values[index])
                              for index, name in enumerate(names)])
        return [tf.cond(tf.equal(step[0] % every, 0), write_all, tf.no_op)]
    return write_scalars


def _drop(step, values):
    """Take the tensors from the outfeed, and no more."""
    return [tf.group(step, values)]
