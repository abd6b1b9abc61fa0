"""Which checkpoints mode eval takes, that none is evaluated twice, and how it follows a training run."""
import contextlib
import logging
import os
import subprocess
import sys
import threading

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.drivers import checkpoints, evaluate_checkpoints, metrics_file, metrics_table, prediction_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.drivers import stand_in
from tests.hooks.stepping import Clock


class Evaluations:
    """Stands in for drivers.evaluate: keeps the order, and writes what it writes, with mIoU = step / 100."""

    def __init__(self, config):
        self.config, self.steps = config, []

    def __call__(self, checkpoint):
        step = checkpoints.step_of(checkpoint)
        self.steps.append(step)
        result = {'global_step': step, 'mIoU': step / 100., 'metrics': list(self.config.run.metrics), 'per_class': {},
                  'settings': metrics_table.settings(self.config)}
        metrics_file.write(self.config.run.model_dir, result)
        metrics_table.add(self.config, checkpoint, result)
        os.makedirs(os.path.join(self.config.run.model_dir, prediction_files.FOLDER), exist_ok=True)
        return result


class Training:
    """Saves checkpoints as a training run does."""

    def __init__(self, folder, keep=5):
        self._folder, self._graph = str(folder), tf.Graph()
        with self._graph.as_default():
            self._step = tf.train.get_or_create_global_step()
            self._saver = tf.train.Saver(max_to_keep=keep)

    def save(self, *steps):
        with self._graph.as_default(), tf.Session() as session:
            for step in steps:
                session.run(self._step.assign(step))
                self._saver.save(session, os.path.join(self._folder, 'model.ckpt'), global_step=step)


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    return caplog


@pytest.fixture(autouse=True)
def no_collection(monkeypatch):
    """What a test leaves behind is small, and collecting it takes seconds."""
    monkeypatch.setattr(evaluate_checkpoints.memory, 'release', lambda: None)


def make(folder, **run):
    config = stand_in.config(folder, train=dict(train_steps=40), run=dict(dict(mode='eval', metrics=('miou',)), **run))
    return config, Evaluations(config)


@pytest.mark.parametrize('checkpoints_flag, steps', [
    ('', [40]), ('all', [10, 20, 30, 40]), ('last', [40]), ('20', [20]), ('15..35', [20, 30]), ('10..40:20', [10, 30]),
    ('30,10', [10, 30])])
def test_the_checkpoints_that_are_asked_for(tmp_path, checkpoints_flag, steps):
    Training(tmp_path).save(10, 20, 30, 40)
    config, evaluations = make(tmp_path, checkpoints=checkpoints_flag)
    assert evaluate_checkpoints.run(config, evaluations)['global_step'] == steps[-1]
    assert evaluations.steps == steps


def test_steps_without_a_checkpoint_are_named(tmp_path, messages):
    Training(tmp_path, keep=2).save(10, 20, 30)
    config, evaluations = make(tmp_path, checkpoints='10..40:10')
    evaluate_checkpoints.run(config, evaluations)
    assert evaluations.steps == [20, 30]
    assert 'no checkpoint of step 10, 40. Its checkpoints: 20, 30' in messages.text
    with pytest.raises(UserError, match='--checkpoints=10: .* has none of these. Its checkpoints: 20, 30'):
        evaluate_checkpoints.run(make(tmp_path, checkpoints='10')[0], evaluations)


def cut(folder, step):
    """Cut the index of a checkpoint."""
    path = folder / ('model.ckpt-%d.index' % step)
    path.write_bytes(path.read_bytes()[:20])


def test_damaged_ones_are_left_out(tmp_path, messages):
    Training(tmp_path).save(10, 20, 30)
    cut(tmp_path, 20)
    config, evaluations = make(tmp_path, checkpoints='all')
    evaluate_checkpoints.run(config, evaluations)
    assert evaluations.steps == [10, 30] and 'Left out: %s/model.ckpt-20 is damaged (' % tmp_path in messages.text
    with pytest.raises(UserError, match='--checkpoints=20: .*model.ckpt-20 is damaged .*Name others'):
        evaluate_checkpoints.run(make(tmp_path, checkpoints='20')[0], evaluations)


