import ast
import dataclasses
import functools
import glob
import importlib.util
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import npu
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.platforms.rank_table import RankDevice, write_rank_table
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.platforms import npu_model
from tests.paths import FAKE_NPU_BRIDGE, ROOT

SOURCES = {'blitznet_estimator', 'hooks', 'input_fn', 'model_fn', 'tools'}


class _Steps(tf.train.SessionRunHook):
    """The global step after each session run, as a hook of the host sees it."""

    def begin(self):
        self.seen = []
        self._step = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        self.seen.append(int(run_context.session.run(self._step)))


def _train(config, input_fn=None, steps=None, start=1., model_fn=npu_model.model_fn):
    platform, hook = NpuPlatform(config), _Steps()
    estimator = platform.estimator(model_fn, {'start': start})
    estimator.train(input_fn or npu_model.make_input_fn(), hooks=[hook], max_steps=steps or config.train.train_steps)
    return estimator, hook.seen


def _scalars(model_dir, tag):
    values = {}
    for path in sorted(glob.glob(os.path.join(model_dir, 'events*'))):
        try:
            for event in tf.train.summary_iterator(path):
                values.update({event.step: value.simple_value for value in event.summary.value if value.tag == tag})
        except tf.errors.DataLossError:  # the end of a file whose writer TensorFlow keeps open
            pass
    return values


def test_without_the_adapter_one_sentence(no_job, tmp_path):
    with pytest.raises(UserError, match='npu_bridge, the TensorFlow adapter of CANN'):
        NpuPlatform(npu_model.config(tmp_path))


def _said(caplog):
    """Messages of the project's own logger, which main.py shows; those by TensorFlow's would be lost."""
    return [record.getMessage() for record in caplog.records if record.name == 'blitznet']


def test_no_other_module_imports_the_adapter():
    root = ROOT
    importing = [os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names
                 if name.endswith('.py') and os.path.relpath(folder, root).split(os.sep)[0] in SOURCES | {'.'}
                 and re.search(r"(import|from) npu_bridge|import_module\(.npu_bridge", _text(folder, name))]
    assert importing == [os.path.join('blitznet_estimator', 'platforms', 'npu.py')]


