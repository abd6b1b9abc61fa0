"""Prepared data that were damaged afterwards: named, or left out of training, evaluation and its ground truth alike."""
import json
import os

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn import ground_truth, make_input_fn, open_dataset
from input_fn.datasets import prepared, tfds_privates
from input_fn.datasets.tfrecord import read_records
from tests.input_fn.datasets import trees
from tests.input_fn.drawn_records import run

IMAGES = 8  # of three classes, h to a, in several shards


@pytest.fixture
def config(tmp_path, monkeypatch):
    """(on_bad_record) -> a config of a prepared folder of IMAGES pictures in several shards."""
    monkeypatch.setattr(tfds_privates, '_SHARD_BYTES', 1700)
    root = trees.voc_tree(tmp_path / 'tree', count=IMAGES)

    def make(on_bad_record):
        data = DataConfig(dataset='folder', data_dir=root, prepared_dir=str(tmp_path / 'prepared'), on_bad_record=on_bad_record,
                          class_names=trees.CLASSES, batch_size=2, eval_batch_size=3, max_boxes=4)
        # A pipeline without anchors is built in half the time.
        return preset_config('tiny', network=dict(num_classes=4, detect=False), data=vars(data), run=dict(threads=1))
    return make


def damage(path, kind):
    """The records of a shard, and the one of them that is bad first."""
    records = list(read_records(path))
    starts = np.cumsum([0] + [len(record) + 16 for record in records])
    last = len(records) - 1
    with open(path, 'r+b') as file:
        if kind == 'cut':
            file.truncate(starts[last] + 50)
        elif kind == 'cut between records':
            file.truncate(starts[last])
        elif kind == 'emptied':
            file.truncate(0)
        elif kind == 'wrong checksum':
            file.seek(starts[last] + 60)
            file.write(b'\xff\x00\xff')
        elif kind == 'wrong length':
            file.write(b'\xff')
    if kind == 'undecodable image':
        example = tf.train.Example.FromString(records[last])
        image = example.features.feature['image'].bytes_list
        image.value[0] = bytes(len(image.value[0]))
        with tf.python_io.TFRecordWriter(path) as writer:
            for record in records[:last] + [example.SerializeToString()]:
                writer.write(record)
    return len(records), 0 if kind in ('emptied', 'wrong length') else last


KINDS = ('cut', 'cut between records', 'emptied', 'wrong checksum', 'wrong length', 'undecodable image')


def damaged(config, kind):
    """(the sound Source, records of its damaged second shard, index of the first bad one)"""
    source = open_dataset(config.data, 'train')
    assert len(source.files) > 2 and source.num_examples == IMAGES
    return (source,) + damage(source.files[1], kind)


@pytest.mark.parametrize('mode', ['train', 'infer'])
@pytest.mark.parametrize('kind', KINDS)
def test_an_error_names_file_and_record(config, kind, mode):
    config = config('error')
    source, count, first = damaged(config, kind)
    with pytest.raises(UserError, match='%s, record %d: .*Delete the folder' % (source.files[1], first)):
        source = open_dataset(config.data, 'train')  # a file that was cut is found here
        input_fn = make_input_fn(config, source, mode)
        with user_errors('', input_fn):
            run(input_fn, 2 * IMAGES)


