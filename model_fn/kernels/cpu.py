"""What a graph is made for: inside `tuned`, layers are made in the way that is fastest on a CPU, as measured; else of TensorFlow's own ops."""
import contextlib

from blitznet_estimator.runtime import tf

_precision, _with_gradients = None, False


@contextlib.contextmanager
def tuned(precision, with_gradients=False):
    """Inside the `with` block, layers are made for a CPU.

    Args:
      precision: 'fp32', 'mixed' (bfloat16), or None: not for a CPU.
      with_gradients: whether their gradients matter as well.
    """
    global _precision, _with_gradients
    before = _precision, _with_gradients
    _precision, _with_gradients = precision, with_gradients
    try:
        yield
    finally:
        _precision, _with_gradients = before


def precision():
    """'fp32', 'mixed', or None where the graph is not for a CPU."""
    return _precision


def with_gradients():
    """Whether gradients matter as well, of a graph that is for a CPU."""
    return bool(_precision) and _with_gradients


@contextlib.contextmanager
def gradient(op_type, name):
    """Ops of a type that are made inside the `with` block have the gradient registered as `name`, where gradients for a CPU are wanted."""
    with tf.get_default_graph().gradient_override_map({op_type: name} if with_gradients() else {}):
        yield
