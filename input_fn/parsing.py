"""Parsing: one serialized tf.train.Example of any RecordFormat becomes a sample, a dict of tensors whose image is still encoded.

A sample's keys, as they come from here
  path, index   string, int64: the record's file and its index in it, for errors
  source_id     int64 (evaluation)
  image, mask   string: encoded bytes, or raw pixels where the format says so; a mask is '' where the image has none
  size          [2] int32: height and width in pixels
  boxes         [n, 4] float32, as in `boxes.py`, clipped to the image
  classes       [n] int32, from 1
  has_boxes     bool: False where the image has no box labels at all
"""
from blitznet_estimator.runtime import tf


def parse(item, record_format, num_classes, masks=True):
    """The sample of {record, path, index, ...}; a malformed record fails with its path and index.

    num_classes counts the background; without `masks` every mask is empty.
    """
    features = tf.parse_single_example(item['record'], _features(record_format))
    image = features[record_format.image]
    boxes = _boxes(features, record_format)
    classes = tf.cast(features[record_format.label].values, tf.int32) + record_format.label_offset  # [n]
    well_formed = tf.stack([
        tf.strings.length(image) > 0,
        tf.equal(tf.shape(boxes)[0], tf.shape(classes)[0]),
        tf.reduce_all(tf.is_finite(boxes)),
        tf.reduce_all((classes >= 1) & (classes < num_classes))])
    check = tf.Assert(tf.reduce_all(well_formed), [
        'Malformed record (has an image, as many labels as boxes, finite boxes, classes in range):', well_formed,
        'in file', item['path'], 'record', item['index']])
    with tf.control_dependencies([check]):
        sample = {key: value for key, value in item.items() if key != 'record'}
        sample.update(
            image=tf.identity(image), mask=_mask(features, record_format) if masks else tf.constant(''),
            size=_size(features, record_format, image), has_boxes=_flag(features, record_format.has_boxes))
        sample.update(_without_crowds(tf.clip_by_value(boxes, 0., 1.), classes, features, record_format))
    return sample


def _features(record_format):
    """The features that parse_single_example reads."""
    ints, floats = tf.io.VarLenFeature(tf.int64), tf.io.VarLenFeature(tf.float32)
    features = {key: floats for key in record_format.boxes}
    features.update({key: ints for key in (record_format.label, record_format.crowd) if key})
    features.update({key: tf.io.FixedLenFeature((), tf.string, '') for key in (record_format.image, record_format.mask) if key})
    features.update({key: tf.io.FixedLenFeature((), tf.int64) for key in (record_format.height, record_format.width) if key})
    features.update({key: tf.io.FixedLenFeature((), tf.int64, 1)
                     for key in (record_format.has_boxes, record_format.has_mask) if key})
    return features


def _boxes(features, record_format):
    """[n, 4]; NaN for what is missing."""
    columns = [features[key].values for key in record_format.boxes]
    if len(columns) == 1:
        spare = -tf.size(columns[0]) % 4
        return tf.reshape(tf.pad(columns[0], [[0, spare]], constant_values=float('nan')), [-1, 4])
    longest = tf.reduce_max([tf.size(column) for column in columns])
    return tf.stack([tf.pad(column, [[0, longest - tf.size(column)]], constant_values=float('nan')) for column in columns], axis=1)


def _without_crowds(boxes, classes, features, record_format):
    """The boxes and classes of single objects: a crowd's box is none that a detector should learn."""
    if not record_format.crowd:
        return {'boxes': boxes, 'classes': classes}
    crowd = features[record_format.crowd].values  # [n], or [0] in a record without the key
    single = tf.equal(tf.pad(crowd, [[0, tf.size(classes) - tf.size(crowd)]]), 0)
    return {'boxes': tf.boolean_mask(boxes, single), 'classes': tf.boolean_mask(classes, single)}


def _mask(features, record_format):
    if not record_format.mask:
        return tf.constant('')
    return tf.where(_flag(features, record_format.has_mask), features[record_format.mask], '')


def _flag(features, key):
    return tf.not_equal(features[key], 0) if key else tf.constant(True)


def _size(features, record_format, image):
    """[2] int32: as recorded, else from the image's own header."""
    if record_format.height:
        return tf.cast(tf.stack([features[record_format.height], features[record_format.width]]), tf.int32)
    size = tf.cond(tf.image.is_jpeg(image), lambda: tf.image.extract_jpeg_shape(image)[:2], lambda: _png_size(image))
    return tf.ensure_shape(size, [2])


def _png_size(image):
    """[2] int32 from a PNG's first chunk: width, then height, big-endian."""
    return tf.decode_raw(tf.strings.substr(image, 16, 8), tf.int32, little_endian=False)[::-1]
