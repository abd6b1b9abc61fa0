"""The learning rate's schedule, the optimizers, and the training step."""
from blitznet_estimator.runtime import tf


class _SmallSlots:
    """Mixed into an optimizer: its slots' initial zeros are made when they are set. TensorFlow would make them ahead, as constants of the
    graph, which the session then keeps: twice the weights' memory for Adam's two slots."""

    def _zeros_slot(self, var, slot_name, op_name):
        return self._get_or_make_slot_with_initializer(var, _zeros, var.shape, var.dtype.base_dtype, slot_name, op_name)


def _zeros(shape, dtype, **_):
    """As tf.zeros, of a value that is random for all that TensorFlow's folding of constants knows."""
    return tf.fill(shape, tf.cast(tf.minimum(tf.random_uniform([]), 0.), dtype))  # of [0, 1)


class _Adam(_SmallSlots, tf.train.AdamOptimizer):
    pass


class _Momentum(_SmallSlots, tf.train.MomentumOptimizer):
    pass


OPTIMIZERS = {'adam': _Adam, 'nesterov': lambda rate: _Momentum(rate, .9, use_nesterov=True)}


def learning_rate(step, config, num_workers=1):
    """The rate at a global step: warmup_lr to step warmup_step (0 = no warm-up), then learning_rate, a tenth after each lr_decay step.

    A step that equals a boundary still has the earlier rate, as published runs had it.
    """
    factor = num_workers if config.scale_learning_rate else 1
    rates = [config.learning_rate * factor * .1 ** i for i in range(len(config.lr_decay) + 1)]
    boundaries = list(config.lr_decay)
    if config.warmup_step:
        rates, boundaries = [config.warmup_lr * factor] + rates, [config.warmup_step] + boundaries
    if not boundaries:
        return tf.constant(rates[0])
    passed = tf.to_int32(tf.to_int32(step) > tf.constant(boundaries))  # no control flow, so that any device takes it
    return tf.gather(tf.constant(rates), tf.reduce_sum(passed))


def train_step(loss, config, wrap_optimizer=None, num_workers=1):
    """(train_op, learning rate, norm of the gradients) of one step, with the updates of batch norm.

    Args:
      loss: scalar, weight decay included.
      config: a TrainConfig.
      wrap_optimizer: an optimizer -> the one to use, which scales the loss or averages over workers.
    """
    step = tf.train.get_or_create_global_step()
    rate = learning_rate(step, config, num_workers)
    optimizer = OPTIMIZERS[config.optimizer](rate)
    if wrap_optimizer is not None:
        optimizer = wrap_optimizer(optimizer)
    gradients = optimizer.compute_gradients(loss, tf.trainable_variables())
    norm = tf.global_norm([gradient for gradient, _ in gradients])
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        return optimizer.apply_gradients(gradients, step), rate, norm
