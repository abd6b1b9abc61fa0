"""What a platform tells `model_fn`."""
import dataclasses
from typing import Any, Callable, Optional

from blitznet_estimator.runtime import tf


def _as_it_is(optimizer):
    return optimizer


@dataclasses.dataclass(frozen=True)
class ModelParams:
    """The entry `platform` of model_fn's params. The defaults are those of a plain Estimator, on any device.

    wrap_optimizer: a function, optimizer -> the optimizer to use. The latter may scale the loss, or reduce gradients over workers.
    estimator_spec: a function, (mode, **fields of tf.estimator.EstimatorSpec) -> the spec that the platform's estimator takes.
    raw_predictions: whether PREDICT gives the network's raw outputs, which the host then finishes (`evaluation.host_postprocess`).
    constant_weights: whether the graph of PREDICT holds the checkpoint's weights as constants. Else it holds variables.
    cpu_precision: 'fp32' or 'mixed' if the graph is for a CPU, else None. It turns on `model_fn.kernels.dispatch`.
    folds_constants: whether a session computes constants before its first step and keeps them, as TensorFlow's own does.
    num_workers: the number of devices that train together; the learning rate may be multiplied by it.
    """
    wrap_optimizer: Callable[[Any], Any] = _as_it_is
    estimator_spec: Callable[..., Any] = tf.estimator.EstimatorSpec
    raw_predictions: bool = False
    constant_weights: bool = False
    cpu_precision: Optional[str] = None
    folds_constants: bool = True
    num_workers: int = 1

    def __deepcopy__(self, memo):
        """Itself: an estimator copies its params, and the functions belong to a platform, which cannot be copied."""
        return self
