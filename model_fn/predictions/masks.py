"""Masks at each image's own size: the logits of a small map, resized (bilinear, as TF1 does it), and the best class of every pixel."""
from blitznet_estimator.runtime import map_fn, tf

BAND = 4 << 20  # resized logits of an image at once, at most: 16 MB, and as much for each of the two rows they lie between
STRIP = 8 << 20  # logits of the map at once, of which only the columns are resized, at most: 32 MB, and as much for each of two neighbours


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
    """[H, W] from [s, s, C]. A picture may be as wide as it has pixels: one that is wider than a strip of columns is made strip by strip."""
    side, num_classes = [int(length) for length in logits.shape[1:]]
    (height, width), widest = tf.unstack(size), max(STRIP // num_classes // side, 1)

    def whole():
        columns = tf.image.resize_bilinear(logits[None], [side, width])[0]
        columns.set_shape([side, None, num_classes])  # which is not known inside of a condition
        return _mask_of_columns(columns, height)

    def by_strips():
        """As `whole`, with the columns resized by plain operations, which take those that they are told to."""
        step = tf.concat([logits[:, 1:], logits[:, -1:]], axis=1) - logits  # from one column of the map to the next

        def strip(first):
            at, low = _places(first + tf.range(widest), side, width)
            return _mask_of_columns(tf.gather(logits, low, axis=1) + tf.gather(step, low, axis=1) * (at - tf.to_float(low))[:, None], height)

        strips = map_fn(strip, tf.range(0, width, widest), dtype=tf.uint8, parallel_iterations=1)  # [n, H, widest]
        return tf.reshape(tf.transpose(strips, [1, 0, 2]), [height, -1])[:, :width]

    return tf.cond(width <= widest, whole, by_strips)


def _mask_of_columns(columns, height):
    """[H, W] from [s, W, C]. From one row of the map to the next, logits change in straight lines: a class that is best in both is best
    between them. So only pixels between different classes get logits; and by bands, as those of 12 megapixels could take 1 GB.
    """
    side, num_classes, width = int(columns.shape[0]), int(columns.shape[2]), tf.shape(columns)[1]
    best = _argmax(columns)
    unsure = tf.not_equal(best, tf.concat([best[1:], best[-1:]], axis=0))
    pixels = tf.reshape(columns, [-1, num_classes])
    rows = tf.minimum(tf.maximum(BAND // num_classes // width, 1), height)  # of a band

    def band(first):
        _, low = _places(first + tf.range(rows), side, height)
        pixel = tf.where(tf.gather(unsure, low))
        row, column = tf.unstack(tf.to_int32(pixel), axis=1)
        at, above = _places(first + row, side, height)
        place = above * width + column
        upper, lower = tf.gather(pixels, place), tf.gather(pixels, place + width)  # the last row has none below it, and is sure
        between = _argmax(upper + (lower - upper) * (at - tf.to_float(above))[:, None])
        return tf.tensor_scatter_nd_update(tf.gather(best, low), pixel, between)

    bands = map_fn(band, tf.range(0, height, rows), dtype=tf.uint8, parallel_iterations=2)
    return tf.reshape(bands, [-1, width])[:height]


def _places(number, side, target):
    """Where rows, or columns, of the mask read from, in those of the map, and that of the map at or before it. target: how many the mask has."""
    at = tf.to_float(number) * (side / tf.to_float(target))
    return at, tf.minimum(tf.to_int32(at), side - 1)


def _argmax(logits):
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32), tf.uint8)
