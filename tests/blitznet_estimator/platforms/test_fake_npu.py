"""The stand-in refuses what the adapter refuses: without this, a test that passes on it would prove little."""
import pytest

from blitznet_estimator.host_session import host_session
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.platforms import npu_model


def _train(tmp_path, model_fn=npu_model.model_fn, input_fn=None, steps=20, **run):
    platform = NpuPlatform(npu_model.config(tmp_path, run=run))
    platform.estimator(model_fn, {}).train(input_fn or npu_model.make_input_fn(), max_steps=steps)


def _with(change):
    """The model with its features changed on the device."""
    def model_fn(features, labels, mode, params):
        return npu_model.model_fn({'x': change(features['x'])}, labels, mode, params)
    return model_fn


@pytest.mark.parametrize('change, refused', [
    (lambda x: tf.boolean_mask(x, tf.ones([4], tf.bool)), 'no Where'),
    (lambda x: tf.gather(x, tf.unique(tf.zeros([4], tf.int32))[0]), 'no Unique'),
    (lambda x: tf.dynamic_partition(x, tf.zeros([4], tf.int32), 1)[0], 'no DynamicPartition'),
    (lambda x: tf.reshape(tf.py_func(lambda value: value, [x], tf.float32), [4, 1]), 'no PyFunc'),
    (lambda x: tf.cast(tf.cast(x, tf.float64), tf.float32), 'no float64'),
    (lambda x: tf.reshape(tf.strings.to_number(tf.as_string(x)), [4, 1]), 'no strings'),
    (lambda x: x[:tf.cast(tf.reduce_sum(x), tf.int32)], 'unknown shape'),
    (lambda x: tf.math.polygamma(tf.ones_like(x), x + 1), 'does not know Polygamma'),
    (lambda x: tf.concat([x, x[:0]], 0), 'an empty tensor'),
])
def test_operations_that_the_device_lacks(fake_npu, tmp_path, change, refused):
    with pytest.raises(ValueError, match=refused):
        _train(tmp_path, _with(change))


def test_partial_batches(fake_npu, tmp_path):
    with pytest.raises(ValueError, match='partial batch'):
        _train(tmp_path, input_fn=npu_model.make_input_fn(drop_remainder=False))


def test_steps_that_are_no_whole_loops(fake_npu, tmp_path):
    with pytest.raises(ValueError, match='no whole loops'):
        _train(tmp_path, steps=17, iterations_per_loop=5)
    with pytest.raises(ValueError, match='no multiple'):
        _train(tmp_path, iterations_per_loop=5, save_every=7)


def test_a_run_configuration(fake_npu, tmp_path):
    from npu_bridge import Abort
    with pytest.raises(TypeError):
        fake_npu.NPURunConfig(model_directory='x')
    with pytest.raises(Abort):
        fake_npu.NPURunConfig(precision_mode='fp16')
    with pytest.raises(Abort):
        fake_npu.DumpConfig(enable_dump=True, dump_path=str(tmp_path / 'absent'))
    with pytest.raises(ValueError):
        fake_npu.NPURunConfig(iterations_per_loop=2, mix_compile_mode=True)


def test_no_job(fake_npu, tmp_path, monkeypatch):
    platform = NpuPlatform(npu_model.config(tmp_path))
    monkeypatch.delenv('JOB_ID')
    with pytest.raises(AttributeError):
        platform.estimator(npu_model.model_fn, {})


def _two_broadcasts(broadcast, chained, **fusion):
    first = broadcast([tf.zeros([1])], 0, **fusion)[0]
    with tf.control_dependencies([first] if chained else []):
        return [first, broadcast([tf.ones([1])], 0, **fusion)[0]]


@pytest.mark.parametrize('make, refused', [
    (lambda npu: _two_broadcasts(npu.hccl_ops.broadcast, True), 'loop'),
    (lambda npu: tf.bitcast(tf.constant(1), tf.float32), 'Bitcast of a scalar'),
    (lambda npu: tf.random_uniform([]), 'empty shape'),
    (lambda npu: tf.cast(tf.zeros([2], tf.int16), tf.int32), 'int16'),
])
def test_what_no_session_of_the_device_runs(fake_npu, make, refused):
    with tf.Graph().as_default(), tf.Session() as session, pytest.raises(ValueError, match=refused):
        session.run({'a': [make(fake_npu)]})


def test_broadcasts_apart_from_each_other_and_sessions_of_the_host_pass(fake_npu, tmp_path, monkeypatch):
    for name, value in (('FAKE_HCCL_DIR', str(tmp_path)), ('RANK_ID', '0'), ('RANK_SIZE', '1')):
        monkeypatch.setenv(name, value)
    with tf.Graph().as_default(), tf.Session() as session:
        assert session.run(_two_broadcasts(fake_npu.hccl_ops.broadcast, False)) == [[0], [1]]
        assert session.run(_two_broadcasts(fake_npu.hccl_ops.broadcast, True, fusion=0, fusion_id=-1)) == [[0], [1]]
    with tf.Graph().as_default(), host_session() as session:
        assert session.run(tf.cast(tf.zeros([2], tf.int16), tf.int32)).tolist() == [0, 0]


def test_scalars_in_host_call(fake_npu):
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match='scalar'):
        fake_npu.NPUEstimatorSpec('train', loss=tf.constant(0.), train_op=tf.no_op(), host_call=(lambda x: x, [tf.constant(0.)]))
