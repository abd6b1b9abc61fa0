"""An optimizer around one that leaves steps out: it counts them all, and those that were applied.

A loss-scaling optimizer skips the whole update where a gradient overflowed, the increment of the global step with it. The global step
would then not advance by whole loops, and a run that always overflows would never end. Here the global step counts every step, and
the variable `applied_steps` those whose gradients were finite: the difference is the number of skipped steps.
"""
from blitznet_estimator.runtime import tf

COLLECTION = 'applied_steps'  # of the graph; holds the variable, for the hook that reports skipped steps


class CountedOptimizer(tf.train.Optimizer):
    """Wraps `optimizer`, whose apply_gradients increments its global_step only where it applies the gradients."""

    def __init__(self, optimizer):
        super().__init__(use_locking=False, name='Counted')
        self._optimizer = optimizer
        self._applied = _make_counter()

    def compute_gradients(self, *args, **kwargs):
        """As tf.train.Optimizer's."""
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """As tf.train.Optimizer's; `global_step` is incremented whether or not the gradients are applied."""
        update = self._optimizer.apply_gradients(grads_and_vars, global_step=self._applied)
        if global_step is None:
            return tf.group(update, name=name)
        with tf.control_dependencies([update]):
            return tf.group(tf.assign_add(global_step, tf.ones_like(global_step)), name=name)

    def get_slot(self, *args, **kwargs):
        """As tf.train.Optimizer's."""
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """As tf.train.Optimizer's."""
        return self._optimizer.get_slot_names(*args, **kwargs)

    def variables(self):
        """As tf.train.Optimizer's."""
        return self._optimizer.variables()


def accepted(loss):
    """The loss to tell an Estimator, a scalar: it ends at NaN with a traceback, also where the step is left out. NonFiniteHook judges the loss."""
    if not tf.get_collection(COLLECTION):
        return loss
    return tf.where(tf.is_finite(loss), loss, tf.constant(loss.dtype.max, loss.dtype))


def _make_counter():
    """The graph's counter of applied steps, an int64 scalar."""
    with tf.control_dependencies(None):
        return tf.get_variable(COLLECTION, shape=[], dtype=tf.int64, initializer=tf.zeros_initializer(), trainable=False,
                               collections=[tf.GraphKeys.GLOBAL_VARIABLES, COLLECTION])
