"""Mosaics: pictures of four images, each seen through its own window in a tile of the picture.

The four tiles meet at a joint, a pixel of the picture. A picture that is no mosaic is one tile, and its joint is its lower
right corner: its other tiles are empty. The images of a mosaic are of one batch, so that the order of the data is the same
with and without. Random numbers depend on nothing but the seed and the step.
Source: YOLOv4, arXiv 2004.10934, section 3.3.
"""
from blitznet_estimator.runtime import tf

TILES = 4  # upper left, upper right, lower left, lower right
_JOINT = (.25, .75)  # where the tiles meet, as fractions of the picture's sides


def draw(seed, step, count, probability, side, shard=(0, 1)):
    """(members [B, 4] int32, joint [B, 2] int32) of a batch of `count` pictures: which image is in each tile, and where the tiles meet.

    A picture's first tile holds its own image; the others hold three different ones of the batch.

    shard: (index, count) of a worker. Each mixes the images of its own batch, by numbers of its own.
    """
    # Steps are never below 0: so augmentation draws other numbers.
    numbers = tf.random.stateless_uniform([count * shard[1], 3 + count], tf.stack([tf.cast(seed, tf.int64), -1 - step]))[shard[0]::shard[1]]
    place = tf.cast(tf.floor(side * (_JOINT[0] + numbers[:, 1:3] * (_JOINT[1] - _JOINT[0]))), tf.int32)
    joint = tf.where(numbers[:, 0] < probability, place, tf.fill(tf.shape(place), side))
    others = tf.nn.top_k(numbers[:, 3:] - tf.eye(count), TILES - 1).indices  # of numbers in [0, 1), one's own is the least
    return tf.concat([tf.range(count)[:, None], others], axis=1), joint


def tiles_of(joint, side):
    """Tiles (top, left, height, width) [B, 4, 4] int32 of pictures of `side` x `side`."""
    y, x = joint[:, 0], joint[:, 1]
    none = tf.zeros_like(y)
    return tf.stack([tf.stack(tile, axis=1) for tile in (
        (none, none, y, x), (none, x, y, side - x), (y, none, side - y, x), (y, x, side - y, side - x))], axis=1)


def tile_at(joint, points, side):
    """In which tile [B, N] int32 of a picture each of points [N, (y, x)], as fractions of the picture, is."""
    beyond = tf.cast(points[None] * side >= tf.cast(joint, tf.float32)[:, None], tf.int32)  # [B, N, 2]
    return 2 * beyond[..., 0] + beyond[..., 1]


def out_of_tiles(boxes, tiles, side):
    """Boxes [T, N, 4], fractions of the tiles [T, 4] of pictures of `side` x `side`, as fractions of the pictures."""
    corner, sides = (tf.cast(tf.tile(part, [1, 2]), tf.float32)[:, None] for part in (tiles[:, :2], tiles[:, 2:]))
    return (boxes * sides + corner) / side


def cells_before(joint, side, cells):
    """How many of `cells` per side of a mask have their first pixel before the joint: [2] int32 of [2]."""
    return -(-joint * cells // side)


def assemble(parts):
    """The four tiles [h, w, ...] of a picture, joined."""
    return tf.concat([tf.concat(parts[:2], 1), tf.concat(parts[2:], 1)], 0)
