import copy
import sys
import threading
import time
import types

import numpy as np
import pytest

from blitznet_estimator import memory, platforms
from blitznet_estimator.errors import UserError
from blitznet_estimator.machine import available_cores
from blitznet_estimator.platforms import local
from blitznet_estimator.runtime import IS_TF1, tf
from tests.blitznet_estimator.drivers import stand_in
from tests.blitznet_estimator.platforms.no_gpu import NoGpu


def _train(platform, steps):
    estimator = platform.estimator(stand_in.model_fn, {'config': platform._config})
    estimator.train(stand_in.train_input_fn(0), max_steps=steps)
    return estimator


def _weight(steps, value=0., velocity=0.):
    for _ in range(steps):  # loss (w - 1)^2, rate .1, momentum .5
        velocity = .5 * velocity + 2 * (value - 1)
        value -= .1 * velocity
    return value


def test_the_automatic_choice(tmp_path, monkeypatch):
    config = stand_in.config(tmp_path, run=dict(platform='auto'))
    monkeypatch.setattr(local, 'visible_gpus', lambda: 0)
    assert platforms.get_platform(config).name == 'cpu'
    monkeypatch.setattr(local, 'visible_gpus', lambda: 2)
    assert platforms.get_platform(config).name == 'gpu'
    monkeypatch.setattr(platforms.importlib.util, 'find_spec', lambda name: object())
    made = []
    monkeypatch.setitem(sys.modules, 'blitznet_estimator.platforms.npu', types.SimpleNamespace(NpuPlatform=made.append))
    platforms.get_platform(config)
    assert made == [config]


def test_several_gpus_are_not_replaced_by_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(local, 'visible_gpus', lambda: 0)
    with pytest.raises(UserError, match='--gpus=2, but --platform=auto found no GPU.*took cpu'):
        platforms.get_platform(stand_in.config(tmp_path, run=dict(platform='auto', gpus=2)))
    assert platforms.get_platform(stand_in.config(tmp_path, run=dict(platform='auto', gpus=0))).name == 'cpu'


def test_export_needs_no_device(tmp_path):
    for name in ('gpu', 'npu'):
        assert platforms.get_platform(stand_in.config(tmp_path, run=dict(mode='export', platform=name))).name == 'cpu'


def test_run_config(tmp_path):
    config = stand_in.config(tmp_path, run=dict(threads=3, seed=7, save_every=40, eval_every=50, summary_every=6, keep_checkpoint_max=2))
    run_config = local.CpuPlatform(config).run_config()
    session = run_config.session_config
    assert (session.intra_op_parallelism_threads, session.inter_op_parallelism_threads, session.device_count['GPU']) == (3, 3, 0)
    assert (run_config.model_dir, run_config.tf_random_seed, run_config.keep_checkpoint_max) == (str(tmp_path), 7, 2)
    assert (run_config.save_checkpoints_steps, run_config.save_summary_steps, run_config.log_step_count_steps) == (None, 6, None)


def test_threads_are_the_machines(tmp_path):
    session = local.CpuPlatform(stand_in.config(tmp_path)).session_config()
    assert session.intra_op_parallelism_threads == available_cores() >= 1


def test_mixed_precision_on_the_cpu(tmp_path, caplog):
    config = stand_in.config(tmp_path, train=dict(precision='mixed'))
    if IS_TF1:
        assert 'float32' in local.CpuPlatform(config.replace(run=dict(mode='export'))).describe() and not caplog.messages
        assert 'float32' in local.CpuPlatform(config).describe()
        assert 'bfloat16, which TensorFlow 1.15' in caplog.text and 'computing in float32' in caplog.text
        return
    platform = local.CpuPlatform(config)
    rewrite = platform.session_config().graph_options.rewrite_options
    assert rewrite.auto_mixed_precision_onednn_bfloat16 == rewrite.ON
    assert 'bfloat16' in platform.describe()


def test_mixed_precision_changes_what_a_matrix_product_gives(tmp_path):
    if IS_TF1:
        pytest.skip('TensorFlow 1.15 has no bfloat16 on the CPU')
    values = []
    for precision in ('fp32', 'mixed'):
        platform = local.CpuPlatform(stand_in.config(tmp_path, train=dict(precision=precision)))
        with tf.Graph().as_default(), tf.Session(config=platform.session_config()) as session:
            x = tf.placeholder(tf.float32, [64, 64])
            y = tf.nn.relu(tf.matmul(tf.matmul(x, x), x))
            values.append(session.run(y, {x: np.random.RandomState(0).rand(64, 64).astype(np.float32)}))
    assert 1e-5 < np.abs(values[1] / values[0] - 1).max() < 3e-2  # the same to bfloat16's 8 bits


