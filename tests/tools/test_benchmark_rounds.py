"""Rounds of two processes in turn, and the statistics of their times."""
import os
import sys
import time

import pytest

from tools.benchmarks import rounds, statistics

WORKER = '''
import sys, time
from tools.benchmarks.rounds import serve
def make_work():
    print('this must not mix with the answers')
    return lambda: {'total': [%s], 'part': [.5]}, {'version': 3}
serve(make_work, cores=1)
'''


def start(tmp_path, name, seconds):
    env = dict(os.environ, PYTHONPATH=os.getcwd())
    return lambda: rounds.Worker(name, [sys.executable, '-c', WORKER % seconds], str(tmp_path / (name + '.log')), env=env)


def test_two_workers_answer_in_turn(tmp_path):
    found = rounds.alternate({'ours': start(tmp_path, 'a', 1), 'reference': start(tmp_path, 'b', 4)}, 3)
    assert found['ours']['facts'] == {'version': 3}
    assert found['reference']['rounds'] == [{'total': [4], 'part': [.5]}] * 3
    assert 5 < found['ours']['peak_mb'] < 500
    assert statistics.ratio(found['ours']['rounds'], found['reference']['rounds']) == dict(median=4, low=4, high=4, rounds=3)


def test_no_round_begins_after_the_time_but_the_first(tmp_path):
    said = []
    found = rounds.alternate({'ours': start(tmp_path, 'a', 1)}, 3, said.append, until=0)
    assert len(found['ours']['rounds']) == 1 and said == ['ours starts', 'round 1 of 3']


def test_a_side_may_be_called_by_its_parts(tmp_path):
    said = []
    found = rounds.alternate({('torchvision', 'detection'): start(tmp_path, 'a', 1)}, 1, said.append)
    assert list(found) == [('torchvision', 'detection')] and said[0] == 'torchvision, detection starts'


def test_a_worker_is_stopped_between_its_rounds(tmp_path):
    worker = start(tmp_path, 'a', 1)()
    try:
        state = '/proc/%d/stat' % worker._process.pid
        deadline = time.time() + 5
        while open(state).read().split()[2] != 'T' and time.time() < deadline:
            time.sleep(.01)
        assert open(state).read().split()[2] == 'T'
        assert worker.round() == {'total': [1], 'part': [.5]}
    finally:
        worker.kill()


def test_a_worker_that_fails_shows_why(tmp_path):
    with pytest.raises(rounds.WorkerError, match='ZeroDivisionError'):
        start(tmp_path, 'a', '1 / 0')()


def test_timed_counts_each_call_and_sustained_all():
    naps = iter([.02, .001, .001, .001, .001, .001])
    assert rounds.timed(lambda: time.sleep(next(naps)), 2, 0)[0] >= .01
    assert len(rounds.timed(lambda: None, 1, 0)) == 2
    naps = iter([.02, 0])
    mean, = rounds.sustained(lambda: time.sleep(next(naps)), 1, 0)
    assert .01 <= mean < .02


def test_statistics():
    found = statistics.stages([{'total': [.1, .2]}, {'total': [.3, .4, .5]}])['total']
    assert found['seconds'] == pytest.approx(.3) and found['images_per_second'] == pytest.approx(1 / .3) and found['samples'] == 5
    assert (found['low'], found['high']) == (pytest.approx(.14), pytest.approx(.46))
    ratio = statistics.ratio([{'total': [1]}, {'total': [1]}, {'total': [10]}], [{'total': [2]}, {'total': [3]}, {'total': [40]}])
    assert (ratio['median'], ratio['low'], ratio['high']) == (3, 2, 4)
