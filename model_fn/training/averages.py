"""Moving averages of the network's variables while it is trained, and the saver that restores them."""
from blitznet_estimator import averaged_weights, checkpoint_variables
from blitznet_estimator.runtime import tf


def update_averages(decay, after, zeros):
    """An op that brings the averages of all model variables up to date once the op `after` has changed these.

    After n updates the next one keeps min(decay, n / (n + 9)) of the average: the usual warm-up of the decay, (1 + m) / (10 + m) after m
    more than the first, which takes the variables as they are. So it does not matter what the averages began with, a training may turn them
    on at any step, and the first weights of a warm start count no more than others.

    Batch norm's moving statistics are averaged as the weights are, so that both are of the same steps. Of several devices, each averages
    its own copies: they are equal, as the variables are.

    Args:
      decay: in (0, 1).
      after: an op or tensor.
      zeros: a function (shape, dtype) -> the first value of an average.
    """
    variables = tf.model_variables()
    averages = [_variable(averaged_weights.name_of(_name(variable)), variable.shape, variable.dtype.base_dtype, zeros)
                for variable in variables]
    updates = _variable(averaged_weights.COUNTER, [], tf.int64, tf.zeros_initializer())
    with tf.control_dependencies([after]):
        count = tf.to_float(_read(updates))
        share = 1 - tf.minimum(decay, count / (count + 9))
        changed = [average.assign_sub((_read(average) - _read(variable)) * share) for average, variable in zip(averages, variables)]
    with tf.control_dependencies(changed):
        return tf.group(updates.assign_add(1))


def _variable(name, shape, dtype, initializer):
    """One of each device's own, of which a checkpoint gets the first's."""
    return tf.get_variable(name, shape, dtype, initializer, trainable=False, collections=[tf.GraphKeys.GLOBAL_VARIABLES],
                           synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)


def _read(variable):
    """The value of now. Of several devices each reads its own copy: `read_value` of TensorFlow 1.15 would give the mean of all."""
    return tf.identity(variable) if tf.distribute.has_strategy() else variable.read_value()


def _name(variable):
    """A variable's name in checkpoints. The name of its op may be that of a copy, on another device."""
    return variable.name.split(':')[0]


def restoring_scaffold():
    """A tf.train.Scaffold for a graph that is not trained: its variables get the averages of a checkpoint that has averages."""
    return tf.train.Scaffold(saver=_AveragesSaver())


class _AveragesSaver(tf.train.Saver):
    """Restores the global variables, those of the model from their averages where the checkpoint has these."""

    def __init__(self):
        super().__init__(defer_build=True)

    def build(self):
        """As tf.train.Saver's."""
        super().build()
        of_the_model = tf.model_variables()
        self._of_averages = tf.train.Saver({
            averaged_weights.name_of(_name(variable)) if variable in of_the_model else _name(variable): variable
            for variable in tf.global_variables()})

    def restore(self, sess, save_path):
        """As tf.train.Saver's."""
        if averaged_weights.holds_averages(checkpoint_variables.shapes(tf.train.load_checkpoint(save_path))):
            self._of_averages.restore(sess, save_path)
        else:
            super().restore(sess, save_path)
