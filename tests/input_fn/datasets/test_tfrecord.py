"""TFRecord files as others write them."""
import struct

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.tfrecord import masked_crc32c, read_records


@pytest.fixture(name='path')
def file_of_two_records(tmp_path):
    path = str(tmp_path / 'a.tfrecord')
    with tf.python_io.TFRecordWriter(path) as writer:
        for record in (b'one', b'two'):
            writer.write(record)
    return path


def read(path):
    """(records, what is said of the rest)"""
    found = []
    try:
        for record in read_records(path):
            found.append(record)
    except UserError as error:
        return found, str(error)
    return found, ''


@pytest.mark.parametrize('length', [2 ** 20, 2 ** 36, 2 ** 62, 2 ** 64 - 1])
def test_no_memory_is_taken_for_a_length_that_the_file_does_not_have(path, length):
    """Its checksum is right, as a stranger can make it. TensorFlow takes the memory, or ends the process."""
    header = struct.pack('<Q', length)
    with open(path, 'ab') as file:
        file.write(header + struct.pack('<I', masked_crc32c(header)) + b'abc')
    found, said = read(path)
    assert found == [b'one', b'two'] and said.startswith(path + ', record 2: damaged or cut short')


@pytest.mark.parametrize('keep, found', [(0, 2), (1, 1), (19, 1), (20, 0), (38, 0)])
def test_what_is_cut_is_read_as_far_as_it_goes(path, keep, found):
    with open(path, 'r+b') as file:
        file.truncate(38 - keep)
    records, said = read(path)
    assert records == [b'one', b'two'][:found] and bool(said) == (keep not in (0, 19, 38))


def test_a_file_that_is_not_there(tmp_path):
    assert 'none cannot be read: ' in read(str(tmp_path / 'none'))[1]
