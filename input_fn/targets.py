"""Targets: for a group of samples, the random choices, and all that follows for boxes, anchors and the places of pixels.

A group is a batch of samples (see `parsing`), boxes and classes padded with 0. What concerns boxes is computed for many
images at once, as its many small operations cost more to start than to run.
"""
from blitznet_estimator.batch import UNUSED
from blitznet_estimator.runtime import tf
from input_fn import augmentation, geometry
from input_fn.matching import Matcher

_MIN_SIDE = 2  # pixels of the picture; augmentation drops boxes that became smaller


class TargetMaker:
    """Makes the targets of groups for networks of a NetworkConfig; `augment` and `labels` say whether there is either at all.

    Random choices depend on `seed`, the batch's number, `first_batch` plus the group's, and `shard` (index, count), the worker's, alone.
    """

    def __init__(self, network, data, labels, augment=False, seed=0, first_batch=0, shard=(0, 1)):
        self._network, self._data, self._labels, self._augment = network, data, labels, augment
        self._seed, self._first_batch, self._shard = seed, first_batch, shard
        self._matcher = Matcher(network) if labels and network.detect else None

    def __call__(self, number, group):
        """The group with what `rendering` follows, and the labels of boxes.

        Augmented: source, target, mirrored (as in `geometry.Placement`) and the amounts of `photometric.distort`. With labels: rows and
        columns under the cells of the mask; boxes, classes and match as in the batch.
        """
        side, size = self._network.image_size, group['size']
        targets = {key: value for key, value in group.items() if key not in ('boxes', 'classes', 'has_boxes')}
        window, mirrored = geometry.full_windows(size), tf.fill(tf.shape(size)[:1], False)
        if self._augment:
            drawn = augmentation.draw(self._seed, self._first_batch + number, tf.shape(size)[0], self._shard)
            window, mirrored = augmentation.sample_windows(drawn, size, group['boxes'], self._data.zoomout_prob)
            targets.update(augmentation.color_amounts(drawn))
        placement = geometry.place(size, window, mirrored, side)
        if self._augment:
            targets.update(source=placement.source, target=placement.target, mirrored=mirrored)
        if self._labels:
            targets['rows'], targets['columns'] = geometry.mask_indices(placement, side, self._network.segmentation_size)
            targets.update(self._box_labels(group, placement))
        return targets

    def _box_labels(self, group, placement):
        """{boxes [B, M, 4], classes [B, M], match [B, A]} as in the batch."""
        side = self._network.image_size
        boxes, keep = geometry.move_boxes(group['boxes'], group['size'], placement, side)
        keep &= (group['classes'] > 0) & _large_enough(boxes, _MIN_SIDE / side if self._augment else 0)
        boxes, classes = pad_or_trim(boxes, group['classes'], keep, self._data.max_boxes)
        count = tf.shape(boxes)[0]
        unused = tf.fill([count, self._network.num_anchors], UNUSED)
        match = unused
        if self._matcher:
            match = tf.where(group['has_boxes'], self._matcher.match(boxes, classes > 0), unused)
        return {'boxes': boxes, 'classes': classes, 'match': match}


def pad_or_trim(boxes, classes, keep, count):
    """(boxes [B, count, 4], classes [B, count]) of those to keep [B, N], in their order, then zeros; of more than `count` the largest."""
    # So many more places that there are always enough to choose from, the last one always empty.
    boxes, classes, keep = (tf.pad(values, [[0, 0], [0, count + 1]] + [[0, 0]] * (len(values.shape) - 2))
                            for values in (boxes, classes, keep))
    sides = boxes[..., 2:] - boxes[..., :2]
    area = tf.where(keep, sides[..., 0] * sides[..., 1], -tf.ones_like(sides[..., 0]))
    chosen = tf.nn.top_k(area, count).indices  # [B, count]
    empty = tf.fill(tf.shape(chosen), tf.shape(keep)[1] - 1)
    chosen = tf.where(tf.gather(keep, chosen, batch_dims=1), chosen, empty)
    chosen = -tf.nn.top_k(-chosen, count).values  # in their order, the empty last
    return tf.gather(boxes, chosen, batch_dims=1), tf.gather(classes, chosen, batch_dims=1)


def _large_enough(boxes, least):
    """Which of boxes [..., 4] are `least` or more wide and high, and not empty."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return tf.reduce_all((sides >= least) & (sides > 0), axis=-1)