@pytest.mark.parametrize('kind', KINDS)
def test_skip_leaves_out_what_is_bad(config, kind, caplog):
    config = config('skip')
    sound, count, first = damaged(config, kind)
    names = [name + '.jpg' for name in 'hgfedcba']
    kept = names[:sound.lengths[0] + first] + names[sound.lengths[0] + count:]
    with caplog.at_level('WARNING', 'blitznet'):
        source = open_dataset(config.data, 'train')
    assert source.num_examples == len(kept) and source.files[0] == sound.files[0]
    assert '%d of %d records left out' % (IMAGES - len(kept), IMAGES) in caplog.text
    assert 'Left out: %s' % sound.files[1] in caplog.text

    truth = list(ground_truth(config.data, 'train'))
    assert [sample.filename for sample in truth] == kept
    batches = run(make_input_fn(config, source, 'infer'))
    ids = np.concatenate([batch['source_id'] for batch in batches])
    assert ids[ids >= 0].tolist() == [sample.source_id for sample in truth]

    trained = run(make_input_fn(config, source, 'train'), 3 * len(kept) // 2)
    assert all(np.isfinite(features['image']).all() for features, labels in trained)


def test_what_an_earlier_run_left_out_is_said_again_once(config, monkeypatch, caplog):
    config = config('skip')
    damaged(config, 'wrong checksum')
    open_dataset(config.data, 'train')
    monkeypatch.setattr(prepared, '_reminded', set())  # as in a new process
    caplog.clear()
    with caplog.at_level('WARNING', 'blitznet'):
        open_dataset(config.data, 'train')
        open_dataset(config.data, 'train')
    assert caplog.text.count('Left out before, as --on_bad_record=skip says: 1, the first: ') == 1 and 'report.json' in caplog.text


def test_the_pictures_of_evaluation_are_those_of_its_ground_truth(config):
    config = config('skip')
    damaged(config, 'undecodable image')
    source = open_dataset(config.data, 'train')
    pictures = np.concatenate([batch['image'] for batch in run(make_input_fn(config, source, 'infer'))])
    for picture, sample in zip(pictures, ground_truth(config.data, 'train')):
        np.testing.assert_allclose(picture.mean((0, 1)), sample.image().mean((0, 1)) / 255, atol=.03)


def test_all_bad_is_not_hidden(config):
    config = config('skip')
    source = open_dataset(config.data, 'train')
    for path in source.files:
        with open(path, 'r+b') as file:
            file.write(b'\xff')
    with pytest.raises(UserError, match='All %d records are bad; the first: %s, record 0' % (IMAGES, source.files[0])):
        open_dataset(config.data, 'train')


def test_what_is_sound_is_read_where_it_is_and_checked_once(config, capfd):
    config = config('skip')
    first = open_dataset(config.data, 'train')
    assert 'Checking records' in capfd.readouterr().err
    assert all(os.path.dirname(path) == os.path.dirname(first.files[0]) for path in first.files)
    assert open_dataset(config.data, 'train') == first and capfd.readouterr().err == ''


@pytest.mark.parametrize('text', ['{"files": [', '{}', '[]', '{"files": 7, "counts": [1]}', '{"files": ["gone"], "counts": [1]}',
                                  '{"files": ["a"], "counts": ["1"]}', '{"files": [], "counts": []}', '{"files": [null], "counts": [true]}'])
def test_a_damaged_report_is_made_anew(config, tmp_path, text):
    config = config('skip')
    first = open_dataset(config.data, 'train')
    report, = (tmp_path / 'prepared' / 'screened').glob('*/report.json')
    report.write_text(text)
    assert open_dataset(config.data, 'train') == first


def test_what_was_left_out_has_to_be_texts(config, tmp_path, monkeypatch):
    config = config('skip')
    open_dataset(config.data, 'train')
    report, = (tmp_path / 'prepared' / 'screened').glob('*/report.json')
    report.write_text(json.dumps(dict(json.loads(report.read_text()), left_out=7)))
    monkeypatch.setattr(prepared, '_reminded', set())
    with pytest.raises(UserError, match='report.json: "left_out" is 7; it must be a list of texts. Delete the folder .*screened'):
        open_dataset(config.data, 'train')


def test_error_screens_nothing(config, tmp_path):
    open_dataset(config('error').data, 'train')
    assert not (tmp_path / 'prepared/screened').exists()


def test_damage_that_size_and_time_hide_is_left_out_at_the_next_start(config):
    config = config('skip')
    source = open_dataset(config.data, 'train')
    state = os.stat(source.files[1])
    damage(source.files[1], 'wrong checksum')
    os.utime(source.files[1], ns=(state.st_atime_ns, state.st_mtime_ns))
    source = open_dataset(config.data, 'train')
    input_fn = make_input_fn(config, source, 'infer')
    with pytest.raises(UserError, match='record .*: damaged .* Start again, and it is left out'), user_errors('', input_fn):
        run(input_fn)
    source = open_dataset(config.data, 'train')
    assert source.num_examples == IMAGES - 1 and len(run(make_input_fn(config, source, 'infer'))) == 3
