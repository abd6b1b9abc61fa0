"""Several processes that train together on 127.0.0.1, against one process with all their images.

They are real processes of main.py, started by tools.launch. One process with the global batch does the same up to rounding where batch norm is
synchronised and all negatives count (the focal loss): the images, their augmentation, the losses, the weights, their moving averages and the
optimizer's slots. Without either each worker normalises by its own batch, and takes its own hardest negatives.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from tests.paths import ROOT

STEPS, WORKERS, IMAGES = 6, 2, 2
pytestmark = [pytest.mark.slow, pytest.mark.one_python]  # minutes; TensorFlow 1.15 and 2.15 were tried by hand: docs/distribution.md
SMALL = ['--mode=train', '--platform=cpu', '--dataset=shapes_small', '--image_size=72', '--top_fm=16', '--n_base_channels=8', '--lr_decay=',
         '--noreport', '--noprogress', '--threads=1', '--optimizer=nesterov', '--learning_rate=1e-8', '--class_loss=focal', '--sync_batch_norm',
         '--eval_batch_size=4', '--max_pictures=0', '--keep_checkpoint_max=9', '--summary_every=2']


def start(words, folder):
    environ = {name: value for name, value in os.environ.items() if name != 'TF_CONFIG'}
    return subprocess.Popen([sys.executable] + words + ['--data_dir=%s' % folder.parent], cwd=ROOT, env=environ,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def flags(folder, *more):
    return SMALL + ['--model_dir=%s' % folder, '--train_steps=%d' % STEPS, '--save_every=2'] + list(more)


def job(folder, *more, arguments=()):
    """A started launcher of WORKERS, with logs in folder/logs."""
    words = ['-m', 'tools.launch', '--workers=%d' % WORKERS, '--log_dir=%s' % (folder / 'logs')] + list(arguments)
    return start(words + ['--'] + flags(folder, '--batch_size=%d' % IMAGES, *more), folder)


def finish(process, code=0):
    said = process.communicate(timeout=900)[0]
    assert process.returncode == code, said
    return said


def log(folder, name='worker_0'):
    return (folder / 'logs' / (name + '.log')).read_text()


def stored(folder, step):
    """{variable: value} of a step's checkpoint."""
    reader = tf.train.load_checkpoint(str(folder / ('model.ckpt-%d' % step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def losses(folder):
    """{step: total loss} in TensorBoard's files."""
    return {event.step: value.simple_value for name in sorted(os.listdir(str(folder))) if 'tfevents' in name
            for event in tf.train.summary_iterator(str(folder / name)) for value in event.summary.value if value.tag == 'loss/total'}


def moves(folder, start, end):
    """{variable: how it moved, float64} from step `start` to step `end`."""
    before, after = stored(folder, start), stored(folder, end)
    return {name: after[name].astype(float) - before[name] for name in after if after[name].dtype == np.float32}


KINDS = {'weights': lambda name: 'moving_' not in name and not name.endswith('Momentum'), 'averages': lambda name: 'moving_' in name,
         'slots': lambda name: name.endswith('Momentum')}

LIMITS = {'weights': (.1, .5), 'averages': (.03, .1), 'slots': (.03, .1)}  # as of `differences`


def differences(found, expected):
    """Of two `moves`: {kind: (of all its variables as one vector, of the worst variable)}, each over the expected way.

    A variable may differ by 1e-7 besides: it is of float32, and moved as little as its last bits.
    """
    assert set(found) == set(expected)
    result = {}
    for kind, is_of in KINDS.items():
        apart, way = [{name: np.linalg.norm(one(name)) for name in expected if is_of(name)}
                      for one in (lambda name: found[name] - expected[name], expected.get)]
        worst = max(max(apart[name] - 1e-7, 0) / max(way[name], 1e-12) for name in way)
        result[kind] = np.linalg.norm(list(apart.values())) / np.linalg.norm(list(way.values())), worst
    return result


def task_of(pid):
    """(type, index) of a process of a job; None of another."""
    try:
        with open('/proc/%s/environ' % pid) as file:
            values = dict(item.partition('=')[::2] for item in file.read().split('\0'))
        task = json.loads(values.get('TF_CONFIG') or '{}').get('task', {})
    except (OSError, ValueError):
        return None
    return task.get('type'), task.get('index')


def processes_of(launcher):
    """{(type, index): pid} of the processes that a launcher started."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % pid) as file:
                parent = int(file.read().rpartition(')')[2].split()[1])
        except OSError:
            continue
        if parent == launcher.pid:
            found[task_of(pid)] = int(pid)
    return found


@pytest.fixture(scope='module', name='killed')
def killed_job(tmp_path_factory):
    """(folder, what the launcher said, last saved step) of a job whose worker 1 is killed at its first checkpoint."""
    folder = tmp_path_factory.mktemp('together') / 'model'
    process = job(folder, '--train_steps=100000', '--eval_every=0')
    while process.poll() is None and not (folder / 'model.ckpt-2.index').exists():
        time.sleep(.02)
    os.kill(processes_of(process)['worker', 1], signal.SIGKILL)
    said = finish(process, 128 + signal.SIGKILL)
    latest = tf.train.latest_checkpoint(str(folder))
    shutil.copytree(str(folder), str(folder.parent / 'alone'), ignore=shutil.ignore_patterns('*tfevents*', '*.csv', 'logs', 'setup'))
    return folder, said, int(latest.rpartition('-')[2])


@pytest.fixture(scope='module', name='resumed')
def resumed_job(killed):
    """(folder, steps) of the killed job, which the same command took to its last step, with an evaluator beside it.

    It evaluates in between, so that two graphs follow each other on all workers.
    """
    folder, _, step = killed
    steps = step + STEPS
    finish(job(folder, '--train_steps=%d' % steps, '--eval_every=%d' % (step + STEPS // 2), '--watch_poll=.5', arguments=['--evaluator']))
    return folder, steps


@pytest.fixture(scope='module', name='alone')
def trained_alone(resumed):
    """The folder of one process that went on from the same checkpoint for as many steps, with the images of all.

    From the first step on both would begin with other weights, for those depend on the graph.
    """
    folder, steps = resumed[0].parent / 'alone', resumed[1]
    finish(start(['main.py'] + flags(folder, '--train_steps=%d' % steps, '--batch_size=%d' % (WORKERS * IMAGES), '--eval_every=0'), folder))
    return folder


def test_a_killed_worker_ends_the_job_and_is_named(killed):
    folder, said, _ = killed
    assert 'worker 1 ended with code 137; the others are stopped.' in said and 'worker_1.log ends with:' in said
    assert 'as worker 1 of 2 processes, with 2 of the 4 images of a step' in log(folder, 'worker_1')


def test_a_job_that_was_killed_does_what_one_process_with_all_images_does(killed, resumed, alone):
    """To parts of the way that all variables of a kind went, and that each went: the order of sums differs, and a relu that rounding turns on
    is seen in all below it. A weight moves by few of its last bits, so that it may differ more. `tests.compare_workers` shows how far
    rounding alone goes.

    The learning rate is so small that each step sees nearly the same weights. At a hundred times this rate, the first two steps agree as
    closely, and after six some variables have gone a third another way, for the rounding of one step is multiplied by the next.
    """
    (folder, steps), start = resumed, killed[2]
    expected = moves(alone, start, steps)
    for kind, (of_all, worst) in differences(moves(folder, start, steps), expected).items():
        assert of_all <= LIMITS[kind][0] and worst <= LIMITS[kind][1], (kind, of_all, worst)
    together, expected = losses(folder), losses(alone)
    common = {step for step in set(together) & set(expected) if step > start}  # a phase of training begins with a summary
    assert len(common) > 1 and {step: together[step] for step in common} == pytest.approx({step: expected[step] for step in common}, rel=1e-3)


def test_only_the_chief_writes_and_an_evaluator_evaluates_beside(resumed):
    folder, steps = resumed
    assert not [name for name in os.listdir(str(folder)) if name.startswith('tmp_')]
    assert 'Evaluation of step %d' % steps in log(folder, 'evaluator_0') + log(folder)
    assert 'evaluates each checkpoint that the others save' in log(folder, 'evaluator_0')
    assert json.loads((folder / 'metrics.json').read_text())['global_step'] == steps


def test_a_signal_saves_one_step_of_all(resumed):
    """Which the launcher passes on to all processes, and which reaches them at different moments."""
    folder, steps = resumed
    process = job(folder, '--train_steps=100000', '--eval_every=0')
    while process.poll() is None and not (folder / ('model.ckpt-%d.index' % (steps + 2))).exists():
        time.sleep(.05)
    process.send_signal(signal.SIGTERM)
    finish(process, 128 + signal.SIGTERM)
    ends = {re.findall(r'Stopped by SIGTERM\. Step (\d+) is saved', log(folder, 'worker_%d' % index))[-1] for index in range(WORKERS)}
    assert ends == {tf.train.latest_checkpoint(str(folder)).rpartition('-')[2]} and int(min(ends)) >= steps + 2
