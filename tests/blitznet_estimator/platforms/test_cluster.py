"""TF_CONFIG is answered before TensorFlow acts on it."""
import json
import os

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.platforms.cluster import hidden, read_cluster, refuse_cluster
from tests.input_fn.drawn_records import tiny_config

WORKERS = {'worker': ['a:1', 'b:2', 'c:3']}


def environ(cluster, kind='worker', index=0):
    return {'TF_CONFIG': json.dumps({'cluster': cluster, 'task': {'type': kind, 'index': index}})}


def test_the_first_worker_is_the_chief():
    ranks = [read_cluster(environ(WORKERS, index=index)) for index in range(3)]
    assert [(one.rank, one.size, one.address) for one in ranks] == [(0, 3, 'a:1'), (1, 3, 'b:2'), (2, 3, 'c:3')]


def test_a_chief_comes_before_the_workers():
    cluster = {'worker': ['b:2', 'c:3'], 'chief': ['a:1']}
    ranks = [read_cluster(environ(cluster, *task)) for task in (('chief', 0), ('worker', 0), ('worker', 1))]
    assert [(one.rank, one.size, one.address) for one in ranks] == [(0, 3, 'a:1'), (1, 3, 'b:2'), (2, 3, 'c:3')]


@pytest.mark.parametrize('cluster', [WORKERS, dict(WORKERS, evaluator=['e:1']), {}])
def test_an_evaluator_is_in_the_cluster_or_beside_it(cluster):
    found = read_cluster(environ(cluster, 'evaluator'))
    assert found.is_evaluator and found.size == len(cluster.get('worker', ()))


@pytest.mark.parametrize('text, problem', [
    ('{', 'is not JSON'),
    ('[]', 'is no JSON object'),
    ('[' * 100000, 'is not JSON'),
    ('{"task": {"type": %s}}' % ('[' * 900 + ']' * 900), 'task.type is .*, which is none of chief'),
    (environ({'worker': 'a:1'})['TF_CONFIG'], 'cluster.worker is no list of addresses HOST:PORT'),
    (environ({'worker': ['a']})['TF_CONFIG'], 'cluster.worker is no list of addresses HOST:PORT'),
    (environ(WORKERS, 'worker', 3)['TF_CONFIG'], 'its task is worker 3, whose address the cluster lacks'),
    (environ(WORKERS, 'worker', -1)['TF_CONFIG'], 'task.index is -1'),
    (environ(WORKERS, 'worker', 'x')['TF_CONFIG'], 'task.index is "x"'),
    (environ(WORKERS, 'master')['TF_CONFIG'], 'task.type is "master", which is none of chief, worker, evaluator'),
    (environ(dict(WORKERS, master=['m:1']))['TF_CONFIG'], 'its cluster has master'),
    (environ(dict(WORKERS, chief=['a:8', 'a:9']))['TF_CONFIG'], 'more than one chief'),
    (environ(dict(WORKERS, chief=['a:1']))['TF_CONFIG'], 'names an address twice'),
    (environ(dict(WORKERS, ps=['p:1']))['TF_CONFIG'], 'parameter servers'),
    (environ(WORKERS, 'ps')['TF_CONFIG'], 'parameter servers'),
    ('{"cluster": {"worker": ["a:1"]}}', 'task.type is null'),
    ('{"cluster": [1], "task": {"type": "worker"}}', 'are no objects')])
def test_what_cannot_be_used_is_refused_in_a_sentence(monkeypatch, text, problem):
    monkeypatch.setenv('TF_CONFIG', text)
    with pytest.raises(UserError, match=problem):
        get_platform(tiny_config(run=dict(platform='cpu')))


@pytest.mark.parametrize('text', [None, '', '{}', '{"environment": "cloud"}'])
def test_no_cluster_is_no_problem(monkeypatch, text):
    found = {} if text is None else {'TF_CONFIG': text}
    assert read_cluster(found) is None and refuse_cluster('', found) is None


def test_the_npu_has_ranks_of_its_own():
    with pytest.raises(UserError, match='describes a cluster, which is not used: unset it, and give ranks'):
        refuse_cluster('and give ranks', environ(WORKERS))


def test_tensorflow_reads_no_cluster_of_its_own(monkeypatch):
    monkeypatch.setenv('TF_CONFIG', 'x')
    with hidden():
        assert 'TF_CONFIG' not in os.environ
    assert os.environ['TF_CONFIG'] == 'x'


def platform(monkeypatch, kind='worker', index=1, **run):
    monkeypatch.setenv('TF_CONFIG', environ(WORKERS, kind, index)['TF_CONFIG'])
    return get_platform(tiny_config(run=dict(dict(platform='cpu', mode='train', model_dir='x'), **run)))


def test_a_platform_is_one_process_of_the_cluster(monkeypatch):
    worker = platform(monkeypatch)
    assert (worker.shard, worker.is_chief, worker.num_workers, worker.only_evaluates) == ((1, 3), False, 3, False)
    size = tiny_config().data.batch_size
    assert worker.describe().endswith('as worker 1 of 3 processes, with %d of the %d images of a step' % (size, 3 * size))
    assert platform(monkeypatch, index=0).is_chief


def test_an_evaluator_trains_and_writes_nothing(monkeypatch):
    evaluator = platform(monkeypatch, 'evaluator', 0)
    assert (evaluator.shard, evaluator.is_chief, evaluator.num_workers, evaluator.only_evaluates) == ((0, 1), False, 1, True)
    assert evaluator.run_config().train_distribute is None


def test_other_modes_run_alone(monkeypatch):
    assert platform(monkeypatch, mode='predict', input_paths=('x',)).shard == (0, 1)


def test_the_flag_and_the_environment_have_to_agree(monkeypatch):
    with pytest.raises(UserError, match='--distribution=none, but TF_CONFIG describes a cluster'):
        platform(monkeypatch, distribution='none')
    monkeypatch.delenv('TF_CONFIG')
    with pytest.raises(UserError, match='--distribution=multi_worker needs the environment variable TF_CONFIG.*tools.launch'):
        get_platform(tiny_config(run=dict(platform='cpu', mode='train', distribution='multi_worker')))
