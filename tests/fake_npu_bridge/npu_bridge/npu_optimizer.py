"""Optimizers: the mean over the ranks, and loss scaling by a status of the device that sees saturated values, not infinities."""
import tensorflow.compat.v1 as tf

from npu_bridge import hccl_ops

FLOAT16_MAX = 65504.


class _Wrapper(tf.train.Optimizer):
    def __init__(self, opt, name):
        super().__init__(use_locking=False, name=name)
        self._opt = opt

    def compute_gradients(self, *args, **kwargs):
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        return self._opt.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, *args, **kwargs):
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self):
        return self._opt.variables()


class NPUDistributedOptimizer(_Wrapper):
    """Averages gradients where RANK_SIZE is above 1."""

    def __init__(self, optimizer, is_weight_update_sharding=False, name=None):
        super().__init__(optimizer, name or 'Distributed')

    def compute_gradients(self, *args, **kwargs):
        gradients, size = super().compute_gradients(*args, **kwargs), hccl_ops.rank_size()
        if size == 1:
            return gradients
        return [(gradient if gradient is None else hccl_ops.allreduce(gradient, 'sum') / size, variable)
                for gradient, variable in gradients]


class FixedLossScaleManager:
    """One scale."""

    def __init__(self, loss_scale):
        if loss_scale < 1:
            raise ValueError('loss scale must be at least 1.')
        self._scale = tf.convert_to_tensor(loss_scale, dtype=tf.float32)

    def get_loss_scale(self):
        """A scalar."""
        return self._scale

    def update_loss_scale(self, finite_grads):
        """Nothing."""
        return tf.no_op()


class ExponentialUpdateLossScaleManager:
    """Multiplies the scale after `incr_every_n_steps` good steps and after `decr_every_n_nan_or_inf` bad ones."""

    def __init__(self, init_loss_scale, incr_every_n_steps, decr_every_n_nan_or_inf=2, incr_ratio=2, decr_ratio=0.8):
        if tf.get_default_graph()._current_control_dependencies():
            raise ValueError('Placeholder not support')
        self._every, self._ratios = (decr_every_n_nan_or_inf, incr_every_n_steps), (decr_ratio, incr_ratio)
        self._scale = tf.Variable(float(init_loss_scale), trainable=False, name='loss_scale')
        self._good = tf.Variable(0, trainable=False, name='good_steps')
        self._bad = tf.Variable(0, trainable=False, name='bad_steps')

    def get_loss_scale(self):
        """The variable."""
        return self._scale

    def update_loss_scale(self, finite_grads):
        """Count, and change the scale where a count is full."""
        finite = tf.cast(finite_grads, tf.int32)
        good, bad = (self._good + 1) * finite, self._bad + 1 - finite
        fall, rise = bad >= self._every[0], good >= self._every[1]
        factor = tf.where(fall, self._ratios[0], tf.where(rise, float(self._ratios[1]), 1.))
        kept = tf.cast(~(fall | rise), tf.int32)
        return tf.group(tf.assign(self._scale, tf.maximum(1., self._scale * factor)), tf.assign(self._good, good * kept),
                        tf.assign(self._bad, bad * kept))


class NPULossScaleOptimizer(_Wrapper):
    """Skips the update, the increment of global_step included, where a scaled gradient left the range of float16."""

    def __init__(self, opt, loss_scale_manager, is_distributed=False):
        super().__init__(opt, 'NPULossScaleOptimizer')
        self._manager, self._is_distributed, self._finite = loss_scale_manager, is_distributed, None

    def compute_gradients(self, loss, *args, **kwargs):
        scale = tf.identity(self._manager.get_loss_scale())
        gradients = super().compute_gradients(loss * scale, *args, **kwargs)
        # Not by ~(a < b), which TensorFlow's optimizer makes a >= b: both are false of NaN.
        saturated = tf.add_n([tf.reduce_sum(1. - tf.cast(abs(gradient) < FLOAT16_MAX, tf.float32))
                              for gradient, _ in gradients if gradient is not None])
        self._finite = tf.equal(hccl_ops.allreduce(saturated, 'sum') if self._is_distributed else saturated, 0.)
        return [(gradient if gradient is None else gradient / scale, variable) for gradient, variable in gradients]

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        with tf.control_dependencies([gradient for gradient, _ in grads_and_vars]):
            finite = tf.identity(self._finite)
        update = tf.cond(finite, lambda: self._opt.apply_gradients(grads_and_vars, global_step, name), tf.no_op)
        return tf.group(update, self._manager.update_loss_scale(finite))
