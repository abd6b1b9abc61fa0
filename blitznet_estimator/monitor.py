"""The scalars that model_fn publishes for hooks and platforms, by the graph: `loss` is the total, the others have their summaries' names."""
import collections

from blitznet_estimator.runtime import tf

_COLLECTION = 'monitor'  # of the graph; holds (name, scalar tensor) pairs


def publish(name, tensor):
    """Publish a scalar of the current graph. Of several devices each publishes its own."""
    tf.add_to_collection(_COLLECTION, (name, tensor))


def monitored():
    """{name: scalar tensor} of the current graph. Of several devices, each with its own batch, their mean."""
    published = collections.defaultdict(list)
    for name, tensor in tf.get_collection(_COLLECTION):
        published[name].append(tensor)
    return {name: tensors[0] if len(tensors) == 1 else tf.add_n(tensors) / len(tensors) for name, tensors in published.items()}
