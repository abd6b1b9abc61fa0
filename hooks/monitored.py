"""What model_fn publishes for hooks: scalar tensors by name."""
from blitznet_estimator.runtime import tf

COLLECTION = 'monitor'  # of the graph; holds (name, scalar tensor) pairs


def monitored():
    """{name: scalar tensor} of the current graph; `loss` is the total."""
    return dict(tf.get_collection(COLLECTION))
