"""TFRecord files of the seeds: told apart by content, the same data from either, and every kind of bad record."""
import gzip
import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.images import decode_image, decode_mask, encode_png
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from input_fn.datasets.tfrecord import count_records, is_tfrecord, masked_crc32c, read_records, recover_records
from tests.input_fn.datasets import trees
from tests.paths import GOLDEN

REFERENCE = os.path.join(GOLDEN, 'camvid_val4_reference_jpeg.tfrecord')
CAMVID = tuple('car pedestrian bicyclist sign road building sky tree pavement pole fence'.split())
MASK = np.random.RandomState(0).randint(0, 4, (20, 30)).astype(np.uint8)
BOXES = np.array([[.1, .2, .5, .6], [0, 0, 1, 1]], np.float32)


def feature(values):
    """A tf.train.Feature of bytes, or of a list of ints or floats."""
    if isinstance(values, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values]))
    if all(isinstance(value, int) for value in values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def record(**changes):
    """A serialized Example as the reference writes it; `changes` by key with __ for /, None leaves a key out."""
    values = {
        'image/encoded': trees.jpeg(trees.picture()), 'image/format': b'JPEG', 'image/filename': b'a.jpg', 'image/height': [20],
        'image/width': [30], 'image/segmentation/encoded': encode_png(MASK), 'image/segmentation/format': b'PNG',
        'image/object/class/label': [1, 3], 'image/object/difficulty': [0, 1]}
    values.update({'image/object/bbox/' + side: BOXES[:, i].tolist() for i, side in enumerate(['ymin', 'xmin', 'ymax', 'xmax'])})
    values.update({key.replace('__', '/'): value for key, value in changes.items()})
    features = {key: feature(value) for key, value in values.items() if value is not None}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, records):
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for item in records:
            writer.write(item)
    return str(path)


@pytest.fixture
def config(tmp_path):
    return DataConfig(
        dataset='records', data_dir=str(tmp_path / 'files'), class_names=trees.CLASSES, prepared_dir=str(tmp_path / 'prepared'))


@pytest.fixture
def files(tmp_path):
    (tmp_path / 'files').mkdir()
    return tmp_path / 'files'


def changed(config, **fields):
    return DataConfig(**dict(vars(config), **fields))


def raw_form(path, out):
    """Rewrite a reference_jpeg file as the Ascend port would have written it."""
    records = []
    for item in read_records(path):
        example = tf.train.Example.FromString(item)
        for key, decode in (('image/encoded', decode_image), ('image/segmentation/encoded', decode_mask)):
            content = example.features.feature[key].bytes_list
            content.value[0] = decode(content.value[0], key).tobytes()
        records.append(example.SerializeToString())
    return write(out, records)


def test_both_seeds_give_the_same_samples(config, files):
    raw = raw_form(REFERENCE, files / 'pixels')
    sources = [open_dataset(changed(config, data_dir=path, class_names=CAMVID), 'train') for path in (REFERENCE, raw)]
    assert [source.format.name for source in sources] == ['reference_jpeg', 'ascend_raw']
    assert [source.num_examples for source in sources] == [4, 4]
    pairs = list(zip(*map(read_samples, sources)))
    assert [a.filename for a, _ in pairs] == ['0016E5_07959.jpg', '0016E5_08009.jpg', '0016E5_08059.jpg', '0016E5_08109.jpg']
    for a, b in pairs:
        assert (a.height, a.width) == (b.height, b.width) == (360, 480) and len(a.boxes) > 5
        for name in ('boxes', 'classes', 'difficult'):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_array_equal(a.mask(), b.mask())
        np.testing.assert_array_equal(a.image(), b.image())


def test_what_a_record_holds(config, files):
    write(files / 'any-name', [record()])
    sample = next(read_samples(open_dataset(config, 'train')))
    np.testing.assert_array_equal(sample.boxes, BOXES)
    assert sample.classes.tolist() == [1, 3] and sample.difficult.tolist() == [False, True] and not sample.crowd.any()
    np.testing.assert_array_equal(sample.mask(), MASK)
    assert sample.has_boxes and sample.has_mask


def test_a_record_without_mask_or_difficulty(config, files):
    write(files / 'one', [record(image__segmentation__encoded=None, image__object__difficulty=None)])
    sample = next(read_samples(open_dataset(config, 'train')))
    assert sample.mask() is None and sample.difficult.tolist() == [False, False]


def test_splits_by_the_words_of_the_names(config, files):
    for name, count in (('voc-trainval-0', 1), ('voc-trainval-1', 2), ('voc-test-0', 4)):
        write(files / name, [record()] * count)
    trees.write(files, 'README.md', 'not a record file')
    assert open_dataset(config, 'train').num_examples == 3
    assert open_dataset(config, 'eval').num_examples == 4
    assert open_dataset(changed(config, eval_split='all'), 'eval').num_examples == 7


