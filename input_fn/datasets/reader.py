"""The host's reader: records of a source, in order, as samples that decode themselves when asked.

Scoring, verification, previews and drawing read ground truth here; training reads the same records in the graph.
"""
import numpy as np
from google.protobuf.message import DecodeError

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.images import check_graph_reads, check_grey, check_mask, decode_image, decode_mask, is_jpeg_or_png
from input_fn.datasets.tfrecord import read_records

_EDGE = 1e-3  # by which a box may leave the image: rounding, and the difference between conventions


class Sample:
    """One image with its ground truth, by the names of the samples' contract; pixels are decoded on each call.

    source_id int; where str, for errors; filename str; height, width in pixels; boxes [n, 4] float32 as in `boxes.py`;
    classes [n] int32, from 1; difficult, crowd [n] bool; has_boxes and has_mask: whether the image carries that kind of label at all.
    """

    def __init__(self, example, record_format, source_id, where):
        self._features, self._format = example.features.feature, record_format
        self.source_id, self.where = source_id, where
        for key in (record_format.image, record_format.label) + record_format.boxes:
            if key not in self._features:
                raise UserError('%s: the record lacks the key %s.' % (where, key))
        self.filename = self._bytes(record_format.filename).decode('utf-8', 'replace')
        self.image_bytes = self._bytes(record_format.image)
        self.boxes = self._boxes()
        count = len(self.boxes)
        self.classes = self._ints(record_format.label).astype(np.int32) + np.int32(record_format.label_offset)  # [n]
        if len(self.classes) != count:
            raise UserError('%s: %d boxes, but %d labels.' % (where, count, len(self.classes)))
        self.difficult = self._flags(record_format.difficult, count)
        self.crowd = self._flags(record_format.crowd, count)
        self.has_boxes = self._flag(record_format.has_boxes, True)
        self.has_mask = self._flag(record_format.has_mask, bool(self._bytes(record_format.mask)))
        self._size = self._stored_size()

    @property
    def is_raw(self):
        """Whether `image_bytes` are pixels rather than JPEG or PNG."""
        return self._format.raw

    @property
    def height(self):
        """Of the image, in pixels."""
        return self._image_size()[0]

    @property
    def width(self):
        """Of the image, in pixels."""
        return self._image_size()[1]

    def image(self):
        """The pixels, RGB uint8 [height, width, 3]."""
        if self._format.raw:
            return self._raw(self.image_bytes, (3,))
        return decode_image(self.image_bytes, self.where)

    def mask(self):
        """Class of each pixel, uint8 [height, width], 255 = no label; None where the image has no mask."""
        if not self.has_mask:
            return None
        return self._raw(self.mask_bytes, ()) if self._format.raw else decode_mask(self.mask_bytes, self.where)

    @property
    def mask_bytes(self):
        """The mask as it is stored."""
        return self._bytes(self._format.mask)

    def _image_size(self):
        if self._size is None:
            self._size = self.image().shape[:2]
        return self._size

    def _stored_size(self):
        sizes = self._ints(self._format.height), self._ints(self._format.width)
        return (int(sizes[0][0]), int(sizes[1][0])) if all(len(size) == 1 for size in sizes) else None

    def _raw(self, data, depth):
        shape = self._size + depth if self._size else None
        if shape is None or len(data) != np.prod(shape):
            raise UserError('%s: %d raw bytes do not make an array of %s pixels.' % (self.where, len(data), shape))
        return np.frombuffer(data, np.uint8).reshape(shape)

    def _boxes(self):
        """[n, 4] float32."""
        columns = [self._floats(key) for key in self._format.boxes]
        if len({len(column) for column in columns}) > 1 or (len(columns) == 1 and len(columns[0]) % 4):
            raise UserError('%s: box coordinates of different lengths.' % self.where)
        boxes = columns[0].reshape(-1, 4) if len(columns) == 1 else np.stack(columns, axis=1)
        if not np.isfinite(boxes).all():
            raise UserError('%s: a box coordinate is not a number.' % self.where)
        return boxes

    def _floats(self, key):
        return np.array(self._features[key].float_list.value, np.float32)

    def _ints(self, key):
        return np.array(self._features[key].int64_list.value if key else (), np.int64)

    def _bytes(self, key):
        values = self._features[key].bytes_list.value if key else ()
        return values[0] if len(values) else b''

    def _flag(self, key, default):
        values = self._ints(key)
        return bool(values[0]) if len(values) else default

    def _flags(self, key, count):
        """[count] bool; False where the record lacks the key."""
        values = self._ints(key).astype(bool)
        if len(values) not in (0, count):
            raise UserError('%s: %d boxes, but %d values of %s.' % (self.where, count, len(values), key))
        return values if len(values) else np.zeros(count, bool)


def read_samples(source):
    """Yield the Samples of a Source in order; source_id counts from 0."""
    source_id = 0
    for path in source.files:
        for index, record in enumerate(read_records(path)):
            yield parse_sample(record, source.format, source_id, '%s, record %d' % (path, index))
            source_id += 1


def parse_sample(record, record_format, source_id, where):
    """The Sample of a serialized Example; `where` names it in errors."""
    return Sample(parse_example(record, where), record_format, source_id, where)


def parse_example(record, where):
    """The tf.train.Example of a serialized one."""
    try:
        return tf.train.Example.FromString(record)
    except DecodeError:
        raise UserError('%s: not a tf.train.Example.' % where)


def count_invalid_boxes(sample):
    """Boxes of a Sample that are empty or reach out of the image: published records have some; training clips and drops them."""
    low, high = sample.boxes[:, :2], sample.boxes[:, 2:]
    sound = (low >= -_EDGE).all(axis=1) & (high <= 1 + _EDGE).all(axis=1) & (low < high).all(axis=1)
    return int(np.count_nonzero(~sound))


def check_sample(sample, num_classes):
    """Raise UserError unless everything in a Sample decodes and fits together; num_classes counts the background."""
    if not sample.is_raw and not is_jpeg_or_png(sample.image_bytes):  # OpenCV knows other kinds, TensorFlow doesn't
        raise UserError('%s: the image cannot be decoded (it is neither JPEG nor PNG).' % sample.where)
    height, width = sample.image().shape[:2]
    if not sample.is_raw:
        check_graph_reads(sample.image_bytes, (height, width), sample.where)
    if (height, width) != (sample.height, sample.width):
        raise UserError('%s: the image has %d x %d pixels (width x height), but the record says %d x %d.'
                        % (sample.where, width, height, sample.width, sample.height))
    for cls in sample.classes:
        if not 1 <= cls < num_classes:
            raise UserError('%s: the label %d is not one of the %d classes (1 to %d): check --class_file or --num_classes.'
                            % (sample.where, cls, num_classes - 1, num_classes - 1))
    mask = sample.mask()
    if mask is not None:
        check_mask(mask, sample.where, num_classes - 1, height, width)
        if not sample.is_raw:
            check_grey(sample.mask_bytes, sample.where)
