"""Training around a parameter server on 127.0.0.1: real processes of main.py, most of them started by tools.launch."""
import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest

from blitznet_estimator.exit_codes import LOST
from tests.paths import ROOT
from tests.signals import hear_all
from tests.test_multi_worker import SMALL, finish, log, start, stored
from tools import launch

STEPS = 40
pytestmark = [pytest.mark.slow, pytest.mark.one_python]  # minutes; TensorFlow 1.15 and 2.15 were tried by hand: docs/distribution.md
FLAGS = [word for word in SMALL if word != '--sync_batch_norm' and not word.startswith('--learning_rate')] + ['--batch_size=2', '--save_every=10']


def flags(folder, steps):
    return FLAGS + ['--model_dir=%s' % folder, '--data_dir=%s' % folder.parent, '--train_steps=%d' % steps, '--distribution=parameter_server']


def arguments(folder):
    return ['--workers=2', '--ps=1', '--log_dir=%s' % (folder / 'logs')]


def job(folder, steps):
    """A started launcher of two workers and one server, with logs in folder/logs."""
    return start(['-m', 'tools.launch'] + arguments(folder) + ['--'] + flags(folder, steps), folder)


def processes(folder, steps):
    """{name: process} of such a job, without a launcher that would stop the others where one fails."""
    (folder / 'logs').mkdir(parents=True)
    running = {}
    for process in launch.plan(launch._parse(arguments(folder) + ['--'] + flags(folder, steps))):
        with open(process.log, 'ab') as output:
            running[process.name] = subprocess.Popen(process.command, cwd=ROOT, env=dict(os.environ, **process.environment), stdout=output,
                                                     stderr=subprocess.STDOUT, preexec_fn=hear_all)
    return running


def saved(folder):
    """The steps of the checkpoints."""
    return sorted(int(path.name[len('model.ckpt-'):-len('.index')]) for path in folder.glob('model.ckpt-*.index'))


def wait_for_a_checkpoint(folder, processes, after=0):
    while all(process.poll() is None for process in processes) and max(saved(folder), default=0) <= after:
        time.sleep(.1)


def ends(running):
    """{name: exit code}, once all have ended."""
    try:
        return {name: process.wait(timeout=300) for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()


@pytest.fixture(scope='module', name='trained')
def trained_job(tmp_path_factory):
    """(folder, step) of a job that came to its end."""
    folder = tmp_path_factory.mktemp('served') / 'model'
    finish(job(folder, STEPS))
    return folder, saved(folder)[-1]


def test_a_job_comes_to_its_end(trained):
    folder, step = trained
    # Both workers may read step 38 before either adds its own. Then neither knows of step 40, and each makes one more.
    assert STEPS <= step <= STEPS + 2
    last, first = stored(folder, step), stored(folder, saved(folder)[0])
    weights = [name for name in last if name.endswith('weights')]
    assert weights and all(np.isfinite(value).all() for value in last.values())
    if saved(folder)[0] < step:
        assert any((first[name] != last[name]).any() for name in weights)
    assert 'Evaluation of step %d' % step in log(folder)
    for name in ('worker_1', 'ps_0'):
        assert 'error' not in log(folder, name) and 'Traceback' not in log(folder, name)


def test_one_process_writes(trained):
    folder, step = trained
    assert len(list(folder.glob('events*'))) == 1 and not list(folder.glob('tmp_*'))
    assert [path.name for path in folder.glob('model.ckpt-%d.data*' % step)] == ['model.ckpt-%d.data-00000-of-00001' % step]


def test_a_job_resumes_and_a_signal_saves_its_step(trained):
    """The same command, then a signal to the launcher, which passes it on to all processes."""
    folder, step = trained
    process = job(folder, 100000)
    wait_for_a_checkpoint(folder, [process], step)
    process.send_signal(signal.SIGTERM)
    finish(process, 128 + signal.SIGTERM)
    last, = re.findall(r'Stopped by SIGTERM\. Step (\d+) is saved', log(folder))
    assert 'Resuming from step %d of 100000' % step in log(folder) and int(last) == saved(folder)[-1] > step
    assert 'Stopped by SIGTERM. The steps of this process are in those that the chief saves.' in log(folder, 'worker_1')
    assert log(folder, 'ps_0').rstrip().endswith('Stopped by SIGTERM.')
    before, after = stored(folder, step), stored(folder, int(last))
    assert all(np.isfinite(value).all() for value in after.values())
    assert any((before[name] != after[name]).any() for name in after if name.endswith('weights'))


def test_all_end_where_a_server_is_lost(tmp_path):
    running = processes(tmp_path / 'model', 100000)
    wait_for_a_checkpoint(tmp_path / 'model', running.values())
    running['ps 0'].kill()
    assert ends(running) == {'worker 0': LOST, 'worker 1': LOST, 'ps 0': -signal.SIGKILL}
    for index in range(2):
        assert 'error: worker %d lost another process of the job' % index in log(tmp_path / 'model', 'worker_%d' % index)


def test_the_others_go_on_where_a_worker_is_lost(tmp_path):
    running = processes(tmp_path / 'model', 10 * STEPS)
    wait_for_a_checkpoint(tmp_path / 'model', running.values())
    running['worker 1'].kill()
    assert ends(running) == {'worker 0': 0, 'worker 1': -signal.SIGKILL, 'ps 0': 0}
    assert saved(tmp_path / 'model')[-1] >= 10 * STEPS
