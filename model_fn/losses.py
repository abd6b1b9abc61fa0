"""Losses: of detection and of segmentation, over the whole batch, with static shapes and only ops that an NPU's graph takes."""
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.contract import BACKGROUND
from blitznet_estimator.runtime import tf

NEGATIVES_PER_POSITIVE = 3


def detection_losses(outputs, labels, anchors):
    """({'class', 'bbox'}: scalar losses, {'class_pos', 'class_neg', 'accuracy'}: scalar figures beside them).

    Args:
      outputs: with confidence [B, A, C] and location [B, A, 4].
      labels: with match [B, A], boxes [B, M, 4] and classes [B, M], as in `contract.py`.
      anchors: [A, 4] as centers.
    """
    match = tf.cast(labels['match'], tf.int32)  # [B, A]
    positive = match > BACKGROUND
    boxes, classes = _of_anchors(labels, match, positive)
    losses, figures = class_loss(outputs['confidence'], classes, positive, tf.equal(match, BACKGROUND))
    losses['bbox'] = box_loss(outputs['location'], encode(boxes, anchors, positive), positive)
    return losses, figures


def segmentation_losses(outputs, labels, anchors):
    """({'segmentation': mean cross-entropy over the labelled pixels}, {'accuracy_pixels': share of them that is right})."""
    del anchors
    logits, mask = outputs['segmentation'], labels['mask']
    labelled = mask < int(logits.shape[-1])
    target = tf.where(labelled, mask, tf.zeros_like(mask))
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
    right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), target)
    return {'segmentation': _mean(entropy, labelled)}, {'accuracy_pixels': _mean(tf.to_float(right), labelled)}


# The losses of each head, by the raw output that it has.
LOSSES = {'confidence': detection_losses, 'segmentation': segmentation_losses}


def all_losses(outputs, labels, anchors):
    """(losses, figures) of every head that `outputs` has."""
    losses, figures = {}, {}
    for name in sorted(set(LOSSES) & set(outputs)):
        for found, new in zip((losses, figures), LOSSES[name](outputs, labels, anchors)):
            found.update(new)
    return losses, figures


def class_loss(confidence, classes, positive, negative):
    """Cross-entropy of the positives and of the hardest negatives, over the number of positives (SSD, arXiv 1512.02325, section 2.2).

    Args:
      confidence: [B, A, C] before softmax.
      classes: [B, A] int32, 0 but at positives.
      positive, negative: [B, A] bool; an anchor may be neither.
    """
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=confidence)  # [B, A]
    right = tf.to_float(tf.equal(tf.argmax(confidence, axis=-1, output_type=tf.int32), classes))
    num_anchors = int(confidence.shape[1])
    num_positives = tf.reduce_sum(tf.to_int32(positive))
    wanted = tf.minimum(NEGATIVES_PER_POSITIVE * num_positives, num_anchors - num_positives)
    hardest, where = _hardest(entropy, negative, num_anchors)
    taken = tf.to_float(tf.logical_and(tf.range(num_anchors) < wanted, hardest >= 0))  # at most A, so that k is constant
    positive_sum = _sum(entropy, positive)
    negative_sum = tf.reduce_sum(hardest * taken)
    of_positives, of_negatives = (tf.to_float(tf.maximum(count, 1)) for count in (num_positives, wanted))
    hard_right = tf.reduce_sum(tf.gather(tf.reshape(right, [-1]), where) * taken)
    return {'class': (positive_sum + negative_sum) / of_positives}, {
        'class_pos': positive_sum / of_positives, 'class_neg': negative_sum / of_negatives,
        'accuracy': (_sum(right, positive) + hard_right) / (of_positives + of_negatives)}


def _hardest(entropy, negative, count):
    """The `count` largest entropies [count] of negatives, largest first, and where they are; -1 where there are no more."""
    values = tf.where(negative, entropy, -tf.ones_like(entropy))
    return tf.nn.top_k(tf.reshape(values, [-1]), count)


def box_loss(location, targets, positive):
    """Smooth L1 (beta 1) of offsets [B, A, 4], summed over the four, mean over the positives."""
    difference = tf.abs(location - targets)
    smooth = tf.where(difference < 1, .5 * tf.square(difference), difference - .5)
    return _mean(tf.reduce_sum(smooth, axis=-1), positive)


def encode(boxes, anchors, positive):
    """Offsets [B, A, (tx, ty, tw, th)] of boxes [B, A, 4] from anchors, centers [A, 4]; 0 where not positive."""
    anchors = tf.constant(anchors)
    chosen = tf.to_float(positive)[..., None]
    centers = tf.concat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], axis=-1)
    centers = chosen * centers + (1 - chosen) * anchors  # elsewhere the anchor itself, or log would meet 0
    shift = (centers[..., :2] - anchors[..., :2]) / anchors[..., 2:] / VARIANCES[0]  # [B, A, (ty, tx)]
    scale = tf.log(centers[..., 2:] / anchors[..., 2:]) / VARIANCES[1]  # [B, A, (th, tw)]
    return tf.concat([shift[..., ::-1], scale[..., ::-1]], axis=-1)


def _of_anchors(labels, match, positive):
    """Each anchor's box [B, A, 4] and class [B, A]; of an anchor that has none a padded box, and class 0."""
    batch, num_boxes = [int(size) for size in labels['classes'].shape]
    index = tf.maximum(match, 0) + num_boxes * tf.range(batch)[:, None]  # into the boxes of the whole batch
    classes = tf.gather(tf.reshape(labels['classes'], [-1]), index) * tf.to_int32(positive)
    return tf.gather(tf.reshape(labels['boxes'], [-1, 4]), index), classes


def weight_decay(weight):
    """weight * sum(w^2) / 2 over the convolution weights, those of the heads too; not over gamma, beta and biases."""
    weights = [variable for variable in tf.trainable_variables() if variable.op.name.endswith('/weights')]
    return weight * tf.add_n([tf.nn.l2_loss(variable) for variable in weights])


def _sum(values, where):
    return tf.reduce_sum(values * tf.to_float(where))


def _mean(values, where):
    """Mean of values where `where`, 0 where that is nowhere."""
    return _sum(values, where) / tf.maximum(tf.reduce_sum(tf.to_float(where)), 1)
