"""A step's batch in parts (--accumulate_steps): each goes through the network after the one before, in the memory that one part takes."""
from blitznet_estimator.runtime import tf
from model_fn.training.losses import all_losses, normalisers
from model_fn.training.order import after_all


class Parts:
    """The losses of a batch, part by part, which add up to those of the whole batch.

    A loss is a mean: over the positives of detection, over the labelled pixels of segmentation. Each part's is divided by the count of the
    whole batch, so that the sum of the parts, and of their gradients, is that of the batch. Two things are each part's own: batch norm takes
    the statistics of a part, and moves its averages at every part; and the hardest negatives are taken from each part, three for each of its
    positives.
    """

    def __init__(self, features, labels, config, anchors, network):
        """network: features -> raw outputs. The first part makes its variables, and the others take them."""
        self._batch, self._train, self._anchors, self._network = (features, labels), config.train, anchors, network
        self._found = []  # what `all_losses` gives, of each part so far
        self._updates = []  # of batch norm, by the last part
        self.outputs = {}  # of the last part

    def computations(self):
        """Functions () -> the part's share of the total loss without weight decay, to be called in order."""
        count = self._train.accumulate_steps
        return [lambda i=i: self._compute(i, count) for i in range(count)]

    def _compute(self, i, count):
        known = set(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # on several devices those of others, too
        with after_all(self._updates):
            total = self._losses_of_part(i, count)
        self._updates = [update for update in tf.get_collection(tf.GraphKeys.UPDATE_OPS) if update not in known]
        return total

    def _losses_of_part(self, i, count):
        features, labels = [{key: _part(value, i, count) for key, value in part.items()} for part in self._batch]
        with tf.variable_scope(tf.get_variable_scope(), reuse=bool(self._found)):
            self.outputs = self._network(features)
        shares = self._shares(labels) if count > 1 else {}
        self._found.append(all_losses(self.outputs, labels, self._anchors, self._train, shares))
        return self._found[-1][0]

    def _shares(self, labels):
        """{loss: the part's count over that of the whole batch}."""
        whole, part = [normalisers(self.outputs, each, self._anchors, self._train) for each in (self._batch[1], labels)]
        return {name: part[name] / whole[name] for name in whole}

    def sums(self):
        """As `all_losses` of the whole batch, after all computations; but a metric is the mean over the parts."""
        totals, losses, metrics = zip(*self._found)
        losses, metrics = [{name: tf.add_n([found[name] for found in each]) for name in each[0]} for each in (losses, metrics)]
        return tf.add_n(totals), losses, {name: value / len(totals) for name, value in metrics.items()}


def _part(value, i, count):
    """The i-th of `count` equal parts of a batch."""
    size = int(value.shape[0]) // count
    return value[i * size:(i + 1) * size] if count > 1 else value
