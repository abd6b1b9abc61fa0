"""Losses: of detection and of segmentation, over the whole batch, with static shapes and only ops that an NPU's graph takes.

Where tf.distribute trains several replicas, each computes its part: what it sums is of its own batch, and what it divides by is the mean over all
replicas. So the mean of the parts, by which the replicas learn, is the loss of all their batches together. Only the hardest negatives are chosen
by each replica among its own, three for each of its own positives.
"""
import numpy as np

from blitznet_estimator import replicas
from blitznet_estimator.batch import BACKGROUND
from blitznet_estimator.boxes import VARIANCES
from blitznet_estimator.heads import LOSSES as KNOWN_LOSSES
from blitznet_estimator.heads import heads_in
from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients

NEGATIVES_PER_POSITIVE = 3
FOCAL_ALPHA, FOCAL_GAMMA = .25, 2  # arXiv 1708.02002, table 1b
LARGEST = 62.5  # a decoded side in sides of its anchor: 1000 / 16, as detectors limit it, so that an untrained network's exponential stays finite
SMALLEST = 1e-6  # side of a box; only those that pad the batch are smaller, and their logarithm has to be finite
_AT_GRADIENT = 'GradientOfValuesAtIndex'


class Targets:
    """What the network is to say about a batch. Each part is made when a loss first asks for it, and once.

    labels: as in `blitznet_estimator.batch`. anchors: [A, 4] as centers.
    """

    def __init__(self, labels, anchors):
        self.anchors, self._labels, self._of_anchors = anchors, labels, None

    @property
    def match(self):
        """Index of each anchor's box, BACKGROUND or UNUSED: int32 [B, A]."""
        return self._labels['match']

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
            classes, offsets = anchor_targets(self._labels['classes'], self._labels['boxes'], match, self.anchors)
            self._of_anchors = match, positive, classes * tf.to_int32(positive), offsets
        return self._of_anchors


def _class(outputs, targets, train):
    return CLASS_LOSSES[train.class_loss](outputs['confidence'], targets.classes, targets.positive, tf.equal(targets.match, BACKGROUND),
                                          train.label_smoothing)


def _bbox(outputs, targets, train):
    return BOX_LOSSES[train.box_loss](outputs['location'], targets), {}


def _segmentation(outputs, targets, train):
    return segmentation_loss(outputs['segmentation'], targets.mask, train.label_smoothing, train.pixel_weights)


# (raw outputs, Targets, TrainConfig) -> (scalar loss, {name: scalar metric beside it}). blitznet_estimator.heads.LOSSES says which head has which
LOSSES = {'class': _class, 'bbox': _bbox, 'segmentation': _segmentation}


def _positives(outputs, targets, train):
    return _share(_count(targets.match > BACKGROUND))


def _labelled_pixels(outputs, targets, train):
    return _share(tf.reduce_sum(_pixel_weights(*_labelled(outputs['segmentation'], targets.mask), train.pixel_weights)))


NORMALISERS = {'class': _positives, 'bbox': _positives, 'segmentation': _labelled_pixels}  # what each is a mean over, of the same arguments


def all_losses(outputs, labels, anchors, train, shares=None):
    """(the weighted sum, {name: scalar loss}, {name: scalar metric}) of the heads whose raw outputs are in `outputs`.

    Args:
      labels, anchors: as of `Targets`.
      train: a TrainConfig, for the weights and the forms of the losses. A loss of weight 0 is left out.
      shares: {name: scalar} to multiply losses by, of a part of a batch; None has the whole.
    """
    losses, metrics, targets, weights = {}, {}, Targets(labels, anchors), _weights(outputs, train)
    for name in weights:
        loss, found = LOSSES[name](outputs, targets, train)
        losses[name] = loss * shares[name] if shares else loss
        metrics.update(found)
    total = tf.add_n([losses[name] if weights[name] == 1 else weights[name] * losses[name] for name in sorted(losses)])
    return total, losses, metrics


