"""Processes of one job on this machine. What they run here are small programs of Python; test_multi_worker.py has them train."""
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.cluster import read_cluster
from tests.paths import ROOT
from tests.signals import hear_all
from tools import launch


def run(folder, code, *arguments):
    return launch.main(['--workers=2', '--log_dir=%s' % folder, '--grace=10'] + list(arguments) + ['--', sys.executable, '-c', code])


WHO = 'import json, os, sys, time; task = json.loads(os.environ["TF_CONFIG"])["task"]\n'


def test_each_process_has_its_task_and_log(tmp_path):
    assert run(tmp_path, 'import os; print(os.environ["TF_CONFIG"])', '--evaluator') == 0
    texts = [(tmp_path / name).read_text() for name in ('worker_0.log', 'worker_1.log', 'evaluator_0.log')]
    clusters = [read_cluster({'TF_CONFIG': text}) for text in texts]
    assert [cluster.describe() for cluster in clusters] == ['worker 0', 'worker 1', 'evaluator 0']
    assert [cluster.is_evaluator for cluster in clusters] == [False, False, True]
    assert len(set(clusters[0].addresses)) == 2 and all(cluster.addresses == clusters[0].addresses for cluster in clusters)


def test_parameter_servers_are_in_the_cluster_and_see_no_gpu(tmp_path, capsys):
    assert launch.main(['--workers=2', '--ps=2', '--gpus_per_worker=1', '--log_dir=%s' % tmp_path, '--dry_run', '--', '--mode=train']) == 0
    lines = capsys.readouterr().out.splitlines()
    clusters = [read_cluster(dict(word.split('=', 1) for word in shlex.split(line) if word.startswith('TF_CONFIG='))) for line in lines]
    assert [cluster.describe() for cluster in clusters] == ['worker 0', 'worker 1', 'ps 0', 'ps 1']
    assert len(set(clusters[0].addresses + clusters[0].ps)) == 4 and all(cluster.ps == clusters[0].ps for cluster in clusters)
    assert [line.partition(' ')[0] for line in lines[:2]] == ['CUDA_VISIBLE_DEVICES=0', 'CUDA_VISIBLE_DEVICES=1']
    assert all(line.startswith("CUDA_VISIBLE_DEVICES='' TF_CONFIG=") and ' >> %s/ps_' % tmp_path in line for line in lines[2:])


def test_a_failure_is_named_and_stops_the_others(tmp_path, capsys):
    code = WHO + 'if task["index"] == 1: print("it broke"); sys.exit(7)\ntime.sleep(300)'
    start = time.monotonic()
    assert run(tmp_path, code) == 7
    assert time.monotonic() - start < 60
    error = capsys.readouterr().err
    assert 'worker 1 ended with code 7; the others are stopped.' in error and 'worker_1.log ends with:\n  it broke' in error


def test_the_one_that_was_lost_is_named_not_those_that_miss_it(tmp_path, capsys):
    code = WHO + 'if task["index"] == 0: sys.exit(138)\ntime.sleep(1); os.kill(os.getpid(), 9)'
    assert run(tmp_path, code) == 137
    assert 'worker 1 ended with code 137' in capsys.readouterr().err


def test_a_job_starts_again(tmp_path, capsys):
    code = WHO + ('path = %r + "/" + str(task["index"])\nfirst = not os.path.exists(path); open(path, "a").write("x")\n'
                  'sys.exit(5 if first and task["index"] else 0)' % str(tmp_path))
    assert run(tmp_path / 'logs', code, '--restarts=2') == 0
    assert (tmp_path / '1').read_text() == 'xx'
    assert 'The job starts again (1 more restarts).' in capsys.readouterr().err
    assert run(tmp_path / 'logs', 'import sys; sys.exit(5)', '--restarts=1') == 5


def test_what_another_start_would_meet_too_is_not_started_again(tmp_path, capsys):
    code = WHO + 'if task["index"]: time.sleep(300)\nopen(%r, "a").write("x"); sys.exit(2)' % str(tmp_path / 'starts')
    assert run(tmp_path / 'logs', code, '--restarts=2') == 2
    assert (tmp_path / 'starts').read_text() == 'x'
    assert 'starts again' not in capsys.readouterr().err


LISTENS = ('import signal, time\ndef say(number, frame): print("heard", int(number), flush=True); raise SystemExit(1)\n'
           'for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, say)\nprint("ready", flush=True); time.sleep(300)')


@pytest.mark.parametrize('number, heard, code', [
    (signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGINT, signal.SIGINT, 130), (signal.SIGHUP, signal.SIGHUP, 143),
    pytest.param(signal.SIGKILL, signal.SIGTERM, -9, marks=pytest.mark.skipif(sys.platform != 'linux', reason='Linux tells the children'))])
def test_signals_are_passed_on(tmp_path, number, heard, code):
    words = [sys.executable, '-m', 'tools.launch', '--workers=2', '--log_dir=%s' % tmp_path, '--', sys.executable, '-c', LISTENS]
    process = subprocess.Popen(words, cwd=ROOT, preexec_fn=hear_all)
    logs = [tmp_path / ('worker_%d.log' % index) for index in range(2)]
    try:
        while process.poll() is None and not all(log.exists() and 'ready' in log.read_text() for log in logs):
            time.sleep(.05)
        process.send_signal(number)
        assert process.wait(timeout=60) == code
    finally:
        process.kill()
    end = time.monotonic() + 60
    while time.monotonic() < end and not all('heard' in log.read_text() for log in logs):
        time.sleep(.05)
    assert [log.read_text() for log in logs] == ['ready\nheard %d\n' % heard] * 2


@pytest.mark.parametrize('mode', ['--mode=train', 'train'])
def test_a_dry_run_prints_and_writes_nothing(tmp_path, capsys, mode):
    words = ['--workers=2', '--gpus_per_worker=2', '--log_dir=%s' % (tmp_path / 'logs'), '--dry_run', '--', mode]
    assert launch.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith('CUDA_VISIBLE_DEVICES=2,3 TF_CONFIG=') and 'main.py %s --noprogress >> ' % mode in lines[1]
    assert not os.listdir(str(tmp_path))


def test_arguments_are_checked():
    for words, problem in ((['--workers=0', '--', '-x'], '--workers=0 is too small'), (['--ps=-1', '--', '-x'], '--ps=-1 is too small'),
                           (['--workers=2'], 'Say what to run')):
        with pytest.raises(UserError, match=problem):
            launch.main(words)


def test_ports_are_free_and_different():
    ports = launch.free_ports(20)
    assert len(set(ports)) == 20
    assert json.loads(launch.tf_config({'worker': ['a:1']}, 'worker', 0)) == {'cluster': {'worker': ['a:1']}, 'task': {'type': 'worker', 'index': 0}}
