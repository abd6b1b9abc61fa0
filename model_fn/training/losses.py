"""Losses: of detection and of segmentation, over the whole batch, with static shapes and only ops that an NPU's graph takes."""
import numpy as np

from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.heads import LOSSES as KNOWN_LOSSES
from blitznet_estimator.heads import heads_in
from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients

NEGATIVES_PER_POSITIVE = 3
SMALLEST = 1e-6  # side of a box; only those that pad the batch are smaller, and their logarithm has to be finite
_AT_GRADIENT = 'GradientOfValuesAtIndex'


class Targets:
    """What the network is to say about a batch. Each part is made when a loss first asks for it, and once.

    labels: as in `blitznet_estimator.batch`. anchors: [A, 4] as centers.
    """

    def __init__(self, labels, anchors):
        self._labels, self._anchors, self._of_anchors = labels, anchors, None

    @property
    def match(self):
        """Index of each anchor's box, BACKGROUND or UNUSED: int32 [B, A]."""
        return self._detection()[0]

    @property
    def positive(self):
        """Which anchors have a box: bool [B, A]."""
        return self._detection()[1]

    @property
    def classes(self):
        """Class of each anchor's box, 0 where it has none: int32 [B, A]."""
        return self._detection()[2]

    @property
    def offsets(self):
        """Encoded offsets [B, A, (tx, ty, tw, th)] of each anchor's box."""
        return self._detection()[3]

    @property
    def mask(self):
        """Class of each pixel: int32 [B, s, s]; 255 where there is no label."""
        return self._labels['mask']

    def _detection(self):
        if self._of_anchors is None:
            match = self._labels['match']
            positive = match > BACKGROUND
            classes, offsets = anchor_targets(self._labels['classes'], self._labels['boxes'], match, self._anchors)
            self._of_anchors = match, positive, classes * tf.to_int32(positive), offsets
        return self._of_anchors


def _class(outputs, targets):
    return class_loss(outputs['confidence'], targets.classes, targets.positive, tf.equal(targets.match, BACKGROUND))


def _bbox(outputs, targets):
    return box_loss(outputs['location'], targets.offsets, targets.positive), {}


def _segmentation(outputs, targets):
    return segmentation_loss(outputs['segmentation'], targets.mask)


# (raw outputs, Targets) -> (scalar loss, {name: scalar metric beside it}). blitznet_estimator.heads.LOSSES says which head has which
LOSSES = {'class': _class, 'bbox': _bbox, 'segmentation': _segmentation}


def all_losses(outputs, labels, anchors, weight_of):
    """(the weighted sum, {name: scalar loss}, {name: scalar metric}) of the heads whose raw outputs are in `outputs`.

    Args:
      labels, anchors: as of `Targets`.
      weight_of: name of a loss -> its weight. A loss of weight 0 is left out.
    """
    losses, metrics, heads, targets = {}, {}, heads_in(outputs), Targets(labels, anchors)
    weights = {name: weight_of(name) for name, loss in KNOWN_LOSSES.items() if loss.head in heads and weight_of(name)}
    for name in weights:
        losses[name], found = LOSSES[name](outputs, targets)
        metrics.update(found)
    total = tf.add_n([losses[name] if weights[name] == 1 else weights[name] * losses[name] for name in sorted(losses)])
    return total, losses, metrics


def anchor_targets(classes, boxes, match, anchors):
    """Class [B, A] and encoded offsets [B, A, (tx, ty, tw, th)] of each anchor's box; of an unmatched anchor those of the image's first.

    Args:
      classes [B, M]; boxes [B, M, 4]; match [B, A] int32, below 0 where there is none; anchors [A, 4] as centers.
    """
    batch, num_boxes = [int(size) for size in classes.shape]
    row = tf.maximum(match, 0) + num_boxes * tf.range(batch)[:, None]  # among the boxes of the whole batch
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    size = tf.maximum(boxes[..., 2:] - boxes[..., :2], SMALLEST)
    measures = tf.concat([center[..., ::-1], tf.log(size)[..., ::-1]], axis=-1)  # [B, M, (cx, cy, ln w, ln h)]
    of_anchor = np.concatenate([anchors[:, 1::-1], np.log(anchors[:, :1:-1])], axis=-1)  # [A, (cx, cy, ln w, ln h)]
    unit = np.concatenate([VARIANCES[0] * anchors[:, :1:-1], np.full_like(anchors[:, 2:], VARIANCES[1])], axis=-1)
    # `boxes.encode` with all its logarithms taken before the gathering, of M boxes instead of A
    targets = (tf.gather(tf.reshape(measures, [-1, 4]), row) - of_anchor) * (1 / unit)
    return tf.gather(tf.reshape(classes, [-1]), row), targets


