"""The learning rate's schedule, the optimizers, and the training step."""
import numpy as np

from blitznet_estimator import replicas
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.runtime import tf
from model_fn.training.averages import update_averages
from model_fn.training.order import after_all
from model_fn.training.recompute import Recomputing
from model_fn.training.weight_decay import is_decayed, with_gradient

PLAIN = ModelParams()
LARGE = 1 << 16  # elements of a variable


class _Decayed:
    """Comes before an optimizer of TensorFlow: weight decay, and slots that start at 0, with no memory of the weights' size for either.

    Every optimizer of tf.train changes a variable in one of the four methods below.
    """

    def __init__(self, weight_decay, folds_constants, *args, **settings):
        super().__init__(*args, **settings)
        self._weight_decay, self._folds_constants = weight_decay, folds_constants

    def _apply_dense(self, grad, var):
        return super()._apply_dense(with_gradient(grad, var, self._weight_decay), var)

    def _resource_apply_dense(self, grad, handle):
        return super()._resource_apply_dense(with_gradient(grad, handle, self._weight_decay), handle)

    def _apply_sparse_duplicate_indices(self, grad, var):
        return super()._apply_sparse_duplicate_indices(grad, self._undecayed(var))

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        return super()._resource_apply_sparse_duplicate_indices(grad, self._undecayed(handle), indices)

    def _undecayed(self, variable):
        if self._weight_decay and is_decayed(variable):
            raise ValueError('%s has a sparse gradient, but weight decay changes all of it.' % variable.name)
        return variable

    def _zeros_slot(self, var, slot_name, op_name):
        if not self._folds_constants or var.shape.num_elements() < LARGE:
            return super()._zeros_slot(var, slot_name, op_name)
        return self._get_or_make_slot_with_initializer(var, _zeros, var.shape, var.dtype.base_dtype, slot_name, op_name)


def _zeros(shape, dtype, **_):
    """As tf.zeros, of a value that is random for all that TensorFlow knows: it would make constants ahead, which the session then keeps."""
    return tf.fill(shape, tf.cast(tf.minimum(tf.random_uniform([]), 0.), dtype))  # of [0, 1)


OPTIMIZERS = {  # by name: a class of TensorFlow, and its settings beside the learning rate. `make_optimizer` adds weight decay to any of them
    'adam': (tf.train.AdamOptimizer, {}),
    'nesterov': (tf.train.MomentumOptimizer, {'momentum': .9, 'use_nesterov': True}),
}


def make_optimizer(name, rate, weight_decay, folds_constants=True):
    """The optimizer of this name in OPTIMIZERS, which adds weight decay to the gradients that it is given.

    folds_constants: as of ModelParams.
    """
    plain, settings = OPTIMIZERS[name]
    return type('Decayed' + plain.__name__, (_Decayed, plain), {})(weight_decay, folds_constants, learning_rate=rate, **settings)


def learning_rate(step, config, num_workers=1):
    """The rate at a global step: warmup_lr to step warmup_step (0 = no warm-up), then that of config.lr_schedule in SCHEDULES.

    A step that equals a boundary still has the earlier rate, as published runs had it.
    """
    return SCHEDULES[config.lr_schedule](step, config, num_workers if config.scale_learning_rate else 1)


def _in_steps(step, config, factor):
    """learning_rate, a tenth after each lr_decay step."""
    rates = [config.learning_rate * factor * .1 ** i for i in range(len(config.lr_decay) + 1)]
    boundaries = list(config.lr_decay)
    if config.warmup_step:
        rates, boundaries = [config.warmup_lr * factor] + rates, [config.warmup_step] + boundaries
    if not boundaries:
        return tf.constant(rates[0])
    passed = tf.to_int32(tf.to_int32(step) > tf.constant(boundaries))  # no control flow, so that any device takes it
    return tf.gather(tf.constant(rates), tf.reduce_sum(passed))


def _cosine(step, config, factor):
    """learning_rate at the end of the warm-up, 0 at train_steps, half a cosine between (arXiv 1608.03983 without restarts)."""
    first, last, step = config.warmup_step, config.train_steps, tf.to_float(step)
    part = tf.clip_by_value((step - first) / max(last - first, 1), 0, 1)
    rate = config.learning_rate * factor / 2 * (1 + tf.cos(np.pi * part))
    warm = tf.to_float(step <= first) if first else 0.
    return rate + warm * (config.warmup_lr * factor - rate)


SCHEDULES = {'steps': _in_steps, 'cosine': _cosine}


def train_step(loss, config, platform=PLAIN, before=(), more=()):
    """(train_op, learning rate, norm of the loss's gradients before they are clipped) of one step.

    It holds the updates of batch norm, and of the weights' averages.

    Args:
      loss: scalar, without weight decay, which the optimizer adds.
      config: a TrainConfig.
      platform: the ModelParams.
      before: tensors to compute before any variable changes: what reads variables and is no part of the gradients.
      more: functions () -> loss, of other parts of the batch, whose gradients are added. Each is called, and computed, after the one before.
    """
    step = tf.train.get_or_create_global_step()
    rate = learning_rate(step, config, platform.num_workers)
    optimizer = make_optimizer(config.optimizer, rate, config.weight_decay, platform.folds_constants)
    optimizer = platform.wrap_optimizer(optimizer)
    values, variables = _gradients(optimizer, loss, more, config.recompute)
    values, norm = _clipped(values, config.clip_gradients)
    with after_all(list(before) + tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_op = optimizer.apply_gradients(list(zip(values, variables)), step)
    if config.ema_decay:
        train_op = update_averages(config.ema_decay, train_op, _zeros if platform.folds_constants else tf.zeros_initializer())
    return train_op, rate, norm


def _gradients(optimizer, loss, more, recompute):
    """(gradients, variables that they are by) of a loss and of `more`, as `train_step` has them."""
    values, variables = _gradients_of_part(optimizer, loss, recompute)
    for compute_loss in more:
        with after_all([value for value in values if value is not None]):
            found, _ = _gradients_of_part(optimizer, compute_loss(), recompute)
            values = [_sum(one, other) for one, other in zip(values, found)]
    return values, variables


def _gradients_of_part(optimizer, loss, recompute):
    if not recompute:
        return zip(*optimizer.compute_gradients(loss, tf.trainable_variables()))
    with Recomputing(loss) as seed:
        return zip(*optimizer.compute_gradients(loss, tf.trainable_variables(), grad_loss=seed))


def _sum(one, other):
    """Of two gradients by one variable; None where no loss depends on it."""
    return None if one is None else one + other


def _clipped(gradients, largest):
    """(gradients, norm of all of them together), shortened to the norm `largest` if that is above 0.

    Of several replicas each has its part of the gradients, which add up when they are applied. Where they are clipped, each gets an equal share of
    the sum first, so that the sum is what is clipped. Else the norm is that of one part, times the number of replicas.
    tf.clip_by_global_norm has infinity as a constant, which an NPU does not take. Gradients that are not finite keep some that are not.
    """
    count = replicas.count()
    if largest and count > 1:
        means = iter(replicas.mean([gradient for gradient in gradients if gradient is not None]))
        gradients = [None if gradient is None else next(means) for gradient in gradients]
    norm = tf.global_norm(gradients)
    if largest:
        share = tf.where(norm > largest / count, largest / count / norm, tf.ones_like(norm))
        gradients = [None if gradient is None else gradient * share for gradient in gradients]
    return gradients, norm if count == 1 else norm * count
