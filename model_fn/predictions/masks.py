"""Masks at each image's own size: the logits of a small map, resized (bilinear, as TF1 does it), and the best class of every pixel."""
from blitznet_estimator.runtime import map_fn, tf

BAND = 4 << 20  # resized logits of an image at once, at most: 16 MB, and as much for each of the two rows they lie between


def full_size_mask(logits, sizes):
    """Masks [B, H, W] uint8 from logits [B, s, s, C]: resized to each image's size [B, 2], then argmax.

    H and W are the batch's largest; the rest of a smaller image is 0.
    """
    largest = tf.reduce_max(sizes, axis=0)

    def one(item):
        image_logits, size = item
        return tf.pad(_mask(image_logits, size), [[0, largest[0] - size[0]], [0, largest[1] - size[1]]])

    return map_fn(one, (logits, sizes), dtype=tf.uint8, parallel_iterations=4)


def png_masks(logits, sizes):
    """The masks of `full_size_mask`, each of its image's own size, as grey PNG files [B]: a pixel holds the number of its class."""
    def one(item):
        return tf.image.encode_png(_mask(*item)[..., None], compression=1)  # half the time of more, and a mask is small all the same

    return map_fn(one, (logits, sizes), dtype=tf.string, parallel_iterations=4)


def _mask(logits, size):
    """[H, W] from [s, s, C]. From one row of the map to the next, logits change in straight lines: a class that is best in both is best
    between them. So only pixels between different classes get logits; and by bands, as those of 12 megapixels could take 1 GB.
    """
    (side, num_classes), (height, width) = [int(length) for length in logits.shape[1:]], tf.unstack(size)
    columns = tf.image.resize_bilinear(logits[None], [side, width])[0]  # [s, W, C]
    best = _argmax(columns)
    unsure = tf.not_equal(best, tf.concat([best[1:], best[-1:]], axis=0))
    pixels = tf.reshape(columns, [-1, num_classes])
    rows = tf.minimum(tf.maximum(BAND // num_classes // width, 1), height)  # of a band

    def places(row):
        """Where rows of the mask read from, in rows of the map, and the row of the map at or above it."""
        at = tf.to_float(row) * (side / tf.to_float(height))
        return at, tf.minimum(tf.to_int32(at), side - 1)

    def band(first):
        _, low = places(first + tf.range(rows))
        pixel = tf.where(tf.gather(unsure, low))
        row, column = tf.unstack(tf.to_int32(pixel), axis=1)
        at, above = places(first + row)
        place = above * width + column
        upper, lower = tf.gather(pixels, place), tf.gather(pixels, place + width)  # the last row has none below it, and is sure
        between = _argmax(upper + (lower - upper) * (at - tf.to_float(above))[:, None])
        return tf.tensor_scatter_nd_update(tf.gather(best, low), pixel, between)

    bands = map_fn(band, tf.range(0, height, rows), dtype=tf.uint8, parallel_iterations=2)
    return tf.reshape(bands, [-1, width])[:height]


def _argmax(logits):
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32), tf.uint8)