def _text(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def test_a_single_card_needs_no_environment(fake_npu, tmp_path, caplog):
    platform = NpuPlatform(npu_model.config(tmp_path))
    assert 'RANK_SIZE is not set: taking 1.' in _said(caplog)
    assert platform.shard == (0, 1) and platform.is_chief
    assert os.environ['JOB_ID'] and (os.environ['RANK_ID'], os.environ['RANK_SIZE']) == ('0', '1')
    assert platform.describe() == "NPU (rank 0 of 1, its default device), precision_mode the adapter's own, 1 steps a loop"
    params = platform.model_params()
    assert (params.raw_predictions, params.constant_weights, params.cpu_precision, params.num_workers) == (True, False, None, 1)
    assert not params.folds_constants  # else each large zero of the optimizer begins with a random number of an empty shape


def test_run_config(fake_npu, tmp_path):
    config = npu_model.config(tmp_path, run=dict(iterations_per_loop=5, keep_checkpoint_max=3, seed=7))
    run_config = NpuPlatform(config).run_config()
    assert (run_config.iterations_per_loop, run_config.save_checkpoints_steps, run_config.keep_checkpoint_max) == (5, 10, 3)
    assert (run_config.model_dir, run_config.tf_random_seed, run_config.save_summary_steps) == (str(tmp_path), 7, 0)
    assert run_config.precision_mode is None and run_config.dump_config is None and run_config.profiling_config is None
    rewrite = run_config.session_config.graph_options.rewrite_options
    assert rewrite.remapping == rewrite.OFF


def test_what_is_asked_for_reaches_the_adapter(fake_npu, tmp_path):
    options = {'npu_profiling': str(tmp_path / 'profile'), 'npu_dump_path': str(tmp_path / 'dump'), 'npu_dump_step': '0|5',
               'npu_overflow_dump': 'all', 'npu_hcom_parallel': True, 'npu_hccl_exec_timeout': 7200}
    platform = NpuPlatform(npu_model.config(tmp_path, npu=options, train=dict(train_steps=20, precision='mixed')))
    platform.estimator(npu_model.model_fn, {})  # makes the folders, without which the adapter ends the process
    run_config = platform.run_config()
    assert run_config.precision_mode == 'allow_mix_precision' and run_config.hcom_parallel is True
    assert run_config.dump_config.enable_dump and run_config.dump_config.enable_dump_debug and run_config.dump_config.dump_step == '0|5'
    assert str(tmp_path / 'profile') in run_config.profiling_config.profiling_options
    assert os.environ['HCCL_EXEC_TIMEOUT'] == '7200'


def test_overflow_detection_alone_dumps_no_tensors(fake_npu, tmp_path):
    options = {'npu_dump_path': str(tmp_path), 'npu_overflow_dump': 'all'}
    dump = NpuPlatform(npu_model.config(tmp_path, npu=options)).run_config().dump_config
    assert not dump.enable_dump and dump.enable_dump_debug


def test_unknown_arguments_are_dropped_with_a_warning(fake_npu, tmp_path, caplog):
    (tmp_path / 'lists.json').write_text('{"black-list": {"to-add": ["Softmax"]}}')  # modify_mixlist: newer than the stand-in
    config = npu_model.config(tmp_path, train=dict(precision='mixed'), npu={'npu_mixlist': str(tmp_path / 'lists.json')})
    NpuPlatform(config).run_config()
    assert _said(caplog)[-1] == 'This release of npu_bridge does not know modify_mixlist: left out.'


@pytest.mark.parametrize('precision, loop', [('fp32', 1), ('mixed', 1), ('mixed', 5)])
def test_it_trains_sinks_saves_and_predicts(fake_npu, tmp_path, precision, loop):
    config = npu_model.config(tmp_path, train=dict(train_steps=20, precision=precision), run=dict(iterations_per_loop=loop))
    estimator, seen = _train(config)
    assert seen == list(range(loop, 21, loop))  # a session run advances by a loop
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith('ckpt-20')
    weight = 1.
    velocity = 0.
    for _ in range(20):  # loss w^2 / 1000, learning rate 10, momentum .9
        velocity = .9 * velocity + 2 * weight
        weight -= .01 * velocity
    assert estimator.get_variable_value('weight')[0, 0] == pytest.approx(weight, abs=1e-5)
    assert next(estimator.predict(npu_model.make_input_fn()))['y'][0] == pytest.approx(weight, abs=1e-5)


def test_scalars_leave_a_sunk_loop(fake_npu, tmp_path):
    _train(npu_model.config(tmp_path, train=dict(train_steps=20, precision='mixed'), run=dict(iterations_per_loop=10)))
    losses = _scalars(str(tmp_path), 'loss/total')
    assert sorted(losses) == [5, 10, 15, 20]  # --summary_every=5, in loops of 10
    assert losses[20] < losses[5] < .001
    assert set(_scalars(str(tmp_path), 'optimizer/loss_scale').values()) == {2. ** 16}


@pytest.mark.parametrize('loss_scale', ['dynamic', '1024'])
def test_an_overflow_skips_the_update_and_not_the_step(fake_npu, tmp_path, loss_scale):
    config = npu_model.config(tmp_path, run=dict(iterations_per_loop=5),
                              train=dict(train_steps=20, precision='mixed', loss_scale=loss_scale))
    estimator, seen = _train(config, npu_model.make_input_fn(spike_at=7))
    assert seen == [5, 10, 15, 20]
    assert estimator.get_variable_value('applied_steps') == 19
    assert np.isfinite(estimator.get_variable_value('weight')).all()
    assert ('loss_scale' in estimator.get_variable_names()) == (loss_scale == 'dynamic')


def test_a_skipped_step_whose_loss_is_no_number_does_not_end_training(fake_npu, tmp_path):
    def model_fn(features, labels, mode, params):
        weight = tf.get_variable('weight', [1, 1], initializer=tf.ones_initializer())
        x = tf.where(features['x'] > 1e5, features['x'] * np.nan, features['x'])  # as of an overflow in the forward pass
        loss = .001 * tf.reduce_mean(tf.square(tf.matmul(x, weight)))
        optimizer = params['platform'].wrap_optimizer(tf.train.MomentumOptimizer(10., .9))
        return params['platform'].estimator_spec(mode=mode, loss=loss, train_op=optimizer.minimize(loss, tf.train.get_global_step()))

    config = npu_model.config(tmp_path, train=dict(train_steps=20, precision='mixed', loss_scale='1024'))
    estimator, seen = _train(config, npu_model.make_input_fn(spike_at=7), model_fn=model_fn)
    assert (len(seen), estimator.get_variable_value('applied_steps')) == (20, 19)
    assert np.isfinite(estimator.get_variable_value('weight'))


def test_resuming_from_a_checkpoint_of_another_platform(fake_npu, tmp_path):
    plain = {'platform': ModelParams()}
    tf.estimator.Estimator(npu_model.model_fn, str(tmp_path), params=plain).train(npu_model.make_input_fn(), max_steps=10)
    config = npu_model.config(tmp_path, train=dict(train_steps=20, precision='mixed'))
    estimator, seen = _train(config)
    assert seen == list(range(11, 21))
    assert estimator.get_variable_value('applied_steps') == 20  # none was skipped
    assert estimator.get_variable_value('loss_scale') == 2 ** 16
    other = npu_model.config(tmp_path, train=dict(train_steps=30, precision='mixed', loss_scale='64'))
    assert _train(other)[1] == list(range(21, 31))


def _adam():
    return tf.train.AdamOptimizer(.01)


@pytest.mark.parametrize('before, after', [('cpu', 'mixed'), ('mixed', 'fp32'), ('fp32', 'mixed')])
def test_resuming_with_adam_whose_variables_loss_scaling_names_anew(fake_npu, tmp_path, before, after):
    def train(precision, steps):
        platform = NpuPlatform(npu_model.config(tmp_path, train=dict(train_steps=steps, precision=precision)))
        platform.estimator(npu_model.model_fn, {'make_optimizer': _adam}).train(npu_model.make_input_fn(), max_steps=steps)

    if before == 'cpu':
        plain = {'platform': ModelParams(), 'make_optimizer': _adam}
        tf.estimator.Estimator(npu_model.model_fn, str(tmp_path), params=plain).train(npu_model.make_input_fn(), max_steps=5)
    else:
        train(before, 5)
    train(after, 10)
    stored = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path)))
    assert stored.get_tensor('global_step') == 10 and stored.has_tensor('weight/Adam_1')


