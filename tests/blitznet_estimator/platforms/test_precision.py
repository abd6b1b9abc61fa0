"""--precision=auto: when bfloat16 is tested at all, what follows from the test, and what the test computes."""
import json

import pytest

from blitznet_estimator import machine, platforms, saved_config
from blitznet_estimator.platforms import local, precision
from blitznet_estimator.runtime import IS_TF1, tf
from tests.blitznet_estimator.drivers import stand_in

HAS_BFLOAT16 = machine.has_bfloat16()
needs_bfloat16 = pytest.mark.skipif(IS_TF1, reason='TensorFlow 1.15 has no bfloat16 on the CPU')


@pytest.fixture(autouse=True)
def has_it(monkeypatch):
    monkeypatch.delenv('TF_CONFIG', raising=False)
    monkeypatch.setattr(machine, 'has_bfloat16', lambda: True)
    monkeypatch.setattr(precision, 'has_rewriter', lambda: True)


def _resolved(config):
    return precision.resolved(config).train.precision


def _gain(monkeypatch, gain):
    asked = []
    monkeypatch.setattr(precision, 'speedup', lambda threads: asked.append(threads) or gain)
    return asked


@pytest.mark.parametrize('gain, expected, other', [(2., 'mixed', 'fp32'), (1.05, 'fp32', 'mixed')])
def test_a_training_takes_what_the_test_says(gain, expected, other, tmp_path, monkeypatch, caplog):
    caplog.set_level('INFO')
    asked = _gain(monkeypatch, gain)
    assert _resolved(stand_in.config(tmp_path, run=dict(platform='cpu', threads=3))) == expected
    assert asked == [3]
    assert '%.1f times as fast' % gain in caplog.text and '--precision=%s takes the other' % other in caplog.text


@pytest.mark.parametrize('run', [dict(mode='eval'), dict(mode='predict'), dict(mode='export'), dict(deterministic=True), dict(xla=True),
                                 dict(platform='gpu'), dict(platform='npu')])
def test_all_else_is_float32_without_a_test(run, tmp_path, monkeypatch):
    asked = _gain(monkeypatch, 2.)
    assert _resolved(stand_in.config(tmp_path, run=dict(dict(platform='cpu'), **run))) == 'fp32'
    assert not asked


def test_a_training_of_several_processes_tests_nothing(tmp_path, monkeypatch):
    asked = _gain(monkeypatch, 2.)
    monkeypatch.setenv('TF_CONFIG', json.dumps({'cluster': {'worker': ['127.0.0.1:4001', '127.0.0.1:4002']}, 'task': {'type': 'worker', 'index': 0}}))
    config = stand_in.config(tmp_path, run=dict(platform='cpu', distribution='multi_worker'))
    assert _resolved(config) == 'fp32' and not asked


@pytest.mark.parametrize('module, name, said', [(machine, 'has_bfloat16', 'this processor has no instructions'), (precision, 'has_rewriter', '')])
def test_where_there_is_no_bfloat16_nothing_is_tested(module, name, said, tmp_path, monkeypatch, caplog):
    caplog.set_level('INFO')
    asked = _gain(monkeypatch, 2.)
    monkeypatch.setattr(module, name, lambda: False)
    assert _resolved(stand_in.config(tmp_path, run=dict(platform='cpu'))) == 'fp32' and not asked
    assert said in caplog.text


def test_what_is_asked_for_stays(tmp_path, monkeypatch):
    asked = _gain(monkeypatch, 2.)
    for value in ('fp32', 'mixed'):
        assert _resolved(stand_in.config(tmp_path, run=dict(platform='cpu'), train=dict(precision=value))) == value
    assert not asked


@pytest.mark.parametrize('before', ['fp32', 'mixed'])
def test_a_training_goes_on_as_it_began(before, tmp_path, monkeypatch):
    asked = _gain(monkeypatch, 2. if before == 'fp32' else 1.)
    config = stand_in.config(tmp_path, run=dict(platform='cpu'))
    saved_config.write(config.replace(train=dict(precision=before)))
    (tmp_path / 'checkpoint').write_text('')
    assert _resolved(config) == before and not asked


def test_predictions_are_not_emulated(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(local, 'has_bfloat16', lambda: False)
    config = stand_in.config(tmp_path, train=dict(precision='mixed'))
    made = platforms.get_platform(config.replace(run=dict(mode='predict', platform='cpu')))
    assert 'float32' in made.describe() and made.model_params().cpu_precision == 'fp32'
    assert 'bfloat16, which this processor does not have: computing in float32' in caplog.text


@needs_bfloat16
def test_a_training_that_is_told_so_emulates(tmp_path, monkeypatch):
    monkeypatch.setattr(local, 'has_bfloat16', lambda: False)
    config = stand_in.config(tmp_path, train=dict(precision='mixed'), run=dict(platform='cpu'))
    assert 'bfloat16' in platforms.get_platform(config).describe()


@needs_bfloat16
def test_the_test_computes_gradients_in_both_ways():
    assert .1 < precision.speedup(1) < 10  # nothing that is timed is empty
    with tf.Graph().as_default():
        step, executed = precision._step(), {}
        for mixed in (False, True):
            with precision._session(1, mixed) as session:
                session.run(tf.global_variables_initializer())
                metadata = tf.RunMetadata()
                session.run(step, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata)
                executed[mixed] = [node.op for graph in metadata.partition_graphs for node in graph.node]
        for ops in executed.values():
            assert sum('Conv2DBackpropFilter' in op for op in ops) == precision.LAYERS  # else they were left out as useless
        assert 'Cast' not in executed[False]
        if HAS_BFLOAT16:
            assert 'Cast' in executed[True]


@needs_bfloat16
@pytest.mark.skipif(not HAS_BFLOAT16, reason='the processor has no bfloat16')
def test_gradients_of_depthwise_convolutions_stay_in_float32():
    """They are slower in bfloat16."""
    with tf.Graph().as_default(), precision._session(1, True) as session:
        x, weights = tf.get_variable('x', [2, 8, 8, 16]), tf.get_variable('weights', [3, 3, 16, 1])
        y = tf.nn.depthwise_conv2d(x, weights, [1, 1, 1, 1], 'SAME')
        step = tf.train.GradientDescentOptimizer(.1).minimize(tf.reduce_sum(tf.nn.relu(y)))
        session.run(tf.global_variables_initializer())
        metadata = tf.RunMetadata()
        session.run(step, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata)
        kinds = {node.op.replace('_MklNative', ''): node.attr['T'].type for graph in metadata.partition_graphs for node in graph.node
                 if 'Depthwise' in node.op}
    assert kinds == {'DepthwiseConv2dNative': tf.bfloat16.as_datatype_enum, 'DepthwiseConv2dNativeBackpropFilter': tf.float32.as_datatype_enum,
                     'DepthwiseConv2dNativeBackpropInput': tf.float32.as_datatype_enum}
