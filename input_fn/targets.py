"""Targets: for a group of samples, the random choices, and all that follows for boxes, anchors and the places of pixels.

A group is a batch of samples (see `parsing`), boxes and classes padded with 0. What concerns boxes is computed for many
images at once, as its many small operations cost more to start than to run.
"""
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.batch import BACKGROUND, UNUSED
from blitznet_estimator.runtime import tf
from input_fn import augmentation, geometry, mosaic
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
        columns under the cells of the mask; boxes, classes and match as in the batch. With mosaics: the joint; and all that rendering
        follows has a dimension of tiles after that of the batch.
        """
        step, size = self._first_batch + number, group['size']
        group = dict(group, window=geometry.full_windows(size), mirrored=tf.fill(tf.shape(size)[:1], False))
        if self._augment:
            drawn = augmentation.draw(self._seed, step, tf.shape(size)[0], self._shard)
            group['window'], group['mirrored'] = augmentation.sample_windows(drawn, size, group['boxes'], self._data)
            group.update(augmentation.color_amounts(drawn))
        if self._augment and self._data.mosaic:
            return self._tiled(group, *mosaic.draw(self._seed, step, tf.shape(size)[0], self._data.mosaic, self._network.image_size, self._shard))
        side = self._network.image_size
        placement = geometry.place(size, group['window'], group['mirrored'], side)
        targets = self._rendered(group, placement, placement)
        if self._labels:
            boxes, keep = geometry.move_boxes(group['boxes'], size, placement, side)
            labels = self._box_labels(boxes, group['classes'], keep)
            targets.update(labels, match=tf.where(group['has_boxes'], labels['match'], _unused(labels['match'])))
        return targets

    def _tiled(self, group, members, joint):
        """As `__call__`, of pictures whose tiles hold the images `members` [B, 4] of the group and meet at `joint` [B, 2]."""
        side, count = self._network.image_size, tf.shape(joint)[0]
        tiles = tf.reshape(mosaic.tiles_of(joint, side), [-1, 4])  # of all pictures, as are the parts that they hold
        corner, sides, shown = tiles[:, :2], tf.maximum(tiles[:, 2:], 1), tf.reduce_all(tiles[:, 2:] > 0, axis=1)
        parts = {key: tf.gather(value, tf.reshape(members, [-1])) for key, value in group.items()}
        placement = geometry.place(parts['size'], parts['window'], parts['mirrored'], sides)
        targets = self._rendered(parts, placement, geometry.in_tile(placement, corner, sides, side))
        targets = {key: _by_picture(value, count) for key, value in targets.items()}
        boxes, keep = geometry.move_boxes(parts['boxes'], parts['size'], placement, sides)
        boxes = mosaic.out_of_tiles(boxes, tiles, side)
        keep &= (shown & parts['has_boxes'])[:, None]
        labels = self._box_labels(*[_joined(_by_picture(value, count)) for value in (boxes, parts['classes'], keep)])
        tile = mosaic.tile_at(joint, anchors_of(self._network)[:, :2], side)  # [B, A]
        used = tf.gather(_by_picture(parts['has_boxes'], count), tile, batch_dims=1) | (labels['match'] > BACKGROUND)
        return dict(targets, **dict(labels, joint=joint, match=tf.where(used, labels['match'], _unused(labels['match']))))

    def _rendered(self, group, placement, in_picture):
        """What `rendering` follows of images of a group: their Placement, and the one in the picture that has a mask."""
        targets = {key: value for key, value in group.items() if key not in ('boxes', 'classes', 'has_boxes', 'window', 'mirrored')}
        if self._augment:
            targets.update(source=placement.source, target=placement.target, mirrored=placement.mirrored)
        if self._labels:
            targets['rows'], targets['columns'] = geometry.mask_indices(in_picture, self._network.image_size, self._network.segmentation_size)
        return targets

    def _box_labels(self, boxes, classes, keep):
        """{boxes [B, M, 4], classes [B, M], match [B, A]} as in the batch, of those of the boxes [B, N, 4] of pictures that are to keep."""
        keep &= (classes > 0) & _large_enough(boxes, _MIN_SIDE / self._network.image_size if self._augment else 0)
        boxes, classes = pad_or_trim(boxes, classes, keep, self._data.max_boxes)
        match = tf.fill([tf.shape(boxes)[0], self._network.num_anchors], UNUSED)
        if self._matcher:
            match = self._matcher.match(boxes, classes > 0)
        return {'boxes': boxes, 'classes': classes, 'match': match}


def _unused(match):
    return tf.fill(tf.shape(match), UNUSED)


def _by_picture(values, count):
    """Values [B * 4, ...] of tiles as [B, 4, ...]."""
    return tf.reshape(values, tf.concat([[count, mosaic.TILES], tf.shape(values)[1:]], 0))


def _joined(values):
    """Values [B, 4, N, ...] of tiles as [B, 4 * N, ...] of pictures."""
    return tf.concat(tf.unstack(values, mosaic.TILES, axis=1), 1)


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