def test_only_the_latest_checkpoints_stay(fake_npu, tmp_path):
    config = npu_model.config(tmp_path, run=dict(save_every=2, keep_checkpoint_max=3))
    for steps in (6, 12, 18):
        _train(config, steps=steps)
    steps = sorted(int(path.split('-')[-1].split('.')[0]) for path in glob.glob(str(tmp_path / 'model.ckpt-*.index')))
    assert steps == [14, 16, 18]
    assert len(tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths) == 3


def test_an_old_scaffold_is_kept(fake_npu, tmp_path):
    started = []

    def model_fn(features, labels, mode, params):
        platform = params['platform']
        scaffold = tf.train.Scaffold(init_fn=lambda scaffold, session: started.append(True))
        platform = dataclasses.replace(platform, estimator_spec=functools.partial(platform.estimator_spec, scaffold=scaffold))
        return npu_model.model_fn(features, labels, mode, dict(params, platform=platform))

    config = npu_model.config(tmp_path, train=dict(train_steps=20, precision='mixed'))
    _train(config, steps=10, model_fn=model_fn)
    _train(config, steps=20, model_fn=model_fn)
    assert started == [True]  # a warm start happens once; then the checkpoint wins


def test_contradictory_flags(fake_npu, tmp_path):
    with pytest.raises(UserError, match='contradict'):
        NpuPlatform(npu_model.config(tmp_path, train=dict(precision='mixed'), npu={'npu_precision_mode': 'must_keep_origin_dtype'}))
    with pytest.raises(UserError, match='loss_scale'):
        NpuPlatform(npu_model.config(tmp_path, train=dict(precision='mixed', loss_scale='.5')))


