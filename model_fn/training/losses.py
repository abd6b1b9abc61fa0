"""Losses: of detection and of segmentation, over the whole batch, with static shapes and only ops that an NPU's graph takes."""
import numpy as np

from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.runtime import tf

NEGATIVES_PER_POSITIVE = 3
SMALLEST = 1e-6  # side of a box; only those that pad the batch are smaller, and their logarithm has to be finite


def detection_losses(outputs, labels, anchors):
    """({'class', 'bbox'}: scalar losses, {'class_pos', 'class_neg', 'accuracy'}: scalar figures beside them).

    Args:
      outputs: with confidence [B, A, C] and location [B, A, 4].
      labels: with match [B, A], boxes [B, M, 4] and classes [B, M], as in `blitznet_estimator.batch`.
      anchors: [A, 4] as centers.
    """
    match = tf.cast(labels['match'], tf.int32)  # [B, A]
    positive = match > BACKGROUND
    classes, targets = anchor_targets(labels['classes'], labels['boxes'], match, anchors)
    losses, figures = class_loss(outputs['confidence'], classes * tf.to_int32(positive), positive, tf.equal(match, BACKGROUND))
    losses['bbox'] = box_loss(outputs['location'], targets, positive)
    return losses, figures


def segmentation_losses(outputs, labels, anchors):
    """({'segmentation': mean cross-entropy over the labelled pixels}, {'accuracy_pixels': share of them that is right})."""
    del anchors
    logits, mask = outputs['segmentation'], labels['mask']
    labelled = mask < int(logits.shape[-1])
    entropy, right = _cross_entropy(logits, tf.where(labelled, mask, tf.zeros_like(mask)))
    labelled = tf.to_float(labelled)
    return {'segmentation': _mean(entropy, labelled)}, {'accuracy_pixels': _mean(right, labelled)}


# The losses of each head, by the raw output that it has.
LOSSES = {'confidence': detection_losses, 'segmentation': segmentation_losses}


def all_losses(outputs, labels, anchors):
    """(losses, figures) of every head that `outputs` has."""
    losses, figures = {}, {}
    for name in sorted(set(LOSSES) & set(outputs)):
        for found, new in zip((losses, figures), LOSSES[name](outputs, labels, anchors)):
            found.update(new)
    return losses, figures


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
    """Cross-entropy of the positives and of the hardest negatives, over the number of positives (SSD, arXiv 1512.02325, section 2.2).

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
    return {'class': loss}, {
        'class_pos': _mean(entropy, chosen), 'class_neg': _mean(entropy, hard), 'accuracy': _mean(right, chosen + hard)}


def hard_negative_weights(entropy, negative, wanted):
    """Weights [B, A] that add up to `wanted`: 1 at the largest entropies of negatives, else 0; what ties for the last place shares it.

    The least entropy that is taken is found bit by bit, for floats above 0 are ordered as their bits are, read as an integer. That is
    exact, has static shapes whatever the values, and takes a quarter of the time of top_k with k = A.
    """
    values = tf.where(negative, entropy, -tf.ones_like(entropy))
    at_least_one, least = tf.maximum(wanted, 1), tf.constant(0)
    for bit in range(30, -1, -1):
        higher = least + (1 << bit)
        enough = _count(values >= tf.bitcast(higher, tf.float32)) >= at_least_one
        least = tf.where(enough, higher, least)
    least = tf.bitcast(least, tf.float32)
    above, equal = values > least, tf.equal(values, least)
    share = (wanted - _count(above)) / tf.maximum(_count(equal), 1)
    return tf.to_float(above) + tf.to_float(equal) * share


def box_loss(location, targets, positive):
    """Smooth L1 (beta 1) of offsets [B, A, 4], summed over the four, mean over the positives."""
    chosen = tf.to_float(positive)
    difference = location - targets
    slope = tf.stop_gradient(tf.clip_by_value(difference, -1, 1) * chosen[..., None])
    # x * s - s * s / 2 is x * x / 2 for |x| < 1 and |x| - 1/2 elsewhere, and its derivative is s
    return tf.reduce_sum(slope * (difference - slope / 2)) / tf.maximum(tf.reduce_sum(chosen), 1)


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

    @tf.custom_gradient
    def gather(values):
        first = tf.range(0, int(np.prod(shape)), shape[-1])  # of each row
        found = tf.gather(tf.reshape(values, [-1]), tf.reshape(first, shape[:-1]) + index)

        def gradient(upstream):
            chosen = tf.equal(tf.range(shape[-1]), index[..., None])
            return tf.to_float(chosen) * upstream[..., None]
        return found, gradient
    return gather(values)


def _count(where):
    """Number of True as a float, exact to 2^24: TensorFlow adds integers on the host even when all else is on a GPU."""
    return tf.reduce_sum(tf.to_float(where))


def _mean(values, weights):
    """Weighted mean, 0 where all weights are."""
    return tf.reduce_sum(values * weights) / tf.maximum(tf.reduce_sum(weights), 1)
