"""The host's reader: records of a source, in order, as samples that decode themselves when asked.

Scoring, verification, previews and drawing read ground truth here; training reads the same records in the graph.
"""
import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.images import decode_image, decode_mask


class Sample:
    """One image with its ground truth, by the names of the samples' contract; pixels are decoded on each call.

    source_id int; filename str; height, width in pixels; boxes [n, 4] float32 as in `boxes.py`; classes [n] int32, from 1;
    difficult, crowd [n] bool; has_boxes and has_mask: whether the image carries that kind of label at all.
    """

    def __init__(self, example, record_format, source_id, where):
        self._features, self._format, self._where = example.features.feature, record_format, where
        self.source_id = source_id
        self.filename = self._bytes(record_format.filename).decode('utf-8', 'replace')
        self.image_bytes = self._bytes(record_format.image)
        self.boxes = self._boxes()
        count = len(self.boxes)
        self.classes = self._ints(record_format.label).astype(np.int32) + np.int32(record_format.label_offset)  # [n]
        self.difficult = self._flags(record_format.difficult, count)
        self.crowd = self._flags(record_format.crowd, count)
        self.has_boxes = self._flag(record_format.has_boxes, True)
        self.has_mask = self._flag(record_format.has_mask, bool(self._bytes(record_format.mask)))
        self._size = self._stored_size()

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
        return decode_image(self.image_bytes, self._where)

    def mask(self):
        """Class of each pixel, uint8 [height, width], 255 = no label; None where the image has no mask."""
        if not self.has_mask:
            return None
        data = self._bytes(self._format.mask)
        return self._raw(data, ()) if self._format.raw else decode_mask(data, self._where)

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
            raise UserError('%s: %d raw bytes do not make an array of %s pixels.' % (self._where, len(data), shape))
        return np.frombuffer(data, np.uint8).reshape(shape)

    def _boxes(self):
        """[n, 4] float32."""
        columns = [self._floats(key) for key in self._format.boxes]
        if len(columns) == 1:
            return columns[0].reshape(-1, 4)
        if len({len(column) for column in columns}) > 1:
            raise UserError('%s: box coordinates of different lengths.' % self._where)
        return np.stack(columns, axis=1)

    def _floats(self, key):
        return np.array(self._features[key].float_list.value, np.float32)

    def _ints(self, key):
        return np.array(self._features[key].int64_list.value if key else (), np.int64)

    def _bytes(self, key):
        values = self._features[key].bytes_list.value if key else ()
        return values[0] if len(values) else b''

    def _flag(self, key, default):
        return bool(self._ints(key)[0]) if key else default

    def _flags(self, key, count):
        return self._ints(key).astype(bool) if key else np.zeros(count, bool)


def read_samples(source):
    """Yield the Samples of a Source in order; source_id counts from 0."""
    source_id = 0
    for path in source.files:
        for index, record in enumerate(_records(path)):
            where = '%s, record %d' % (path, index)
            yield Sample(tf.train.Example.FromString(record), source.format, source_id, where)
            source_id += 1


def _records(path):
    """Iterator of a TFRecord file's records, bytes."""
    verbosity = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.ERROR)  # the call warns of its age; its successor needs a session or eager mode
    try:
        return tf.python_io.tf_record_iterator(path)
    finally:
        tf.logging.set_verbosity(verbosity)
