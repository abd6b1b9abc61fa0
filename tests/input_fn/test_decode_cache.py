"""Caches of decoded images: the same training data, decoded once."""
import dataclasses
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn import decode_cache
from input_fn.datasets.reader import read_samples
from input_fn.datasets.tfrecord import OVERHEAD, read_records
from input_fn.decode_cache import decoded_copy
from input_fn.pipeline import make_input_fn
from tests.input_fn.drawn_records import example, run, tiny_config, write_source


@pytest.fixture
def source(tmp_path):
    """Five images of different sizes: with boxes, without, with a mask, without."""
    random, records = np.random.RandomState(0), []
    for i in range(5):
        image = random.randint(0, 256, (20 + i, 30, 3)).astype(np.uint8)
        mask = random.randint(0, 4, (20 + i, 30)).astype(np.uint8) if i % 2 else None
        records.append(example(image, [[.1, .1, .8, .9]] * (i % 3), [i % 3] * (i % 3), mask, has_boxes=[int(i != 4)]))
    return write_source(tmp_path, [records[:3], records[3:]])


def config(tmp_path, **data):
    return tiny_config(data=dict(dict(augment=False, prepared_dir=str(tmp_path / 'prepared')), **data), network=dict(detect=False))


def pictures(config, source, epochs):
    """{image's bytes: (count, classes, mask)} of training for some epochs of 5 images."""
    seen = {}
    for features, labels in run(make_input_fn(config, source, 'train'), epochs):
        for image, classes, mask in zip(features['image'], labels['classes'], labels['mask']):
            count = seen.get(image.tobytes(), (0,))[0]
            seen[image.tobytes()] = count + 1, classes.tolist(), mask.tolist()
    return seen


@pytest.mark.parametrize('cache', ['memory', 'disk'])
def test_training_sees_the_same_pictures_as_often(tmp_path, source, cache):
    plain, cached = (pictures(config(tmp_path, cache=kind, batch_size=5), source, 3) for kind in ('none', cache))
    assert len(plain) == 5 and all(count == 3 for count, _, _ in plain.values())
    assert cached == plain


def test_memory_decodes_once(tmp_path, source):
    """Files that are gone after the first epoch are not missed."""
    input_fn = make_input_fn(config(tmp_path, cache='memory', batch_size=5), source, 'train')

    def remove_files(image):
        for path in filter(os.path.exists, source.files):
            os.remove(path)
        return image
    batches = run(lambda: input_fn().map(lambda features, labels: tf.py_func(remove_files, [features['image']], tf.float32)), 4)
    assert len(batches) == 4 and not any(map(os.path.exists, source.files))


def test_a_copy_on_disk_is_the_same_data_and_written_once(tmp_path, source):
    data = config(tmp_path).data
    copy = decoded_copy(source, data)
    assert copy.format.raw
    for ours, theirs in zip(read_samples(copy), read_samples(source)):
        np.testing.assert_array_equal(ours.image(), theirs.image())
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        assert (ours.mask() is None) == (theirs.mask() is None) and ours.has_boxes == theirs.has_boxes
        if theirs.mask() is not None:
            np.testing.assert_array_equal(ours.mask(), theirs.mask())
    written = {path: os.stat(path).st_mtime_ns for path in copy.files}
    os.remove(copy.files[1])
    assert decoded_copy(source, data).files == copy.files
    assert os.stat(copy.files[0]).st_mtime_ns == written[copy.files[0]]
    assert sorted(os.listdir(tmp_path / 'prepared' / 'decoded')) == sorted(map(os.path.basename, copy.files))
    assert decoded_copy(copy, data) is copy


def test_a_copy_that_was_cut_is_written_anew(tmp_path, source):
    data = config(tmp_path).data
    copy = decoded_copy(source, data).files[0]
    with open(copy, 'rb') as file:
        whole = file.read()
    first = len(next(read_records(copy))) + OVERHEAD
    for cut in (whole[:first], whole[:first + 9], b'', whole + b'x'):  # the first is sound, and one record short
        with open(copy, 'wb') as file:
            file.write(cut)
        assert len(list(read_samples(decoded_copy(source, data)))) == 5


def test_records_that_were_lost_since_they_were_counted_are_named(tmp_path, source):
    counted = dataclasses.replace(source, lengths=(3, 3))
    with pytest.raises(UserError, match='drawn-1.tfrecord holds 2 records, but 3 were written to it'):
        decoded_copy(counted, config(tmp_path).data)


def test_changed_files_are_copied_anew(tmp_path, source):
    data = config(tmp_path).data
    before = decoded_copy(source, data)
    os.utime(source.files[0], (1, 1))
    after = decoded_copy(source, data)
    assert before.files[0] != after.files[0] and before.files[1] == after.files[1]


def test_a_folder_that_cannot_be_written_is_named(tmp_path, source):
    (tmp_path / 'prepared').write_text('a file')
    with pytest.raises(UserError, match='--prepared_dir'):
        decoded_copy(source, config(tmp_path).data)


def test_a_full_disk_is_a_sentence(tmp_path, source, monkeypatch):
    def write(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, 'a.tmp; No space left on device')

    monkeypatch.setattr(decode_cache, '_write_copy', write)
    with pytest.raises(UserError, match=r'cannot be written to .*decoded [(]a.tmp; No space left on device[)]: choose another folder'):
        decoded_copy(source, config(tmp_path).data)
