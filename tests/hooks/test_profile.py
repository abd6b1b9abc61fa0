"""Which steps are profiled, and what is written of them."""
import glob
import json

import pytest

from blitznet_estimator.runtime import tf
from hooks.profile import ProfileHook, table


def train(folder, hook, runs, loop=1, start=0):
    """Session runs of `loop` steps each, with a matrix product in them, from step `start`."""
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        product = tf.matmul(tf.random_uniform([50, 50]), tf.random_uniform([50, 50]))
        advance = tf.assign_add(step, loop + tf.cast(tf.reduce_max(product) / 1e6, tf.int64))  # which is 0, but needs the product
        scaffold = tf.train.Scaffold(local_init_op=tf.assign(step, start))
        with tf.train.MonitoredSession(tf.train.ChiefSessionCreator(scaffold), [hook]) as session:
            for _ in range(runs):
                session.run(advance)
    tf.summary.FileWriterCache.clear()


def written(folder):
    return sorted(path.name for path in (folder / 'profile').glob('*'))


def test_the_steps_in_the_range_are_traced(tmp_path):
    train(tmp_path, ProfileHook(str(tmp_path), 3, 5), 8)
    assert written(tmp_path) == ['operations.txt', 'timeline_3.json', 'timeline_4.json']
    events = json.loads((tmp_path / 'profile' / 'timeline_3.json').read_text())['traceEvents']
    assert any('MatMul' in event.get('name', '') for event in events)
    lines = (tmp_path / 'profile' / 'operations.txt').read_text().splitlines()
    assert 'over 2 runs' in lines[0]
    assert next(line for line in lines if 'MatMul' in line).split()[-1] == '1.0'  # once a run
    tags = {event.tagged_run_metadata.tag for path in glob.glob(str(tmp_path / 'events*')) for event in tf.train.summary_iterator(path)}
    assert {'step_3', 'step_4'} <= tags


def test_runs_of_several_steps_and_phases(tmp_path):
    hook = ProfileHook(str(tmp_path), 10, 30)
    train(tmp_path, hook, 3, loop=5)  # runs that begin at 0, 5, 10
    train(tmp_path, hook, 6, loop=5, start=15)  # 15, 20, 25, 30, ...
    assert written(tmp_path) == ['operations.txt'] + ['timeline_%d.json' % step for step in (10, 15, 20, 25)]


def test_a_range_that_the_steps_of_others_pass_over_has_one_trace(tmp_path):
    train(tmp_path, ProfileHook(str(tmp_path), 3, 5), 4, loop=7)  # runs that begin at 0, 7, 14
    assert written(tmp_path) == ['operations.txt', 'timeline_7.json']


def test_a_run_past_the_range_has_no_profile(tmp_path):
    train(tmp_path, ProfileHook(str(tmp_path), 3, 5), 4, start=50)
    assert written(tmp_path) == []


def test_the_table():
    lines = table({'cpu': {'Conv2D': [3000, 5000], 'Add': [1000, 1000, 0, 0]}}, 2).splitlines()
    assert lines[0] == 'cpu: 5.0 ms of operations per run, over 2 runs'
    assert [line.split() for line in lines[3:5]] == [['Conv2D', '4.000', '80.0%', '1.0'], ['Add', '1.000', '20.0%', '2.0']]


def test_arguments_are_checked():
    for steps in ((5, 5), (-1, 3)):
        with pytest.raises(ValueError):
            ProfileHook('m', *steps)
