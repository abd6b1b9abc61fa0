import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from blitznet_estimator import files, saved_config
from blitznet_estimator.drivers import checkpoints, metrics_table, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from blitznet_estimator.stop_request import Stopped
from hooks.stop import StopHook
from tests.blitznet_estimator.drivers import stand_in
from tests.blitznet_estimator.drivers.training_run import Run


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, 'blitznet')
    return caplog


@pytest.mark.parametrize('eval_every, save_every', [(0, 0), (0, 3), (7, 3), (100, 100)])
def test_the_last_step_is_saved_and_evaluated_whatever_the_intervals(tmp_path, eval_every, save_every):
    run = Run(tmp_path, eval_every=eval_every, save_every=save_every)
    run()
    assert run.evaluated[-1] == checkpoints.latest_step(str(tmp_path)) == 10


def test_there_are_five_evaluations_by_default(tmp_path):
    run = Run(tmp_path, steps=120)
    run()
    assert run.evaluated == [24, 48, 72, 96, 120]


def test_training_ends_when_evaluations_get_no_better(tmp_path, messages):
    for _ in range(2):  # the same command again changes nothing
        run = Run(tmp_path, steps=20, eval_every=2, patience=3)
        run()
        assert checkpoints.latest_step(str(tmp_path)) == 8  # mIoU is .5 at steps 2, 4, 6 and 8
        assert 'Training ends at step 8 of 20: no evaluation since step 2 was better, mIoU 0.5' in messages.text


def test_each_graph_is_announced(tmp_path, messages):
    run = Run(tmp_path, eval_every=5)
    train.run(run.config, run.platform, run._start, stand_in.model_fn, run._evaluate, summarise=lambda step: None)
    said = [record.getMessage().split(' ')[0] for record in messages.records]
    assert said == ['Starting', 'Drawing', 'Building']


def test_checkpoints_have_their_cadence_and_only_the_latest_stay(tmp_path):
    Run(tmp_path, save_every=2, eval_every=5, keep_checkpoint_max=3)()
    state = tf.train.get_checkpoint_state(str(tmp_path))
    steps = [int(path.rsplit('-', 1)[1]) for path in state.all_model_checkpoint_paths]
    assert steps == [6, 8, 10]
    assert len(list(tmp_path.glob('model.ckpt-*.index'))) == 3


def test_it_resumes_and_says_from_where(tmp_path, messages):
    Run(tmp_path, steps=6)()
    assert 'Starting at step 0 of 6 on CPU' in messages.text
    assert 'Changed' not in messages.text
    run = Run(tmp_path, steps=10)
    run.config = run.config.replace(train=dict(learning_rate=.001))  # of which the stand-in makes no use
    run()
    assert 'Resuming from step 6 of 10' in messages.text
    assert 'Changed since the last start: train_steps 6 -> 10, learning_rate 0.004 -> 0.001\n' in messages.text
    assert run.starts == [6] and run.evaluated == [10]
    weight = tf.train.load_variable(str(tmp_path), 'weight')
    value = velocity = 0.
    for _ in range(10):  # loss (w - 1)^2, rate .1, momentum .5: the resumed run is the uninterrupted one
        velocity = .5 * velocity + 2 * (value - 1)
        value -= .1 * velocity
    assert weight == pytest.approx(value, abs=1e-6)


def test_a_finished_run_says_so_and_does_nothing(tmp_path, messages):
    Run(tmp_path)()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    run = Run(tmp_path)
    run.config = run.config.replace(train=dict(learning_rate=9., train_steps=5), data=dict(batch_size=7))
    assert run()['global_step'] == 10
    assert 'is finished: step 10 of 5' in messages.text
    assert run.starts == [] and run.evaluated == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_missing_evaluation_is_made_up_for(tmp_path):
    Run(tmp_path)()
    (tmp_path / 'metrics.csv').unlink()  # as if killed between the last checkpoint and its evaluation
    run = Run(tmp_path)
    run()
    assert run.starts == [] and run.evaluated == [10]
    run = Run(tmp_path, steps=14, eval_every=5)
    (tmp_path / 'metrics.csv').write_text('global_')  # damaged
    run()
    assert run.starts == [10] and run.evaluated == [10, 14]


