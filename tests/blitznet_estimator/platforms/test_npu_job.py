import json

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.npu_job import apply_job, read_job
from blitznet_estimator.platforms.rank_table import RankDevice, read_addresses, read_rank_table, write_rank_table


def _table(tmp_path, ranks=2):
    path = str(tmp_path / 'ranks.json')
    write_rank_table(path, [RankDevice(rank, '10.0.0.1', rank, '192.168.1.%d' % rank) for rank in range(ranks)])
    return path


def _environ(tmp_path, **changes):
    environ = {'JOB_ID': '1', 'RANK_TABLE_FILE': _table(tmp_path), 'RANK_SIZE': '2', 'RANK_ID': '1', 'ASCEND_DEVICE_ID': '1'}
    environ.update(changes)
    return {name: value for name, value in environ.items() if value is not None}


def test_a_bare_environment_becomes_a_single_card():
    environ = {}
    job = read_job(environ)
    assert (job.rank, job.size, job.device) == (0, 1, None) and environ == {}
    assert dict(apply_job(job, environ)) == environ
    assert set(environ) == {'JOB_ID', 'RANK_ID', 'RANK_SIZE'} and (environ['RANK_ID'], environ['RANK_SIZE']) == ('0', '1')


def test_what_is_set_stays():
    environ = {'JOB_ID': '42', 'ASCEND_DEVICE_ID': '3'}
    apply_job(read_job(environ), environ)
    assert environ == {'JOB_ID': '42', 'RANK_ID': '0', 'RANK_SIZE': '1', 'ASCEND_DEVICE_ID': '3'}
    assert read_job({'DEVICE_ID': '5'}).device == 5


def test_many_cards(tmp_path):
    job = read_job(_environ(tmp_path))
    assert (job.rank, job.size, job.device, job.added) == (1, 2, 1, ())


@pytest.mark.parametrize('changes, problem', [
    (dict(RANK_ID=None, JOB_ID=None, ASCEND_DEVICE_ID=None), 'lacks JOB_ID, RANK_ID, ASCEND_DEVICE_ID'),
    (dict(RANK_TABLE_FILE=None), 'lacks RANK_TABLE_FILE'),
    (dict(RANK_ID='2'), 'RANK_ID=2 must be between 0 and RANK_SIZE - 1 = 1'),
    (dict(RANK_SIZE='4'), 'is for 2 ranks'),
    (dict(RANK_SIZE='two'), 'RANK_SIZE=two must be a whole number'),
    (dict(RANK_SIZE='0'), 'RANK_SIZE=0'),
    (dict(RANK_SIZE=None, RANK_ID=None), 'RANK_SIZE is not set'),
    (dict(RANK_SIZE=None, RANK_TABLE_FILE=None), 'RANK_ID=1 with no RANK_SIZE'),
    (dict(RANK_TABLE_FILE='absent.json'), 'absent.json cannot be read'),
    (dict(ASCEND_DEVICE_ID='-1'), 'whole number'),
    (dict(TF_CONFIG=json.dumps({'cluster': {'worker': ['a:1']}})), 'TF_CONFIG'),
    (dict(TF_CONFIG='{'), 'TF_CONFIG'),
])
def test_contradictions_are_sentences(tmp_path, changes, problem):
    with pytest.raises(UserError) as error:
        read_job(_environ(tmp_path, **changes))
    assert problem in str(error.value)


def test_table_round_trip_and_old_layout(tmp_path):
    assert [device.address for device in read_rank_table(_table(tmp_path))] == ['192.168.1.0', '192.168.1.1']
    instances = [{'devices': [{'device_id': str(i), 'device_ip': '10.1.0.%d' % i}], 'rank_id': str(i), 'server_id': 's'}
                 for i in (1, 0)]
    path = tmp_path / 'old.json'
    path.write_text(json.dumps({'group_list': [{'instance_list': instances}]}))
    assert [(device.rank, device.device) for device in read_rank_table(str(path))] == [(0, 0), (1, 1)]


@pytest.mark.parametrize('devices, problem', [
    ([(0, 0, 'a'), (2, 1, 'b')], 'must be 0 to 1'),
    ([(0, 0, 'a'), (1, 0, 'b')], 'one device to two ranks'),
    ([(0, 0, 'a'), (1, 1, '')], 'no device_ip for rank 1'),
    ([(index, index, 'a') for index in range(17)], '17 devices'),
    ([], 'no device'),
])
def test_bad_tables(tmp_path, devices, problem):
    with pytest.raises(UserError, match=problem):
        write_rank_table(str(tmp_path / 'x.json'), [RankDevice(rank, 's', device, address) for rank, device, address in devices])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('content', [
    {'server_list': [{'device': [{}]}]}, {'server_list': [{'server_id': [[]], 'device': [{'rank_id': '0', 'device_id': '0', 'device_ip': 'a'}]}]},
    {'group_list': [{'instance_list': [{'server_id': 's', 'devices': []}]}]}, {'server_list': [{'server_id': 's', 'device': ['x']}]}, [1]])
def test_broken_table_names_the_file(tmp_path, content):
    path = tmp_path / 'broken.json'
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match='broken.json is no rank table'):
        read_rank_table(str(path))


def test_addresses(tmp_path):
    path = tmp_path / 'hccn.conf'
    path.write_text('address_0=192.168.100.101\nnetmask_0=255.255.255.0\naddress_1=192.168.100.102\n')
    assert read_addresses(str(path)) == {0: '192.168.100.101', 1: '192.168.100.102'}
    assert read_addresses(str(tmp_path / 'none')) == {}


CHIEF = {'CM_CHIEF_IP': '10.0.0.1', 'CM_CHIEF_PORT': '6000', 'CM_CHIEF_DEVICE': '0', 'CM_WORKER_SIZE': '8', 'CM_WORKER_IP': '10.0.0.1',
         'RANK_ID': '5', 'ASCEND_DEVICE_ID': '5'}


def test_a_job_of_a_chief_needs_no_table():
    job = read_job(CHIEF)
    assert job.of_chief and not read_job({}).of_chief
    assert (job.rank, job.size, job.device, job.added) == (5, 8, 5, (('JOB_ID', '10086'),))


@pytest.mark.parametrize('changes, problem', [
    (dict(RANK_SIZE='8'), 'unset RANK_SIZE'), (dict(RANK_TABLE_FILE='x'), 'unset RANK_TABLE_FILE'),
    (dict(CM_CHIEF_PORT=''), 'lacks CM_CHIEF_PORT'), (dict(RANK_ID='8'), 'CM_WORKER_SIZE - 1 = 7'), (dict(RANK_ID=''), 'lacks RANK_ID')])
def test_a_half_set_job_of_a_chief(changes, problem):
    with pytest.raises(UserError, match=problem):
        read_job(dict(CHIEF, **changes))