def test_xla_compiles_on_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setenv('TF_XLA_FLAGS', '--tf_xla_max_cluster_size=9')
    platform = local.CpuPlatform(stand_in.config(tmp_path, run=dict(xla=True)))
    assert local.os.environ['TF_XLA_FLAGS'] == '--tf_xla_max_cluster_size=9 --tf_xla_cpu_global_jit'
    options = platform.session_config().graph_options.optimizer_options
    assert options.global_jit_level == tf.OptimizerOptions.ON_2 and 'XLA' in platform.describe()


def test_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(local, 'visible_gpus', lambda: 0)
    with pytest.raises(UserError, match='sees no GPU.*--platform=cpu'):
        local.GpuPlatform(stand_in.config(tmp_path))
    monkeypatch.setattr(local, 'visible_gpus', lambda: 2)
    with pytest.raises(UserError, match='--gpus=3, but TensorFlow sees 2'):
        local.GpuPlatform(stand_in.config(tmp_path, run=dict(gpus=3)))
    assert local.GpuPlatform(stand_in.config(tmp_path, run=dict(gpus=0))).num_workers == 2


@pytest.mark.parametrize('loss_scale', ['dynamic', '64'])
def test_loss_scaling_changes_nothing_where_nothing_overflows(tmp_path, loss_scale):
    platform = NoGpu(stand_in.config(tmp_path, train=dict(precision='mixed', loss_scale=loss_scale)))
    assert _train(platform, 5).get_variable_value('weight') == pytest.approx(_weight(5), abs=1e-6)
    rewrite = platform.session_config().graph_options.rewrite_options
    assert rewrite.auto_mixed_precision == rewrite.ON


def test_a_run_resumes_in_another_precision(tmp_path):
    config = stand_in.config(tmp_path)
    _train(NoGpu(config), 3)
    estimator = _train(NoGpu(config.replace(train=dict(precision='mixed'))), 5)  # its loss scale is not in the checkpoint
    assert estimator.get_variable_value('weight') == pytest.approx(_weight(5), abs=1e-6)
    assert _train(local.CpuPlatform(config), 7).get_variable_value('weight') == pytest.approx(_weight(7), abs=1e-6)


def test_what_started_anew_is_kept_from_then_on(tmp_path, caplog):
    config = stand_in.config(tmp_path, run=dict(keep_checkpoint_max=2, save_every=1))
    _train(NoGpu(config), 3)
    mixed = NoGpu(config.replace(train=dict(precision='mixed')))
    assert any('loss_scale' in name for name in _train(mixed, 6).get_variable_names())
    assert len(tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths) == 2
    assert [record.name for record in caplog.records if 'start anew' in record.getMessage()] == ['blitznet']
    caplog.clear()
    _train(mixed, 8)
    assert not [record for record in caplog.records if 'start anew' in record.getMessage()]


def test_the_checkpoint_of_another_optimizer_stays_until_there_is_a_new_one(tmp_path, caplog):
    class Killed(tf.train.SessionRunHook):
        """Ends the process before its first step."""

        def before_run(self, run_context):
            raise RuntimeError('killed')

    config = stand_in.config(tmp_path)
    _train(NoGpu(config), 3)
    before = {path.name: path.read_bytes() for path in tmp_path.glob('model.ckpt-3.*')}
    mixed = NoGpu(config.replace(train=dict(precision='mixed')))
    with pytest.raises(RuntimeError, match='killed'):
        mixed.estimator(stand_in.model_fn, {'config': config}).train(stand_in.train_input_fn(0), hooks=[Killed()], max_steps=5)
    assert {path.name: path.read_bytes() for path in tmp_path.glob('model.ckpt-3.*')} == before
    said = [record.getMessage() for record in caplog.records if 'start anew' in record.getMessage()]
    assert said == ['%s is of another optimizer, precision, platform or --ema_decay: 2 variables of this one start anew.'
                    % (tmp_path / 'model.ckpt-3')]
    assert _train(mixed, 5).get_variable_value('weight') == pytest.approx(_weight(5), abs=1e-6)


def test_a_missing_weight_of_the_model_is_not_made_up(tmp_path):
    def smaller(features, labels, mode, params):
        tf.get_variable('other', [])
        step = tf.train.get_global_step()
        return params['platform'].estimator_spec(mode=mode, loss=tf.constant(0.), train_op=tf.assign_add(step, 1))

    platform = local.CpuPlatform(stand_in.config(tmp_path))
    platform.estimator(smaller, {}).train(stand_in.train_input_fn(0), max_steps=1)
    with pytest.raises(tf.errors.NotFoundError, match='weight'):
        _train(platform, 3)