def test_what_another_process_evaluated_is_not_evaluated_again(tmp_path):
    class Watched(tf.train.SessionRunHook):
        """As a process with --watch: evaluates step 4 as soon as its checkpoint is there."""

        def pause(self, session):
            if checkpoints.latest_step(str(tmp_path)) == 4:
                metrics_table.add(run.config, checkpoints.find(run.config), {'global_step': 4, 'mIoU': .5})

    run = Run(tmp_path, steps=6, eval_every=2)
    run([Watched()])
    assert run.evaluated == [2, 6]
    assert sorted(row['global_step'] for row in metrics_table.read(str(tmp_path))) == ['2', '4', '6']


def test_the_configuration_is_saved_at_every_start(tmp_path):
    for steps in (4, 6):
        run = Run(tmp_path, steps=steps)
        run()
        assert saved_config.read(str(tmp_path)) == run.config


def test_another_network_is_refused(tmp_path):
    Run(tmp_path, steps=2)()
    run = Run(tmp_path, steps=4)
    run.config = run.config.replace(network=dict(num_classes=21, preset='blitznet300'))
    with pytest.raises(UserError, match=r'another network \(--preset=tiny, --num_classes=3\).*--preset=blitznet300, --num_classes=21'):
        run()
    assert saved_config.read(str(tmp_path)).network.num_classes == 3


def test_other_classes_are_refused(tmp_path):
    Run(tmp_path, steps=2)()
    for steps in (2, 4):  # where it is finished, and where it would go on
        run = Run(tmp_path, steps=steps)
        run.config = run.config.replace(data=dict(class_names=('dog', 'cat')))
        with pytest.raises(UserError, match=r'other classes \(cat, dog\), and this training has dog, cat'):
            run()
    assert saved_config.read(str(tmp_path)).data.class_names == ('cat', 'dog')


@pytest.mark.parametrize('trunk, given, said', [
    ('tiny', '', None), ('resnet50', 'resnet50.ckpt', None), ('resnet50', '', 'imagenet'), ('vgg16', '', 'imagenet'), ('vgg16', 'imagenet', None)])
def test_random_weights_are_remarked_on_where_trained_ones_are_published(tmp_path, messages, trunk, given, said):
    run = Run(tmp_path, steps=1)
    run.config = run.config.replace(network=dict(trunk=trunk), train=dict(warm_start_from=given))
    train._open_model_dir(run.config, run.platform)
    assert re.findall('The trunk %s starts from random weights.*--warm_start_from=([^ ]+)' % trunk, messages.text) == ([said] if said else [])


@pytest.mark.parametrize('freeze, given, said', [(('trunk',), '', True), (('trunk',), 'a.ckpt', False), (('batch_norm',), '', False)])
def test_a_frozen_trunk_of_random_weights_is_remarked_on(tmp_path, messages, freeze, given, said):
    run = Run(tmp_path, steps=1)
    run.config = run.config.replace(train=dict(warm_start_from=given, freeze=freeze))
    train._open_model_dir(run.config, run.platform)
    assert ('--freeze=trunk: the trunk starts from random weights' in messages.text) == said


@pytest.mark.parametrize('names, said', [(('cat', 'dog'), False), (('dog', 'cat'), True), (('cat', 'dog', 'cow'), False)])
def test_a_start_from_the_heads_of_other_classes_is_remarked_on(tmp_path, messages, names, said):
    saved_config.write(stand_in.config(tmp_path / 'old', data=dict(class_names=names)))
    run = Run(tmp_path / 'new', steps=1)
    run.config = run.config.replace(train=dict(warm_start_from=str(tmp_path / 'old' / 'model.ckpt-3')))
    train._open_model_dir(run.config, run.platform)
    assert ('tells other classes apart (dog, cat): its heads are taken too' in messages.text) == said


def test_a_folder_without_a_checkpoint_takes_any_network(tmp_path):
    saved_config.write(stand_in.config(tmp_path, network=dict(top_fm=64)))
    Run(tmp_path, steps=2)()
    assert json.loads((tmp_path / 'config.json').read_text())['network']['top_fm'] == 128


def test_the_best_of_another_training_are_not_mixed_up_with_a_new_one(tmp_path):
    (tmp_path / 'best').mkdir()
    (tmp_path / 'best' / 'model.ckpt-5.index').write_text('')
    with pytest.raises(UserError, match='has the best checkpoints of a training, but none to resume it from.*remove .*best and .*metrics.csv'):
        Run(tmp_path, steps=2)()
    assert not (tmp_path / 'config.json').exists()


def test_data_that_run_out(tmp_path):
    with pytest.raises(UserError, match='ended at step 3, before step 10'):
        Run(tmp_path, input_fn=lambda step: stand_in.train_input_fn(step, length=3))()


