"""Weight decay: of the convolution weights, those of the heads too; not of gamma, beta and biases."""
import re

from blitznet_estimator.runtime import tf

_DECAYED = re.compile(r'/(weights|kernel|depthwise_weights|depthwise_kernel)(/replica_\d+)?:0$')  # the copies of other devices are named so


def weight_decay(weight):
    """The loss: weight * sum(w^2) / 2."""
    return weight * tf.add_n([tf.nn.l2_loss(variable) for variable in tf.trainable_variables() if is_decayed(variable)])


def with_gradient(gradient, variable, weight):
    """The gradient of all other losses by a variable, and of weight decay: for the optimizer to add when it has the first.

    Of the loss itself TensorFlow would make it as the step begins, for all variables at once: as much memory as the weights take.
    """
    if not weight or not is_decayed(variable):
        return gradient
    weight = tf.constant(weight, gradient.dtype)  # outside: an op waits only if none of its inputs does
    with tf.control_dependencies([gradient]):
        return gradient + weight * variable


def is_decayed(variable):
    """Whether weight decay covers a variable, told by its name."""
    return _DECAYED.search(variable.name) is not None
