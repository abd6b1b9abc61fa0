"""How datasets come to be on disk: whole or not at all, once, without the network, quietly."""
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tensorflow_datasets.core.utils import gcs_utils, tqdm_utils

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets import chunks, prepared, tfds_builder, tfds_privates
from input_fn.datasets.plan import Example, Plan, SplitPlan
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees


def example(index, size=100):
    return Example(image=trees.jpeg(trees.picture()) + bytes(size), height=20, width=30, filename='%d.jpg' % index)


def plan(count, config='some', size=100):
    return Plan('shapes', config, ('cat',), lambda: {'train': SplitPlan(range(count), lambda i: (example(i, size), {}))})


def config(tmp_path):
    return DataConfig(dataset='shapes', prepared_dir=str(tmp_path))


def test_no_bucket_is_asked(tmp_path, monkeypatch):
    def gcs_path(*args):
        raise AssertionError('TFDS went for its bucket')

    monkeypatch.setattr(gcs_utils, 'gcs_path', gcs_path)
    assert prepared.open_plan(config(tmp_path), plan(2), 'train').num_examples == 2


def test_only_our_bar_is_printed(tmp_path, capfd):
    prepared.open_plan(config(tmp_path), plan(2), 'train')
    out, err = capfd.readouterr()
    assert out == ''
    assert err.count('Preparing shapes train') == len([line for line in err.replace('\r', '\n').split('\n') if line])


def test_tfds_shows_its_bars_again_afterwards(tmp_path):
    prepared.open_plan(config(tmp_path), plan(2), 'train')
    assert tqdm_utils._active


def test_order_and_shards_of_a_dataset_larger_than_the_buffers(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds_privates, '_SHARD_BYTES', 20000)
    monkeypatch.setattr(tfds_privates, '_BUFFER_BYTES', 30000)  # TFDS then sorts on disk
    source = prepared.open_plan(config(tmp_path), plan(100, size=2000), 'train')
    assert len(source.files) == 8
    assert [sample.filename for sample in read_samples(source)] == ['%d.jpg' % i for i in range(100)]


def test_tfds_itself_reads_what_was_written(tmp_path):
    source = prepared.open_plan(DataConfig(dataset='shapes', prepared_dir=str(tmp_path)), Plan(
        'shapes', 'one', ('cat', 'dog'), lambda: {'train': SplitPlan([0], lambda i: (Example(
            image=trees.png(trees.picture()), height=20, width=30, filename='a.png', boxes=np.array([[.1, .2, .3, .4]], np.float32),
            labels=(1,), difficult=(True,), crowd=(False,), mask=b''), {}))}), 'train')
    record = tf.train.Example.FromString(next(tf.python_io.tf_record_iterator(source.files[0])))
    keys = record.features.feature
    assert keys['objects/label'].int64_list.value == [1] and keys['objects/is_difficult'].int64_list.value == [1]
    assert keys['objects/is_crowd'].int64_list.value == [0] and keys['mask'].bytes_list.value == [b'']
    assert (keys['has_boxes'].int64_list.value, keys['has_mask'].int64_list.value) == ([1], [0])
    sample = next(read_samples(source))
    assert sample.classes.tolist() == [2] and sample.difficult.tolist() == [True] and sample.mask() is None


def test_a_half_written_dataset_is_not_taken_for_a_whole_one(tmp_path):
    def interrupted(index):
        if index:
            raise KeyboardInterrupt
        return example(0), {}

    with pytest.raises(KeyboardInterrupt):
        prepared.open_plan(config(tmp_path), Plan('shapes', 'some', ('cat',), lambda: {'train': SplitPlan(range(2), interrupted)}), 'train')
    assert prepared.open_plan(config(tmp_path), plan(2), 'train').num_examples == 2


KILLED = '''
import os, signal, sys
sys.path[:0] = [%r, %r]
import test_prepared as tests
from input_fn.datasets import chunks, prepared
def make(index):
    if index == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    print(index, flush=True)
    return tests.example(index), {}
chunks.examples.__defaults__ = (2,)  # items per chunk
prepared.open_plan(tests.config(%r), tests.Plan('shapes', 'some', ('cat',), lambda: {'train': tests.SplitPlan(range(9), make)}), 'train')
'''