@pytest.mark.parametrize('listing', [None, b'', b'model_checkpoint_path: "mod', b'\xff\xfe', b'model_checkpoint_path: "model.ckpt-77"'])
def test_watching_does_not_need_the_list_of_checkpoints(tmp_path, messages, listing):
    Training(tmp_path).save(10, 20, 30, 40)
    cut(tmp_path, 20)
    if listing is None:
        (tmp_path / 'checkpoint').unlink()
    else:
        (tmp_path / 'checkpoint').write_bytes(listing)
    config, evaluations = make(tmp_path, watch=True, watch_timeout=60.)
    time = Time(Training(tmp_path), {})
    evaluate_checkpoints.watch(config, evaluations, time, time.sleep)
    assert evaluations.steps == [10, 30, 40] and messages.text.count('Left out: ') == 1 and time.slept == []


def test_none_is_evaluated_twice(tmp_path, messages, capsys):
    Training(tmp_path).save(10, 20, 30)
    config, evaluations = make(tmp_path, checkpoints='10..20')
    evaluate_checkpoints.run(config, evaluations)
    again = config.replace(run=dict(checkpoints='all'))
    result = evaluate_checkpoints.run(again, evaluations)
    assert evaluations.steps == [10, 20, 30] and result['mIoU'] == .3
    assert 'Step 10 was evaluated before' in messages.text and 'mIoU 0.1' in messages.text
    capsys.readouterr()
    assert evaluate_checkpoints.run(config.replace(run=dict(checkpoints='last')), evaluations) == metrics_file.read(str(tmp_path))
    assert 'class' in capsys.readouterr().out  # the table of the last evaluation
    assert evaluate_checkpoints.run(config.replace(run=dict(checkpoints='10')), evaluations) == {
        'global_step': 10, 'checkpoint': 'model.ckpt-10', 'mIoU': .1}


def test_what_it_lacks_or_on_demand_it_is_evaluated_again(tmp_path):
    Training(tmp_path).save(10)
    config, evaluations = make(tmp_path)
    for changed in ({}, {}, dict(run=dict(metrics=('voc12',))), dict(data=dict(eval_split='test')), dict(run=dict(reevaluate=True))):
        evaluations.config = config.replace(**changed)
        evaluate_checkpoints.run(evaluations.config, evaluations)
    assert evaluations.steps == [10] * 4  # all but the second time
    evaluations.config = config
    (tmp_path / 'evaluation').rmdir()
    evaluate_checkpoints.run(config, evaluations)
    assert len(evaluations.steps) == 5  # for the report, which needs predictions


class Time(Clock):
    """A clock whose sleep lets a training run go on: {seconds: steps of the checkpoints that it saves until then}."""

    def __init__(self, training, saves):
        super().__init__()
        self._training, self._saves, self.slept = training, dict(saves), []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_by(seconds)
        for moment in sorted(self._saves):
            if moment + 100 <= self.now:
                self._training.save(*self._saves.pop(moment))


def test_watching_until_training_ends(tmp_path):
    config, evaluations = make(tmp_path, watch=True, watch_poll=5.)
    time = Time(Training(tmp_path), {7: [10], 20: [20, 30], 50: [40]})
    result = evaluate_checkpoints.watch(config, evaluations, time, time.sleep)
    assert evaluations.steps == [10, 20, 30, 40] and result['global_step'] == 40
    assert set(time.slept) == {5.} and time.now == 150


def test_watching_goes_on_where_it_was(tmp_path):
    training = Training(tmp_path)
    training.save(10, 20)
    config, evaluations = make(tmp_path, watch=True)
    evaluations(checkpoints.every(str(tmp_path))[10])
    time = Time(training, {5: [40]})
    evaluate_checkpoints.watch(config, evaluations, time, time.sleep)
    assert evaluations.steps == [10, 20, 40]


def test_training_may_be_told_to_go_further(tmp_path):
    config, evaluations = make(tmp_path, watch=True)
    saved_config.write(config.replace(train=dict(train_steps=60)))
    time = Time(Training(tmp_path), {5: [40], 40: [60]})
    evaluate_checkpoints.watch(config, evaluations, time, time.sleep)
    assert evaluations.steps == [40, 60]


