"""TFRecord files: what is one, how many records it has, and its records, damaged ones told apart.

A record is its length (8 bytes), that length's checksum (4), the data, and the data's checksum (4); checksums are masked CRC-32C.
"""
import os
import struct

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf

DAMAGED = 'damaged or cut short (its checksum or length is wrong)'
_HEADER, _FOOTER = 12, 4
OVERHEAD = _HEADER + _FOOTER  # bytes per record


def is_tfrecord(path):
    """Whether a file begins as a TFRecord file does."""
    try:
        with open(path, 'rb') as file:
            return _length(file.read(_HEADER)) is not None
    except OSError:
        return False


def check_whole(path):
    """Raise UserError for a file that holds no records at all because it is empty or compressed: no record of it is bad, the file is."""
    with open(path, 'rb') as file:
        start = file.read(2)
    if not start:
        raise UserError('%s is empty: write it anew, or take it away.' % path)
    if start == b'\x1f\x8b' or start[:1] == b'\x78' and not is_tfrecord(path):
        raise UserError('%s is compressed (gzip or zlib): write its records without compression.' % path)


def count_records(path):
    """Records of a file by its lengths alone; the file may be damaged elsewhere."""
    return readable_end(path)[0]


def readable_end(path):
    """(records, bytes) of a file up to where its lengths are lost or it is cut short."""
    count, end = 0, 0
    for start, length in _spans(path):
        count, end = count + 1, start + length + _FOOTER
    return count, end


def read_records(path):
    """Yield a file's records, bytes; a damaged one is a UserError that names file and index."""
    index, end = 0, 0
    try:
        records, size = _tensorflows(path), os.path.getsize(path)
        for start, length in _spans(path):  # which come first: TensorFlow takes as much memory as a length says
            record = next(records, None)
            if record is None:  # the file has become shorter
                break
            yield record
            index, end = index + 1, start + length + _FOOTER
    except tf.errors.DataLossError:
        raise UserError('%s, record %d: %s.' % (path, index, DAMAGED))
    except (tf.errors.OpError, OSError) as error:
        raise UserError('%s cannot be read: %s.' % (path, getattr(error, 'strerror', None) or getattr(error, 'message', error)))
    if end < size:
        raise UserError('%s, record %d: %s.' % (path, index, DAMAGED))


def _tensorflows(path):
    """TensorFlow's own iterator of a file's records."""
    verbosity = tf.logging.get_verbosity()
    tf.logging.set_verbosity(tf.logging.ERROR)  # the call warns of its age; its successor needs a session or eager mode
    try:
        return tf.python_io.tf_record_iterator(path)
    finally:
        tf.logging.set_verbosity(verbosity)


def recover_records(path):
    """Yield (index, record) of a damaged file, None for a record whose checksum is wrong; ends where lengths are lost.

    Slow: checksums are taken in Python. Whether the end was lost shows in the last item, which then is (index, None).
    """
    end, index = 0, -1
    with open(path, 'rb') as file:
        for index, (start, length) in enumerate(_spans(path)):
            file.seek(start)
            data = file.read(length)
            checksum = file.read(_FOOTER)
            yield index, (data if struct.pack('<I', masked_crc32c(data)) == checksum else None)
            end = start + length + _FOOTER
    if end < os.path.getsize(path):
        yield index + 1, None


def _spans(path):
    """Yield (start, length) of each whole record's data, up to the first whose length is damaged or which is cut short."""
    size, position = os.path.getsize(path), 0
    with open(path, 'rb') as file:
        while position < size:
            file.seek(position)
            length = _length(file.read(_HEADER))
            if length is None or position + _HEADER + length + _FOOTER > size:
                return
            yield position + _HEADER, length
            position += _HEADER + length + _FOOTER


def _length(header):
    """The length that a record's header states, or None where it is damaged."""
    if len(header) < _HEADER or struct.pack('<I', masked_crc32c(header[:8])) != header[8:]:
        return None
    return struct.unpack('<Q', header[:8])[0]


def masked_crc32c(data):
    """The checksum of TFRecord files: CRC-32C, rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table():
    table = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
        table.append(entry)
    return table


_TABLE = _table()
