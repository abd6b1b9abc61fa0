"""What model_fn publishes for hooks: scalar tensors by name."""
import collections

from blitznet_estimator.runtime import tf

COLLECTION = 'monitor'  # of the graph; holds (name, scalar tensor) pairs


def monitored():
    """{name: scalar tensor} of the current graph; `loss` is the total. Of several devices, each with its own batch, their mean."""
    published = collections.defaultdict(list)
    for name, tensor in tf.get_collection(COLLECTION):
        published[name].append(tensor)
    return {name: tensors[0] if len(tensors) == 1 else tf.add_n(tensors) / len(tensors) for name, tensors in published.items()}