def class_loss(confidence, classes, positive, negative):
    """(loss, metrics): cross-entropy of the positives and of the hardest negatives, over the number of positives.

    Source: SSD, arXiv 1512.02325, section 2.2.

    Args:
      confidence: [B, A, C] before softmax.
      classes: [B, A] int32, 0 but at positives.
      positive, negative: [B, A] bool; an anchor may be neither.
    """
    entropy, right = _cross_entropy(confidence, classes)  # [B, A] each
    chosen = tf.to_float(positive)
    positives, num_anchors = tf.reduce_sum(chosen), int(confidence.shape[1])
    # The limit is the anchors of one image, though the count is the batch's: published networks were trained this way.
    wanted = tf.maximum(tf.minimum(NEGATIVES_PER_POSITIVE * positives, num_anchors - positives), 0)
    hard = hard_negative_weights(tf.stop_gradient(entropy), negative, wanted)
    loss = tf.reduce_sum(entropy * (chosen + hard)) / tf.maximum(positives, 1)
    return loss, {
        'class_pos': _mean(entropy, chosen), 'class_neg': _mean(entropy, hard), 'accuracy': _mean(right, chosen + hard)}


def hard_negative_weights(entropy, negative, wanted):
    """Weights [B, A] that add up to `wanted`: 1 at the largest entropies of negatives, else 0; what ties for the last place shares it.

    The least entropy that is taken is found bit by bit, for floats above 0 are ordered as their bits are, read as an integer. That is
    exact, has static shapes whatever the values, and takes a quarter of the time of top_k with k = A.
    The bits are a vector of one element: the graph engine of CANN 5 and 6 refuses a Bitcast of a scalar.
    """
    values = tf.where(negative, entropy, -tf.ones_like(entropy))
    at_least_one, least = tf.maximum(wanted, 1), tf.constant([0])
    for bit in range(30, -1, -1):
        higher = least + (1 << bit)
        enough = _count(values >= tf.bitcast(higher, tf.float32)) >= at_least_one
        least = tf.where(enough, higher, least)
    least = tf.bitcast(least, tf.float32)
    above, equal = values > least, tf.equal(values, least)
    share = (wanted - _count(above)) / tf.maximum(_count(equal), 1)
    return tf.to_float(above) + tf.to_float(equal) * share


def segmentation_loss(logits, mask):
    """(loss, metrics): mean cross-entropy of logits [B, s, s, C] over the labelled pixels of a mask [B, s, s]."""
    labelled = mask < int(logits.shape[-1])
    entropy, right = _cross_entropy(logits, tf.where(labelled, mask, tf.zeros_like(mask)))
    labelled = tf.to_float(labelled)
    return _mean(entropy, labelled), {'accuracy_pixels': _mean(right, labelled)}


def box_loss(location, targets, positive):
    """Smooth L1 (beta 1) of offsets [B, A, 4], summed over the four, mean over the positives.

    It divides before it sums: mixed precision on an NPU may sum in float16, and the sum of a batch can pass 65504.
    """
    chosen = tf.to_float(positive)
    difference = location - targets
    slope = tf.stop_gradient(tf.clip_by_value(difference, -1, 1) * chosen[..., None])
    # x * s - s * s / 2 is x * x / 2 for |x| < 1 and |x| - 1/2 elsewhere, and its derivative is s
    return tf.reduce_sum(slope * (difference - slope / 2) / tf.maximum(tf.reduce_sum(chosen), 1))


def _cross_entropy(logits, classes):
    """Softmax cross-entropy [...] of logits [..., C] at classes [...], and 1 where that class is the likeliest, else 0.

    Written out: TensorFlow's own op takes half as long again on a CPU, and the accuracy would cost it another pass.
    """
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))
    at_class = _at(shifted, classes)
    return tf.log(tf.reduce_sum(tf.exp(shifted), axis=-1)) - at_class, tf.to_float(at_class >= 0)


def _at(values, index):
    """values[..., index] [...] of [..., C] and int32 [...]. Its gradient compares instead of scattering, which TensorFlow does on one core."""
    shape = [int(size) for size in values.shape]
    first = tf.range(0, int(np.prod(shape)), shape[-1])  # of each row
    found = tf.gather(tf.reshape(values, [-1]), tf.reshape(first, shape[:-1]) + index)
    return gradients.attach(_AT_GRADIENT, found, [values, index])


def _at_gradient(values, index, dy):
    chosen = tf.equal(tf.range(int(values.shape[-1])), index[..., None])
    return tf.to_float(chosen) * dy[..., None], None


gradients.register(_AT_GRADIENT, _at_gradient)


def _count(where):
    """Number of True as a float, exact to 2^24: TensorFlow adds integers on the host even when all else is on a GPU."""
    return tf.reduce_sum(tf.to_float(where))


def _mean(values, weights):
    """Weighted mean, 0 where all weights are."""
    return tf.reduce_sum(values * weights) / tf.maximum(tf.reduce_sum(weights), 1)
