"""Windows: which rectangle of its canvas an image is shown through, and where its pixels, boxes and mask land in the picture.

A window is (top, left, height, width) [B, 4] float32 in pixels of the image, relative to its corner; it may reach beyond
the image, onto the canvas around it. The picture is the window scaled to S x S, mirrored where asked. All that moves
follows one `Placement`, so that image, boxes and mask move together. Resizing is TF1's (no half-pixel centres): pixel i of
the picture shows the image at i * extent / S.

In a mosaic a picture is a tile of a larger one, of sides of its own; `in_tile` puts its Placement there.
"""
import collections

from blitznet_estimator.runtime import tf

# source: (top, left, height, width) [B, 4] int32, the visible part of the image; target: the rectangle [B, 4] int32 of the picture that
# it fills; extent: (height, width) [B, 2] float32 of the whole window, in pixels of the image; mirrored: [B] bool.
Placement = collections.namedtuple('Placement', 'source target extent mirrored')


def full_windows(size):
    """Windows on whole images of `size` [B, 2]."""
    return tf.cast(tf.concat([tf.zeros_like(size), size], axis=1), tf.float32)


def place(size, window, mirrored, side):
    """The Placement of images of `size` [B, 2] int32 seen through windows, in pictures of `side` x `side`, or of sides [B, 2].

    The visible part fills whole pixels of the picture: where the canvas shows, its edges move by up to half of one, and
    boxes and mask with them. At least one pixel of the image shows.
    """
    size, side = tf.cast(size, tf.float32), _sides(side, size)
    start, extent = window[:, :2], window[:, 2:]
    low = tf.clip_by_value(start, 0., size - 1)
    high = tf.maximum(tf.minimum(start + extent, size), low + 1)
    target_low = tf.minimum(tf.round((low - start) * side / extent), side - 1.)
    target_low = tf.maximum(target_low, 0.)
    target_high = tf.clip_by_value(tf.round((high - start) * side / extent), target_low + 1, side)
    extent = (high - low) * side / (target_high - target_low)
    left = tf.where(mirrored, side[:, 1] - target_high[:, 1], target_low[:, 1])
    source = tf.concat([low, high - low], axis=1)
    target = tf.concat([target_low[:, :1], left[:, None], target_high - target_low], axis=1)
    return Placement(tf.cast(source, tf.int32), tf.cast(target, tf.int32), extent, mirrored)


def in_tile(placement, corner, sides, side):
    """A Placement in tiles of `sides` [B, 2] as one in the pictures of `side` x `side` that hold the tiles at `corner` [B, 2] int32."""
    target = placement.target + tf.pad(corner, [[0, 0], [0, 2]])
    return placement._replace(target=target, extent=placement.extent * side / tf.cast(sides, tf.float32))


def _sides(side, size):
    """[B, 2] float32 of a side, or of sides."""
    return tf.zeros_like(size, tf.float32) + tf.cast(side, tf.float32)


def move_boxes(boxes, size, placement, side):
    """Boxes [B, N, 4] of the images, as boxes of the pictures, clipped; and which [B, N] have their centre in the picture."""
    side = _sides(side, size)
    size, extent = tf.cast(size, tf.float32)[:, None], placement.extent[:, None]  # [B, 1, 2]
    start = tf.cast(placement.source[:, None, :2], tf.float32)
    target = tf.cast(placement.target, tf.float32)
    left = tf.where(placement.mirrored, side[:, 1] - target[:, 1] - target[:, 3], target[:, 1])
    offset = tf.stack([target[:, 0], left], axis=1)[:, None] / side[:, None]
    low = (boxes[..., :2] * size - start) / extent + offset  # [B, N, 2]
    high = (boxes[..., 2:] * size - start) / extent + offset
    center = (low + high) / 2
    inside = tf.reduce_all((center >= 0) & (center <= 1), axis=-1)
    moved = tf.clip_by_value(tf.concat([low, high], axis=-1), 0., 1.)
    top, left, bottom, right = tf.unstack(moved, axis=-1)
    flipped = tf.stack([top, 1 - right, bottom, 1 - left], axis=-1)
    return tf.where(placement.mirrored, flipped, moved), inside


def mask_indices(placement, side, cells):
    """Rows and columns [B, cells] int32 of the image under a mask of `cells` x `cells` (nearest neighbour); -1 off the image."""
    numbers = tf.range(cells)
    lines = []
    for axis in (0, 1):
        start, length, first, count = (values[:, None] for values in (
            placement.source[:, axis], placement.source[:, axis + 2], placement.target[:, axis], placement.target[:, axis + 2]))
        inside = (numbers * side >= first * cells) & (numbers * side < (first + count) * cells)  # [B, cells], the cell's first pixel is
        extent = placement.extent[:, axis, None]
        cell = tf.floor(tf.cast(numbers, tf.float32) * (extent / cells) - tf.cast(first, tf.float32) * extent / side)
        cell = tf.clip_by_value(tf.cast(cell, tf.int32), 0, length - 1)  # within the visible part
        if axis == 1:
            cell = tf.where(placement.mirrored, length - 1 - cell, cell)
        lines.append(tf.where(inside, start + cell, -tf.ones_like(cell)))
    return lines