def normalisers(outputs, labels, anchors, train):
    """{name: scalar above 0} that each loss of `all_losses` was divided by, of the same arguments; of all losses that are built."""
    targets = Targets(labels, anchors)
    return {name: NORMALISERS[name](outputs, targets, train) for name in _weights(outputs, train)}


def _weights(outputs, train):
    """{name: weight} of the losses that are built."""
    heads = heads_in(outputs)
    return {name: train.weight_of(name) for name, loss in KNOWN_LOSSES.items() if loss.head in heads and train.weight_of(name)}


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


def class_loss(confidence, classes, positive, negative, smoothing=0.):
    """(loss, metrics): cross-entropy of the positives and of the hardest negatives, over the number of positives.

    Source: SSD, arXiv 1512.02325, section 2.2.

    Args:
      confidence: [B, A, C] before softmax.
      classes: [B, A] int32, 0 but at positives.
      positive, negative: [B, A] bool; an anchor may be neither.
      smoothing: share of a label that is spread over all classes.
    """
    entropy, right = _cross_entropy(confidence, classes, smoothing)  # [B, A] each
    chosen = tf.to_float(positive)
    positives, num_anchors = tf.reduce_sum(chosen), int(confidence.shape[1])
    # The limit is the anchors of one image, though the count is the batch's: published networks were trained this way.
    wanted = tf.maximum(tf.minimum(NEGATIVES_PER_POSITIVE * positives, num_anchors - positives), 0)
    hard = hard_negative_weights(tf.stop_gradient(entropy), negative, wanted)
    loss = tf.reduce_sum(entropy * (chosen + hard)) / _share(positives)
    return loss, {
        'class_pos': _mean(entropy, chosen), 'class_neg': _mean(entropy, hard), 'accuracy': _mean(right, chosen + hard)}


def focal_loss(confidence, classes, positive, negative, smoothing=0.):
    """(loss, metrics): cross-entropy of all anchors, each times (1 - p)^2 of its own class's probability p, over the number of positives.

    Positives count FOCAL_ALPHA, negatives the rest. Arguments as of `class_loss`.
    Source: RetinaNet, arXiv 1708.02002, section 3, with a softmax in place of sigmoids.
    """
    entropy, right = _cross_entropy(confidence, classes)
    learnt = _cross_entropy(confidence, classes, smoothing)[0] if smoothing else entropy
    chosen, others = tf.to_float(positive), tf.to_float(negative)
    weight = (FOCAL_ALPHA * chosen + (1 - FOCAL_ALPHA) * others) * tf.pow(1 - tf.exp(-entropy), FOCAL_GAMMA)
    loss = tf.reduce_sum(weight * learnt) / _share(tf.reduce_sum(chosen))
    return loss, {'class_pos': _mean(entropy, chosen), 'class_neg': _mean(entropy, others), 'accuracy': _mean(right, chosen + others)}


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


def segmentation_loss(logits, mask, smoothing=0., class_weights=()):
    """(loss, metrics): mean cross-entropy of logits [B, s, s, C] over the labelled pixels of a mask [B, s, s].

    Args:
      smoothing: as of `class_loss`.
      class_weights: of the pixels in the mean, by their class; () = all the same.
    """
    labelled, classes = _labelled(logits, mask)
    entropy, right = _cross_entropy(logits, classes, smoothing)
    return _mean(entropy, _pixel_weights(labelled, classes, class_weights)), {'accuracy_pixels': _mean(right, labelled)}


def _labelled(logits, mask):
    """(1 where a pixel of a mask [B, s, s] has a label, else 0; its class, or 0)."""
    labelled = mask < int(logits.shape[-1])
    return tf.to_float(labelled), tf.where(labelled, mask, tf.zeros_like(mask))


def _pixel_weights(labelled, classes, class_weights):
    return labelled * tf.gather(tf.constant(class_weights, tf.float32), classes) if class_weights else labelled