def _run_ranks(tmp_path, precision):
    table, folder = str(tmp_path / 'ranks.json'), tmp_path / 'exchange'
    folder.mkdir()
    write_rank_table(table, [RankDevice(rank, 'server', rank, '10.0.0.%d' % rank) for rank in range(2)])
    environ = dict(os.environ, JOB_ID='1', RANK_SIZE='2', RANK_TABLE_FILE=table, FAKE_HCCL_DIR=str(folder), FAKE_NPU_BRIDGE=FAKE_NPU_BRIDGE)
    # Rank 1 starts with other weights, and sees no checkpoint of rank 0: only what rank 0 sends can make them equal
    processes = [subprocess.Popen(
        [sys.executable, '-m', 'tests.blitznet_estimator.platforms.npu_model', str(tmp_path / ('model%d' % rank)), str(1 + rank), precision],
        env=dict(environ, RANK_ID=str(rank), ASCEND_DEVICE_ID=str(rank)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True) for rank in range(2)]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results[0][1][-2000:] + results[1][1][-2000:]
    return [ast.literal_eval(output.split('VALUES ')[1]) for output, _ in results]


def test_two_ranks_stay_equal_and_rank_0_writes(fake_npu, tmp_path):
    first, second = (dict(values) for values in _run_ranks(tmp_path, 'mixed'))
    assert first['global_step'] == second['global_step'] == 20 == first['applied_steps']
    assert first['weight'] == second['weight'] and first['weight/Momentum'] == second['weight/Momentum']
    # Each rank averages its own x (1 and 2) over 10 steps; the second session starts from rank 0's average on both
    own = [1 - .9 ** 10, (1 - .9 ** 10) * .9 ** 10 + 2 * (1 - .9 ** 10)]
    assert second['average'] == pytest.approx(own[1], abs=1e-5)
    assert first['average'] == pytest.approx(1 - .9 ** 20, abs=1e-5)
    assert first['start'] == second['start'] == 30  # rank 1 found 20 in a folder of its own
    assert glob.glob(str(tmp_path / 'model0' / '*')) and not glob.glob(str(tmp_path / 'model1' / '*'))
    weight, velocity = 1., 0.
    for _ in range(20):  # the mean over the ranks of the gradients of w^2 x^2, x = 1 and 2
        velocity = .9 * velocity + 5 * weight
        weight -= .01 * velocity
    assert first['weight'] == pytest.approx(weight, abs=1e-5)


def test_an_adapter_without_loss_scaling(fake_npu, tmp_path, monkeypatch):
    monkeypatch.delattr(fake_npu, 'NPULossScaleOptimizer')  # as that of TensorFlow 2.6.5
    config = npu_model.config(tmp_path, train=dict(train_steps=20, precision='mixed', loss_scale='64'))
    estimator, seen = _train(config)
    assert seen[-1] == 20 and estimator.get_variable_value('applied_steps') == 20


def test_the_adapter_of_tensorflow_2_6(fake_npu, monkeypatch):
    enabled = []
    for name, content in (('npu_device', {}), ('npu_device.compat', {'enable_v1': lambda: enabled.append(True)}), ('npu_device.compat.v1', {}),
                          ('npu_device.compat.v1.npu_init', {'NPURunConfig': None})):
        module = types.ModuleType(name)
        module.__dict__.update(content, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(npu, 'IS_TF1', False)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert npu.import_npu_bridge().__name__ == 'npu_device.compat.v1.npu_init' and enabled == [True]


@pytest.fixture
def rank_1_of_a_chief(fake_npu, monkeypatch):
    """The stand-in, in the second of two processes of a job without a rank table."""
    for name, value in (('CM_CHIEF_IP', '10.0.0.1'), ('CM_CHIEF_PORT', '6000'), ('CM_CHIEF_DEVICE', '0'), ('CM_WORKER_SIZE', '2'),
                        ('CM_WORKER_IP', '10.0.0.1'), ('RANK_ID', '1'), ('ASCEND_DEVICE_ID', '1')):
        monkeypatch.setenv(name, value)
    return fake_npu


def test_an_adapter_that_does_not_count_the_ranks_of_a_chief(rank_1_of_a_chief, tmp_path, monkeypatch):
    """That of CANN 6.0 joins them for HCCL, and its optimizer reads RANK_SIZE alone: it would average nothing."""
    assert NpuPlatform(npu_model.config(tmp_path)).shard == (1, 2)
    monkeypatch.setattr(rank_1_of_a_chief.util, 'get_ranksize', lambda: '1')
    with pytest.raises(UserError, match='each rank would train for itself'):
        NpuPlatform(npu_model.config(tmp_path))
    monkeypatch.delattr(rank_1_of_a_chief, 'util')
    with pytest.raises(UserError, match='does not know CM_WORKER_SIZE'):
        NpuPlatform(npu_model.config(tmp_path))


def test_a_rank_whose_folder_is_ahead_of_rank_0(rank_1_of_a_chief, tmp_path, monkeypatch):
    """Its estimator would find that nothing is left to train, and rank 0 would wait for it for ever."""
    monkeypatch.setattr(npu, 'broadcast_step', lambda *args: 10)
    platform = NpuPlatform(npu_model.config(tmp_path))
    estimator = platform.estimator(npu_model.model_fn, {})
    assert [platform.agree_on_start(estimator, step) for step in (0, 10)] == [10, 10]
    with pytest.raises(UserError, match='of rank 1 holds step 20, of another training: empty that folder'):
        platform.agree_on_start(estimator, 20)


def test_the_loss_is_scaled_in_the_adapters_own_mode(fake_npu, tmp_path):
    """The 910 convolves in float16 in it."""
    estimator, _ = _train(npu_model.config(tmp_path, train=dict(train_steps=20, precision='fp32')))
    assert 'loss_scale' in estimator.get_variable_names()
    other = npu_model.config(tmp_path / 'full', npu={'npu_precision_mode': 'must_keep_origin_dtype'})
    assert 'loss_scale' not in _train(other)[0].get_variable_names()