def test_watching_ends_without_a_checkpoint_for_long(tmp_path, messages):
    config, evaluations = make(tmp_path, watch=True, watch_poll=10., watch_timeout=60.)
    time = Time(Training(tmp_path), {45: [10], 1000: [40]})
    assert evaluate_checkpoints.watch(config, evaluations, time, time.sleep)['global_step'] == 10
    assert time.now == 100 + 50 + 60  # the first save is seen after 50 seconds
    assert 'No checkpoint in %s for 60 seconds: watching ends, after step 10' % tmp_path in messages.text


def test_a_checkpoint_that_vanishes_meanwhile(tmp_path, messages):
    training = Training(tmp_path, keep=2)
    training.save(10, 20)
    config, evaluations = make(tmp_path, watch=True)

    def evaluate(path):
        if path.endswith('-10'):
            training.save(30, 40)  # so that 10 goes, and 20 before its turn
            raise tf.errors.NotFoundError(None, None, 'gone')
        return evaluations(path)

    evaluate_checkpoints.watch(config, evaluate, Clock(), lambda seconds: None)
    assert evaluations.steps == [30, 40] and 'model.ckpt-10 was removed before it could be evaluated' in messages.text


def test_other_errors_end_watching(tmp_path):
    Training(tmp_path).save(10)
    with pytest.raises(UserError, match='bad mask'):
        def evaluate(path):
            raise UserError('bad mask')
        evaluate_checkpoints.watch(make(tmp_path, watch=True)[0], evaluate, Clock(), lambda seconds: None)


@pytest.fixture
def processes():
    """Makes a process of racing.py; none outlives the test."""
    started = []

    def start(part, folder):
        started.append(subprocess.Popen([sys.executable, '-m', 'tests.blitznet_estimator.drivers.racing', part, str(folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True))
        timers.append(threading.Timer(90, started[-1].kill))
        timers[-1].start()
        return started[-1]

    timers = []
    yield start
    for process, timer in zip(started, timers):
        timer.cancel()
        with process:
            process.kill()


def read_until(process, *texts):
    """Which of the texts comes first in what a process prints."""
    for line in process.stdout:
        for text in texts:
            if text in line:
                return text
    raise AssertionError('the process ended')


def go_on(process):
    process.stdin.write('\n')
    process.stdin.flush()


def test_training_and_watching_do_not_evaluate_a_checkpoint_twice(tmp_path, processes):
    """Both come to it at once: one evaluates, the other waits and takes its metrics."""
    Training(tmp_path).save(6)
    both = [processes(part, tmp_path) for part in ('train', 'watch')]
    for process in both:
        read_until(process, 'ready')
    for process in both:
        go_on(process)
    does = {read_until(process, 'evaluating', 'another process: waiting'): process for process in both}
    assert sorted(does) == ['another process: waiting', 'evaluating']
    go_on(does['evaluating'])
    rest = does['another process: waiting'].communicate()[0]
    assert 'evaluating' not in rest and [process.wait() for process in both] == [0, 0]
    assert [row['global_step'] for row in metrics_table.read(str(tmp_path))] == ['6']


def test_what_another_process_evaluated_while_this_one_waited(tmp_path, monkeypatch):
    Training(tmp_path).save(10)
    config, evaluations = make(tmp_path)

    @contextlib.contextmanager
    def claimed(_, step, checkpoint):
        evaluations(checkpoint)  # the other process's
        yield

    monkeypatch.setattr(metrics_table, 'claimed', claimed)
    assert evaluate_checkpoints.run(config, evaluations)['global_step'] == 10
    assert evaluations.steps == [10]


def test_how_to_have_the_report_of_an_earlier_checkpoint_is_said(tmp_path, messages):
    Training(tmp_path).save(10, 20)
    config, evaluations = make(tmp_path)
    evaluate_checkpoints.run(config.replace(run=dict(checkpoints='all')), evaluations)
    evaluate_checkpoints.run(config.replace(run=dict(checkpoint_path=str(tmp_path / 'model.ckpt-10'))), evaluations)
    assert evaluations.steps == [10, 20]
    assert 'are of step 20: with --reevaluate they become those of step 10' in messages.text