def test_a_bad_record_of_the_input_is_named(tmp_path):
    with pytest.raises(UserError, match='^b.tfrecord, record 0: no image.$'):
        Run(tmp_path, input_fn=lambda step: stand_in.damaged(stand_in.train_input_fn(step)))()


def test_intervals_must_be_whole_loops(tmp_path):
    with pytest.raises(UserError, match='--summary_every=2'):
        Run(tmp_path, iterations_per_loop=5)()
    assert not (tmp_path / 'config.json').exists()


def test_only_the_chief_evaluates_and_saves_the_configuration(tmp_path):
    run = Run(tmp_path)
    run.platform = stand_in.NotChief(run.config)
    run()
    assert run.starts == [0] and run.evaluated == []
    assert not (tmp_path / 'config.json').exists()


def test_what_a_killed_training_left_is_swept(tmp_path):
    (tmp_path / 'model.ckpt-9_temp_0').mkdir()
    (tmp_path / 'checkpoint.tmp12').write_text('half')
    Run(tmp_path)()
    assert [path.name for path in tmp_path.iterdir() if 'temp' in path.name or 'tmp' in path.name] == []


def test_two_trainings_of_one_folder_are_refused(tmp_path):
    with files.only_one(str(tmp_path / train.LOCK)) as alone:
        assert alone
        with pytest.raises(UserError, match='another training writes there now'):
            Run(tmp_path)()
    run = Run(tmp_path)
    run()
    assert run.starts[0] == 0


def test_hooks_see_all_phases_and_are_closed_after_an_error(tmp_path):
    class Hook(tf.train.SessionRunHook):
        """Counts, and fails on demand."""
        begun = closed = runs = 0

        def begin(self):
            self.begun += 1

        def after_run(self, run_context, run_values):
            self.runs += 1
            if self.runs == 7:
                raise UserError('enough')

        def close(self):
            self.closed += 1

    hook = Hook()
    with pytest.raises(UserError, match='enough'):
        Run(tmp_path, eval_every=5, train=dict(recompute=True))([hook])
    assert (hook.begun, hook.runs, hook.closed) == (2, 7, 1)


@pytest.mark.parametrize('recompute', [False, True])
def test_evaluations_and_phases_leave_no_graph_behind(tmp_path, recompute):
    counts = []
    run = Run(tmp_path, steps=8, eval_every=2, train=dict(recompute=recompute))
    record = run._evaluate

    def evaluate(path):
        counts.append(sum(isinstance(item, tf.Graph) for item in gc.get_objects()))
        record(path)

    run._evaluate = evaluate
    gc.collect()
    run()
    assert len(counts) == 4 and counts[3] <= counts[0]


def _start(model_dir, slow):
    return subprocess.Popen([sys.executable, '-m', 'tests.blitznet_estimator.drivers.stand_in', str(model_dir), str(slow)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def test_a_killed_run_resumes(tmp_path):
    process = _start(tmp_path, .15)
    end = time.time() + 60
    while checkpoints.latest_step(str(tmp_path)) < 5 and process.poll() is None and time.time() < end:
        time.sleep(.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    step = checkpoints.latest_step(str(tmp_path))
    assert 5 <= step < 30
    output, errors = _start(tmp_path, 0).communicate(timeout=90)
    assert 'Resuming from step %d of 30 on CPU' % step in errors
    assert checkpoints.latest_step(str(tmp_path)) == 30
    assert json.loads((tmp_path / 'metrics.json').read_text())['global_step'] == 30
    noise = [line for line in errors.splitlines() if re.search('warning|instructions for|tensorflow', line, re.IGNORECASE)]
    assert not noise
    assert 'cat' in output and 'dog' in output  # the table


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_running_step(tmp_path, number):
    class Signal(tf.train.SessionRunHook):
        """Sends one in the fourth step, which is none that is saved."""

        def begin(self):
            self.runs = 0

        def after_run(self, run_context, run_values):
            self.runs += 1
            if self.runs == 4:
                os.kill(os.getpid(), number)

    before = signal.signal(number, signal.SIG_DFL)
    try:
        run = Run(tmp_path, save_every=10)
        request = train.stop_request(run.config, run.platform)
        with pytest.raises(Stopped, match='Step 4 is saved; the same command resumes from there.'):
            train.run(run.config, run.platform, run._start, stand_in.model_fn, run._evaluate, [Signal(), StopHook(request)], stop=request)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert checkpoints.latest_step(str(tmp_path)) == 4 and run.evaluated == []
    again = Run(tmp_path)
    again()
    assert again.starts == [4] and again.evaluated == [10]