def test_given_files_and_globs(config, files):
    paths = [write(files / name, [record()] * count) for name, count in (('a0', 1), ('a1', 2), ('b0', 4))]
    config = changed(config, data_dir='data', train_files=(str(files / 'a*'),), eval_files=(paths[2], paths[0]))
    assert open_dataset(config, 'train').files == (paths[0], paths[1])
    assert open_dataset(config, 'eval').num_examples == 5


@pytest.mark.parametrize('fields, message', [
    (dict(train_files=('/nowhere/*',)), '--train_files: there is no file /nowhere/'),
    (dict(train_files=(__file__,)), '--train_files: .*test_records.py is not a TFRecord file'),
    (dict(data_dir=os.path.dirname(__file__)), '--data_dir=.* holds no TFRecord files'),
    (dict(train_split='vali'), '--train_split=vali is no split of the dataset records. Nearest: val'),
])
def test_bad_names_of_files(config, files, fields, message):
    write(files / 'val', [record()])
    with pytest.raises(UserError, match=message):
        open_dataset(changed(config, **fields), 'train')


@pytest.mark.parametrize('content, message', [
    (b'', 'train.record is empty'), (gzip.compress(b'x'), 'train.record is compressed'), (zlib.compress(b'x'), 'train.record is compressed'),
    (b'cut', 'train.record, record 0: damaged')], ids=['empty', 'gzip', 'zlib', 'cut'])
def test_a_file_that_cannot_be_read_is_not_replaced_by_another_split(config, files, content, message):
    write(files / 'val.record', [record()])
    trees.write(files, 'train.record', content)
    assert open_dataset(config, 'eval').num_examples == 1
    for policy in ('error', 'skip'):
        with pytest.raises(UserError, match=message):
            open_dataset(changed(config, on_bad_record=policy), 'train')
    write(files / 'train-2.record', [record()])
    assert open_dataset(changed(config, on_bad_record='skip'), 'train').num_examples == 1


@pytest.mark.parametrize('there, role', [('val.record', 'train'), ('train.record', 'eval')])
def test_no_split_stands_in_for_the_other(config, files, there, role):
    write(files / there, [record()])
    with pytest.raises(UserError, match='--%s_split=.* is no split of the dataset records' % role):
        open_dataset(config, role)


def test_without_classes(config):
    with pytest.raises(UserError, match='--class_file.*--num_classes'):
        class_names(changed(config, class_names=()))


def test_formats_are_not_mixed(config, files):
    write(files / 'a', [record()])
    write(files / 'b', [record(image__encoded=bytes(20 * 30 * 3))])
    with pytest.raises(UserError, match='different formats.*a is reference_jpeg; .*b is ascend_raw'):
        open_dataset(config, 'train')


def test_other_records_are_refused_by_their_keys(config, files):
    write(files / 'a', [tf.train.Example(features=tf.train.Features(feature={'x': feature(b'1')})).SerializeToString()])
    with pytest.raises(UserError, match='a: neither .* its keys are x'):
        open_dataset(config, 'train')


NAN = float('nan')
BAD_RECORDS = {
    'label beyond': (dict(image__object__class__label=[1, 4]), 'the label 4 is not one of the 3 classes'),
    'label of the background': (dict(image__object__class__label=[0, 1]), 'the label 0 is not'),
    'undecodable image': (dict(image__encoded=b'bad'), 'the image cannot be decoded'),
    'neither JPEG nor PNG': (dict(image__encoded=cv2.imencode('.bmp', trees.picture())[1].tobytes()), 'the image cannot be decoded'),
    'no image': (dict(image__encoded=None), 'the record lacks the key image/encoded'),
    'no labels': (dict(image__object__class__label=None), 'lacks the key image/object/class/label'),
    'no coordinates': (dict(image__object__bbox__xmin=None), 'lacks the key image/object/bbox/xmin'),
    'fewer labels': (dict(image__object__class__label=[1]), '2 boxes, but 1 labels'),
    'fewer coordinates': (dict(image__object__bbox__xmin=[.1]), 'box coordinates of different lengths'),
    'fewer difficulties': (dict(image__object__difficulty=[1]), '2 boxes, but 1 values of image/object/difficulty'),
    'NaN': (dict(image__object__bbox__xmin=[.1, NAN]), 'a box coordinate is not a number'),
    'mask of another size': (dict(image__segmentation__encoded=encode_png(MASK[:-1])), 'the mask has 30 x 19 pixels'),
    'mask beyond': (dict(image__segmentation__encoded=encode_png(MASK + 1)), 'the mask holds the value 4'),
    'other size stated': (dict(image__height=[21]), 'the image has 30 x 20 pixels .* says 30 x 21'),
}


