import os
import subprocess
import sys
import time

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.npu_job import read_job
from blitznet_estimator.platforms.rank_table import read_rank_table
from tools import processes
from tools.ascend import launch


def _launch(tmp_path, code, devices='2', *arguments):
    command = ['--devices=' + devices, '--log_dir=%s' % tmp_path, '--device_ips=' + ','.join('10.0.0.%d' % i for i in range(8))]
    return launch.main(command + list(arguments) + ['--', sys.executable, '-c', code])


def _logs(tmp_path):
    return [(tmp_path / ('rank_%d.log' % rank)).read_text() for rank in range(2)]


def test_each_rank_has_its_environment_and_log(tmp_path):
    code = ('import os; names = "JOB_ID", "RANK_ID", "RANK_SIZE", "ASCEND_DEVICE_ID", "RANK_TABLE_FILE"\n'
            'print({name: os.environ[name] for name in names})')
    assert _launch(tmp_path, code) == 0
    for rank, log in enumerate(_logs(tmp_path)):
        job = read_job(eval(log))  # what the platform makes of it
        assert (job.rank, job.size, job.device, job.added) == (rank, 2, rank, ())
    assert [device.address for device in read_rank_table(str(tmp_path / 'rank_table.json'))] == ['10.0.0.0', '10.0.0.1']


def test_when_one_dies_the_others_are_stopped(tmp_path):
    code = ('import os, subprocess, sys, time\n'
            'if os.environ["RANK_ID"] == "1": time.sleep(.5); print("broken"); sys.exit(7)\n'
            'child = subprocess.Popen(["sleep", "300"]); print(child.pid, flush=True); time.sleep(300)\n')
    start = time.time()
    assert _launch(tmp_path, code) == 7
    assert time.time() - start < 30
    first, second = _logs(tmp_path)
    assert second == 'broken\n'
    for _ in range(50):
        if not _alive(int(first)):
            return
        time.sleep(.1)
    raise AssertionError('the child of rank 0 goes on')


def _alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def test_a_signal_is_an_exit_code(tmp_path):
    assert _launch(tmp_path, 'import os; os.kill(os.getpid(), 9)') == 137


def test_stopping_the_launcher_stops_the_ranks(tmp_path):
    code = 'import os, time; print(os.getpid(), flush=True); time.sleep(300)'
    process = subprocess.Popen([sys.executable, '-m', 'tools.ascend.launch', '--devices=1', '--log_dir=%s' % tmp_path, '--',
                                sys.executable, '-c', code])
    log = tmp_path / 'rank_0.log'
    while not log.exists() or not log.read_text().strip():
        time.sleep(.05)
    process.terminate()
    assert process.wait(timeout=30) == 143
    assert not _alive(int(log.read_text()))


def test_dry_run_prints_and_writes_nothing(tmp_path, capsys):
    assert launch.main(['--devices=2', '--log_dir=%s' % (tmp_path / 'logs'), '--device_ips=10.0.0.1,10.0.0.2', '--dry_run', '--',
                        '--mode=train', '--preset=blitznet300']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == '  rank 1 = device 1, address 10.0.0.2'
    processes = lines[lines.index('Processes:') + 1:]
    assert len(processes) == 2 and 'RANK_ID=1 RANK_SIZE=2' in processes[1]
    assert 'main.py --platform=npu --mode=train --preset=blitznet300 >> ' in processes[1] and processes[1].endswith('/rank_1.log 2>&1')
    assert not os.listdir(str(tmp_path))


def test_a_dry_run_needs_no_addresses(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(launch, 'read_addresses', lambda: {})
    words = ['--log_dir=%s' % tmp_path, '--dry_run', '--', '--mode=train']
    assert launch.main(['--devices=8'] + words) == 0
    assert capsys.readouterr().out.count('unknown here (--device_ips') == 8
    assert launch.main(['--devices=1'] + words) == 0
    assert 'none, for a single card' in capsys.readouterr().out
    with pytest.raises(UserError, match='No address is known for device 0, 1'):
        launch.main(['--devices=2', '--log_dir=%s' % tmp_path, '--', '--mode=train'])


def test_devices():
    assert launch.parse_devices('4') == [0, 1, 2, 3]
    assert launch.parse_devices('4,5') == [4, 5]
    assert launch.parse_devices('1,2,3') == [1, 2, 3]  # servers of A2 join any number up to 8, those of A3 up to 16
    for wrong in ('17', '0,0', 'a', '0'):
        with pytest.raises(UserError, match='--devices'):
            launch.parse_devices(wrong)


def test_addresses_are_needed():
    with pytest.raises(UserError, match='device 1'):
        launch.rank_devices([0, 1], {0: '10.0.0.1'}, 's')
    assert launch.rank_devices([0], {}, 's')[0].device == 0


def test_cores_are_shared():
    assert processes.core_sets(2, [0, 1, 2, 3, 4]) == [[0, 1], [2, 3]]
    assert processes.core_sets(4, [0, 1]) == [[0, 1]] * 4


def test_a_table_of_another_size(tmp_path):
    _launch(tmp_path, 'pass')
    with pytest.raises(UserError, match='is for 2 ranks'):
        _launch(tmp_path, 'pass', '4', '--rank_table=%s' % (tmp_path / 'rank_table.json'))


def test_nothing_to_run(tmp_path):
    with pytest.raises(UserError, match='after --'):
        launch.main(['--devices=1', '--log_dir=%s' % tmp_path])