def run_killed(tmp_path):
    """Prepare nine examples in chunks of two, in a process that kills itself at the eighth."""
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    code = subprocess.call(
        [sys.executable, '-c', KILLED % (root, here, str(tmp_path))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert code == -9


def test_a_killed_preparation_goes_on_where_it_was(tmp_path, monkeypatch):
    run_killed(tmp_path)
    folder = str(tmp_path / 'shapes' / 'some')
    assert [entry for entry in os.listdir(folder) if 'incomplete' in entry]
    made = []

    def make(index):
        made.append(index)
        return example(index), {}

    monkeypatch.setattr(chunks.examples, '__defaults__', (2,))
    source = prepared.open_plan(config(tmp_path), Plan('shapes', 'some', ('cat',), lambda: {'train': SplitPlan(range(9), make)}), 'train')
    assert sorted(made) == [6, 7, 8]  # the whole chunks of 0 to 5 were kept
    assert [sample.filename for sample in read_samples(source)] == ['%d.jpg' % i for i in range(9)]
    assert sorted(os.listdir(folder)) == ['.lock', '1.1.0']


def test_the_chunks_go_when_the_records_are_on_the_disk(tmp_path, monkeypatch):
    done, rmtree = [], shutil.rmtree
    monkeypatch.setattr(tfds_builder.os, 'sync', lambda: done.append('sync'))
    monkeypatch.setattr(shutil, 'rmtree', lambda path, **options: done.append(os.path.basename(path)) or rmtree(path, **options))
    prepared.open_plan(config(tmp_path), plan(2), 'train')
    assert done[-2] == 'sync' and done[-1].startswith('chunks-')


@pytest.mark.parametrize('module, name', [(prepared, '_write_notes'), (chunks, 'remove'), (shutil, 'rmtree')])
def test_what_a_preparation_leaves_that_is_killed_at_its_end_goes_at_the_next_start(tmp_path, monkeypatch, module, name):
    made = []

    def make(index):
        made.append(index)
        if index == 1:
            raise UserError('it is bad')
        return example(index), {}

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    bad = Plan('shapes', 'some', ('cat',), lambda: {'train': SplitPlan(range(3), make, on_bad_record='skip')})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, name, killed)
        prepared.open_plan(config(tmp_path), bad, 'train')
    folder = str(tmp_path / 'shapes' / 'some')
    assert 'chunks-1.1.0' in [entry.replace(chunks.OUTDATED, '') for entry in os.listdir(folder)]
    records = os.stat(os.path.join(folder, '1.1.0', 'shapes-train.tfrecord-00000-of-00001'))
    source = prepared.open_plan(config(tmp_path), bad, 'train')
    assert sorted(os.listdir(folder)) == ['.lock', '1.1.0'] and sorted(made) == [0, 1, 2]
    assert os.stat(source.files[0]) == records  # another process may be reading them
    assert json.loads((tmp_path / 'shapes' / 'some' / '1.1.0' / 'left_out.json').read_text()) == {'left_out': ['it is bad']}


def test_a_whole_dataset_waits_for_nobody(tmp_path, monkeypatch):
    prepared.open_plan(config(tmp_path), plan(2), 'train')
    monkeypatch.setattr(prepared, 'locked', None)
    assert prepared.open_plan(config(tmp_path), plan(2), 'train').num_examples == 2


def test_what_is_left_in_a_folder_that_cannot_be_written_stays(tmp_path, monkeypatch):
    prepared.open_plan(config(tmp_path), plan(2), 'train')
    left = tmp_path / 'shapes' / 'some' / 'chunks-1.1.0'
    left.mkdir()
    monkeypatch.setattr(prepared.os, 'access', lambda path, mode: False)
    assert prepared.open_plan(config(tmp_path), plan(2), 'train').num_examples == 2 and left.exists()


def test_prepared_once(tmp_path, monkeypatch):
    first = prepared.open_plan(config(tmp_path), plan(2), 'train')
    monkeypatch.setattr(tfds_builder, 'write', None)
    assert prepared.open_plan(config(tmp_path), plan(2), 'train') == first


def test_a_lost_shard_is_an_error_that_names_it(tmp_path):
    source = prepared.open_plan(config(tmp_path), plan(2), 'train')
    os.remove(source.files[0])
    with pytest.raises(UserError, match='lacks .*shapes-train.tfrecord-00000-of-00001: delete the folder'):
        prepared.open_plan(config(tmp_path), plan(2), 'train')


def test_a_folder_that_cannot_be_written(tmp_path):
    path = trees.write(tmp_path, 'file', 'not a folder')
    with pytest.raises(UserError, match='Prepared data cannot be written to .*--prepared_dir'):
        prepared.open_plan(config(path), plan(2), 'train')


def test_shard_lengths_are_read_as_either_release_writes_them(tmp_path):
    info = {'splits': [{'name': 'train', 'shardLengths': ['3', '4'], 'numBytes': '10'}]}
    trees.write(tmp_path, 'dataset_info.json', io.StringIO(json.dumps(info)).getvalue())
    assert prepared.shard_lengths(str(tmp_path)) == {'train': [3, 4]}


@pytest.mark.parametrize('name, content, said', [
    ('remarks.json', '{"train": 7}', '"train" is 7; it must be a list of texts'), ('remarks.json', '[]', 'not a JSON file of an object'),
    ('left_out.json', '{"left_out": {"a": 1}}', '"left_out" is .*; it must be a list of texts')])
def test_notes_beside_prepared_data_that_were_damaged(tmp_path, name, content, said):
    source = prepared.open_plan(config(tmp_path), plan(2), 'train')
    folder = os.path.dirname(source.files[0])
    trees.write(folder, name, content)
    prepared._reminded.clear()
    with pytest.raises(UserError, match='%s.*: %s.* Delete the folder %s, and it is made anew' % (name, said, folder)):
        prepared.open_plan(config(tmp_path), plan(2), 'train')


def test_names_of_classes_that_are_no_text(tmp_path):
    trees.write(tmp_path, prepared.LABELS, 'cat\n\u732b\n')
    assert prepared.prepared_labels(str(tmp_path)) == ('cat', '\u732b')
    trees.write(tmp_path, prepared.LABELS, b'cat\n\xff\n')
    with pytest.raises(UserError, match='objects-label.labels.txt cannot be read .*utf-8'):
        prepared.prepared_labels(str(tmp_path))


def test_default_place_is_data_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    source = open_dataset(DataConfig(dataset='shapes_small'), 'train')
    assert source.files[0].startswith(os.path.join('data', 'shapes')) and os.listdir('.') == ['data']