def box_loss(location, targets, positive):
    """Smooth L1 (beta 1) of offsets [B, A, 4], summed over the four, mean over the positives.

    It divides before it sums: mixed precision on an NPU may sum in float16, and the sum of a batch can pass 65504.
    """
    chosen = tf.to_float(positive)
    difference = location - targets
    slope = tf.stop_gradient(tf.clip_by_value(difference, -1, 1) * chosen[..., None])
    # x * s - s * s / 2 is x * x / 2 for |x| < 1 and |x| - 1/2 elsewhere, and its derivative is s
    return tf.reduce_sum(slope * (difference - slope / 2) / _share(tf.reduce_sum(chosen)))


def giou_loss(location, targets, anchors, positive):
    """Mean over the positives of 1 - GIoU, between the boxes of offsets and of target offsets [B, A, 4] from anchors [A, 4] as centers.

    GIoU is the IoU less the share of the smallest box around both that neither covers; so that boxes that do not meet learn too.
    Source: arXiv 1902.09630.
    """
    found, wanted = decode(location, anchors), decode(targets, anchors)
    low, high = tf.maximum(found[..., :2], wanted[..., :2]), tf.minimum(found[..., 2:], wanted[..., 2:])
    around = tf.maximum(found[..., 2:], wanted[..., 2:]) - tf.minimum(found[..., :2], wanted[..., :2])
    shared, hull = _product(tf.maximum(high - low, 0)), tf.maximum(_product(around), SMALLEST ** 2)
    union = tf.maximum(_product(found[..., 2:] - found[..., :2]) + _product(wanted[..., 2:] - wanted[..., :2]) - shared, SMALLEST ** 2)
    return _mean(1 - shared / union + (hull - union) / hull, tf.to_float(positive))


def _product(sides):
    """Areas [...] of [..., (h, w)]."""
    return sides[..., 0] * sides[..., 1]


def decode(offsets, anchors):
    """Boxes [B, A, 4], not clipped, of offsets [B, A, (tx, ty, tw, th)] from anchors [A, 4] as centers. A side is at most LARGEST anchors'."""
    anchors = np.asarray(anchors, np.float32)
    center = offsets[..., 1::-1] * (VARIANCES[0] * anchors[:, 2:]) + anchors[:, :2]
    half = tf.exp(tf.minimum(offsets[..., :1:-1] * VARIANCES[1], np.log(LARGEST))) * (anchors[:, 2:] / 2)
    return tf.concat([center - half, center + half], axis=-1)


def _smooth_l1(location, targets):
    return box_loss(location, targets.offsets, targets.positive)


def _giou(location, targets):
    return giou_loss(location, targets.offsets, targets.anchors, targets.positive)


CLASS_LOSSES = {'hard_negatives': class_loss, 'focal': focal_loss}
BOX_LOSSES = {'smooth_l1': _smooth_l1, 'giou': _giou}


def _cross_entropy(logits, classes, smoothing=0.):
    """Softmax cross-entropy [...] of logits [..., C] at classes [...], and 1 where that class is the likeliest, else 0.

    smoothing: as of `class_loss`.

    Written out: TensorFlow's own op takes half as long again on a CPU, and the accuracy would cost it another pass.
    """
    shifted = logits - tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))
    at_class = _at(shifted, classes)
    wanted = at_class if not smoothing else (1 - smoothing) * at_class + smoothing * tf.reduce_mean(shifted, axis=-1)
    return tf.log(tf.reduce_sum(tf.exp(shifted), axis=-1)) - wanted, tf.to_float(at_class >= 0)


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
    """This replica's part of the weighted mean, 0 where all weights are."""
    return tf.reduce_sum(values * weights) / _share(tf.reduce_sum(weights))


def _share(count):
    """One replica's equal share of a count of all replicas together, which is taken for 1 where it is less."""
    return tf.maximum(replicas.mean([count])[0], 1 / replicas.count())