@pytest.mark.parametrize('precision', ['fp32', 'mixed'])
def test_two_devices_train_together(tmp_path, precision):
    config = stand_in.config(tmp_path, train=dict(precision=precision))
    platform = NoGpu(config, ('/cpu:0', '/cpu:1'))
    assert platform.model_params().num_workers == 2
    estimator = _train(platform, 5)
    assert estimator.get_variable_value('weight') == pytest.approx(_weight(5), abs=1e-6)  # the mean of equal gradients
    assert estimator.get_variable_value('global_step') == 5


@pytest.mark.parametrize('before, after', [('fp32', 'mixed'), ('mixed', 'fp32')])
def test_several_devices_resume_in_another_precision(tmp_path, before, after, caplog):
    config = stand_in.config(tmp_path)
    _train(NoGpu(config.replace(train=dict(precision=before))), 3)
    estimator = _train(NoGpu(config.replace(train=dict(precision=after)), ('/cpu:0', '/cpu:1')), 5)
    assert estimator.get_variable_value('weight') == pytest.approx(_weight(5), abs=1e-6)
    assert sum('start anew' in record.getMessage() for record in caplog.records) == (after == 'mixed')
    assert _train(NoGpu(config), 7).get_variable_value('weight') == pytest.approx(_weight(7), abs=1e-6)


def test_params_may_be_copied(tmp_path):
    platform = local.CpuPlatform(stand_in.config(tmp_path))
    params = platform.model_params()
    assert copy.deepcopy({'platform': params}) == {'platform': params} and params.wrap_optimizer.__self__ is platform
    assert platform.shard == (0, 1) and platform.is_chief


def _squares(barrier=None, naps=(0,)):
    """A model_fn of the square of each x. Its last two batches wait for each other at the barrier, and all take different time."""
    def wait(x):
        if barrier and x[0] >= 6:  # the first two are run one after the other
            barrier.wait(20)
        time.sleep(naps[int(x[0]) % len(naps)])
        return x

    def squares(features, labels, mode, params):
        x = tf.ensure_shape(tf.py_func(wait, [features['x']], tf.float32), [None])
        weight = tf.get_variable('weight', [], initializer=tf.ones_initializer())
        return tf.estimator.EstimatorSpec(mode, predictions={'x': features['x'], 'y': x * x * weight})
    return squares


def _nine_by_twos():
    return tf.data.Dataset.from_tensor_slices({'x': np.arange(9, dtype=np.float32)}).batch(2)


def _predicted(platform, model_fn, checkpoint):
    """What the platform predicts of 0, 1, ... 8 by twos, the last one alone."""
    batches = platform.predict(platform.estimator(model_fn, {}), _nine_by_twos, checkpoint)
    found = []
    with tf.Graph().as_default() as graph:
        for batch in batches:
            assert tf.get_default_graph() is graph  # the caller's own
            found.append(batch['y'].tolist())
    return found


@pytest.fixture(name='weight')
def saved_weight(tmp_path):
    """A checkpoint with the weight 3."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.create_global_step()
        tf.get_variable('weight', [], initializer=tf.constant_initializer(3.))
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(tmp_path / 'weight.ckpt'))


def test_a_cpu_predicts_in_order_what_the_estimator_predicts(tmp_path, weight):
    config = stand_in.config(tmp_path)
    found = _predicted(local.CpuPlatform(config), _squares(naps=(.05, 0, 0, 0)), weight)
    assert found == [[0, 3], [12, 27], [48, 75], [108, 147], [192]]
    estimator = local.CpuPlatform(config).estimator(_squares(), {})
    expected = estimator.predict(_nine_by_twos, checkpoint_path=weight, yield_single_examples=False)
    assert found == [batch['y'].tolist() for batch in expected]


def test_a_cpu_predicts_two_batches_at_a_time(tmp_path, weight, monkeypatch):
    platform = local.CpuPlatform(stand_in.config(tmp_path))
    session = platform.session_config()
    session.use_per_session_threads = True  # else the first session of this process, perhaps of another test, decides on their number
    monkeypatch.setattr(platform, 'session_config', lambda: session)
    assert len(_predicted(platform, _squares(threading.Barrier(2)), weight)) == 5


def test_what_preparing_the_graph_took_is_given_back_once(tmp_path, weight, monkeypatch):
    released = []
    monkeypatch.setattr(memory, 'release', lambda: released.append(True))
    platform = local.CpuPlatform(stand_in.config(tmp_path))
    counts = [len(released) for _ in platform.predict(platform.estimator(_squares(), {}), _nine_by_twos, weight)]
    assert counts[2:] == [1] * 3 and len(released) == 2  # at the end once more


def test_an_error_in_one_of_the_batches_surfaces(tmp_path, weight):
    platform = local.CpuPlatform(stand_in.config(tmp_path))
    with pytest.raises(tf.errors.OpError, match='sleep length'):
        _predicted(platform, _squares(naps=(0,) * 4 + (-1,)), weight)