@pytest.mark.parametrize('name', BAD_RECORDS)
def test_bad_record(config, files, name, caplog):
    changes, message = BAD_RECORDS[name]
    path = write(files / 'a', [record(), record(**changes), record()])
    with pytest.raises(UserError, match='%s, record 1: .*%s' % (path, message)):
        open_dataset(config, 'train')
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(changed(config, on_bad_record='skip'), 'train')
    assert source.num_examples == 2 == len(list(read_samples(source)))
    assert 'Left out: %s, record 1' % path in caplog.text and '1 of 3 records left out' in caplog.text


def test_odd_boxes_are_counted_but_kept(config, files, caplog):
    write(files / 'a', [record(image__object__bbox__xmax=[.2, 1.2]), record()])
    with caplog.at_level('WARNING', 'blitznet'):
        assert open_dataset(config, 'train').num_examples == 2
    assert '2 boxes of the records are empty or reach out' in caplog.text


def test_bad_record_of_raw_pixels(config, files):
    raw = raw_form(write(files / 'a', [record()]), files / 'b')
    example = tf.train.Example.FromString(next(read_records(raw)))
    example.features.feature['image/segmentation/encoded'].bytes_list.value[0] = bytes(10)
    write(files / 'b', [example.SerializeToString()])
    with pytest.raises(UserError, match='b, record 0: 10 raw bytes do not make'):
        open_dataset(changed(config, data_dir=str(files / 'b')), 'train')


def damage(path, offset, content=None):
    """Overwrite a byte of a file, or cut it off there."""
    with open(path, 'r+b') as file:
        file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
        if content is None:
            file.truncate()
        else:
            file.write(content)


@pytest.mark.parametrize('offset, content, kept', [(-30, None, 2), (-200, b'\xff\xff', 2), (50, b'\x00\xff', 2)])
def test_damaged_file(config, files, offset, content, kept, caplog):
    path = write(files / 'a', [record()] * 3)
    sound = write(files / 'b', [record()])
    damage(path, offset, content)
    index = 2 if offset < 0 else 0
    with pytest.raises(UserError, match='%s, record %d: damaged or cut short' % (path, index)):
        open_dataset(config, 'train')
    source = open_dataset(changed(config, on_bad_record='skip'), 'train')
    assert source.num_examples == kept + 1 == len(list(read_samples(source))) and source.files[1] == sound
    assert '%s, record %d' % (path, index) in caplog.text


def test_a_damaged_length_loses_the_rest_of_its_file_only(config, files, caplog):
    path = write(files / 'a', [record()] * 3)
    write(files / 'b', [record()])
    size = len(record()) + 16
    damage(path, size, b'\xff')  # the length of the second record
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(changed(config, on_bad_record='skip'), 'train')
    assert source.num_examples == 2
    assert '%s: the %d bytes from record 1 to the end are lost' % (path, 2 * size) in caplog.text


@pytest.mark.parametrize('given', [False, True])
def test_a_file_without_a_sound_record_is_left_out_like_its_records(config, files, given, caplog):
    first, second = (write(files / ('%s.tfrecord' % name), [record()]) for name in 'ab')
    damage(first, 0, b'\xff')
    config = changed(config, train_files=(first, second) if given else ())
    with pytest.raises(UserError, match='%s is not a TFRecord file' % first if given else '%s, record 0: damaged' % first):
        open_dataset(config, 'train')
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(changed(config, on_bad_record='skip'), 'train')
    assert source.files == (second,) and source.num_examples == 1 and 'Left out: %s, record 0: damaged' % first in caplog.text
    damage(second, 0, b'\xff')
    with pytest.raises(UserError, match='All records are bad; the first: %s, record 0: damaged' % first):
        open_dataset(changed(config, on_bad_record='skip'), 'train')


def test_all_bad_is_not_hidden(config, files):
    write(files / 'a', [record(image__encoded=b'bad')] * 2)
    with pytest.raises(UserError, match='All 2 records are bad; the first: .*a, record 0'):
        open_dataset(changed(config, on_bad_record='skip'), 'train')


def test_records_are_checked_once_until_they_change(config, files, capfd):
    path = write(files / 'a', [record()])
    open_dataset(config, 'train')
    assert 'Checking records' in capfd.readouterr().err
    open_dataset(config, 'train')
    assert capfd.readouterr().err == ''
    write(path, [record(), record(image__encoded=b'bad')])
    with pytest.raises(UserError, match='record 1'):
        open_dataset(config, 'train')


def test_checksum_is_that_of_the_format(tmp_path):
    assert masked_crc32c(b'123456789') == (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) & 0xFFFFFFFF  # RFC 3720's check value
    path = write(tmp_path / 'a', [b'one', b'', b'three' * 50])
    assert is_tfrecord(path) and count_records(path) == 3 and not is_tfrecord(__file__)
    assert list(recover_records(path)) == [(0, b'one'), (1, b''), (2, b'three' * 50)] == list(enumerate(read_records(path)))
    with open(path, 'rb') as file:
        assert struct.unpack('<Q', file.read(8))[0] == 3
