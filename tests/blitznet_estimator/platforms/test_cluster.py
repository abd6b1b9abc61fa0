"""TF_CONFIG is answered before TensorFlow acts on it."""
import json
import os

import pytest

from blitznet_estimator import checks
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


def test_parameter_servers_are_no_part_of_those_that_train():
    cluster = dict(WORKERS, ps=['p:1', 'q:2'])
    server, worker = read_cluster(environ(cluster, 'ps', 1)), read_cluster(environ(cluster, index=2))
    assert (server.is_server, server.address, server.describe()) == (True, 'q:2', 'ps 1')
    assert (worker.is_server, worker.address, worker.rank, worker.size, worker.ps) == (False, 'c:3', 2, 3, ('p:1', 'q:2'))
    assert server.addresses == worker.addresses == ('a:1', 'b:2', 'c:3')
    assert dict(worker.all_jobs) == {'worker': ('a:1', 'b:2', 'c:3'), 'ps': ('p:1', 'q:2')}


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
    (environ(dict(WORKERS, ps=['a:1']))['TF_CONFIG'], 'names an address twice'),
    (environ(dict(WORKERS, ps='p:1'))['TF_CONFIG'], 'cluster.ps is no list of addresses HOST:PORT'),
    (environ(WORKERS, 'ps')['TF_CONFIG'], 'its task is ps 0, whose address the cluster lacks'),
    (environ(dict(WORKERS, ps=['p:1']), 'ps', 1)['TF_CONFIG'], 'its task is ps 1, whose address the cluster lacks'),
    (environ({'ps': ['p:1']}, 'ps')['TF_CONFIG'], 'has parameter servers .ps., but no chief and no worker'),
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


def platform(monkeypatch, kind='worker', index=1, cluster=WORKERS, **run):
    monkeypatch.setenv('TF_CONFIG', environ(cluster, kind, index)['TF_CONFIG'])
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


SERVED = dict(WORKERS, ps=['p:1'])


@pytest.mark.parametrize('asked', ['auto', 'parameter_server'])
def test_with_parameter_servers_each_process_makes_steps_of_its_own(monkeypatch, asked):
    worker = platform(monkeypatch, cluster=SERVED, distribution=asked)
    assert (worker.shard, worker.is_chief, worker.num_workers, worker.makes_own_steps) == ((1, 3), False, 1, True)
    assert [worker.batches_before(step) for step in (0, 2, 3, 7)] == [0, 0, 1, 2]
    assert worker.describe().endswith('as worker 1 of 3 processes, which make steps of their own, of %d images each' % tiny_config().data.batch_size)
    assert worker.run_config().train_distribute is None and platform(monkeypatch, index=0, cluster=SERVED).is_chief
    assert worker.resolved(tiny_config()).run.eval_every == 0


@pytest.mark.parametrize('asked', ['auto', 'cpu', 'gpu'])
def test_a_parameter_server_trains_nothing_and_needs_no_gpu(monkeypatch, asked):
    server = platform(monkeypatch, 'ps', 0, SERVED, platform=asked)
    assert (server.name, server.only_serves, server.is_chief, server.only_evaluates) == ('cpu', True, False, False)
    assert platform(monkeypatch, 'evaluator', 0, SERVED).only_evaluates


def test_other_modes_run_alone(monkeypatch):
    assert platform(monkeypatch, mode='predict', input_paths=('x',)).shard == (0, 1)


def test_the_flag_and_the_environment_have_to_agree(monkeypatch):
    with pytest.raises(UserError, match='--distribution=none, but TF_CONFIG describes a cluster'):
        platform(monkeypatch, distribution='none')
    monkeypatch.delenv('TF_CONFIG')
    with pytest.raises(UserError, match='--distribution=multi_worker needs the environment variable TF_CONFIG.*tools.launch'):
        get_platform(tiny_config(run=dict(platform='cpu', mode='train', distribution='multi_worker')))
    with pytest.raises(UserError, match='--distribution=parameter_server needs the environment variable TF_CONFIG.*--workers=N --ps=1'):
        get_platform(tiny_config(run=dict(platform='cpu', mode='train', distribution='parameter_server')))


def test_the_flag_and_the_cluster_have_to_agree_on_parameter_servers(monkeypatch):
    with pytest.raises(UserError, match='--distribution=multi_worker, whose processes .* leave them out, or use --distribution=parameter_server'):
        platform(monkeypatch, cluster=SERVED, distribution='multi_worker')
    with pytest.raises(UserError, match='--distribution=parameter_server, but the cluster of TF_CONFIG has no ps'):
        platform(monkeypatch, distribution='parameter_server')
    with pytest.raises(UserError, match='--distribution=mirrored, but TF_CONFIG describes a cluster: .*--distribution=parameter_server'):
        platform(monkeypatch, cluster=SERVED, distribution='mirrored')
    assert platform(monkeypatch, 'evaluator', 0, {}, distribution='parameter_server').only_evaluates  # which knows of no other process


@pytest.mark.parametrize('section, fields, flag', [
    ('network', dict(sync_batch_norm=True), '--sync_batch_norm'), ('run', dict(deterministic=True), '--deterministic'),
    ('train', dict(scale_learning_rate=True), '--scale_learning_rate'), ('run', dict(eval_every=10), '--eval_every=10'),
    ('train', dict(precision='mixed'), '--precision=mixed'),
    ('run', dict(patience=2), '--patience=2'), ('train', dict(train_minutes=5.), '--train_minutes=5'),
    ('train', dict(on_nan='rollback:2'), '--on_nan=rollback:2'), ('run', dict(iterations_per_loop=10), '--iterations_per_loop=10')])
def test_what_needs_steps_of_all_together_is_refused(monkeypatch, section, fields, flag):
    config = tiny_config(run=dict(platform='cpu', mode='train', model_dir='x')).replace(**{section: fields})
    monkeypatch.setenv('TF_CONFIG', environ(SERVED)['TF_CONFIG'])
    with pytest.raises(UserError, match=flag + ' does not go with parameter servers'):
        get_platform(config)
    with pytest.raises(UserError, match=flag + ' does not go with parameter servers'):  # the flag alone says it before TensorFlow starts
        checks.check_config(config.replace(run=dict(distribution='parameter_server')))
