"""Averages of weights on an NPU, in sunk loops, and on several devices: they are those of one CPU, and predictions take them."""
import pytest

from blitznet_estimator import averaged_weights
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.npu import NpuPlatform
from blitznet_estimator.runtime import tf
from model_fn.training.averages import restoring_scaffold
from tests.blitznet_estimator.drivers import stand_in
from tests.blitznet_estimator.platforms import npu_model
from tests.blitznet_estimator.platforms.no_gpu import NoGpu
from tests.model_fn.training.test_averages import AVERAGE, BY_HAND, descent, values


def small_model(features, labels, mode, params):
    """x of `test_averages`, which is .421875 after three steps; it predicts x for each image."""
    if mode == tf.estimator.ModeKeys.PREDICT:
        x = tf.get_variable('x', [], collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])
        return params['platform'].estimator_spec(mode, predictions={'x': features['x'] * 0 + x}, scaffold=restoring_scaffold())
    train_op, x = descent(.999, platform=params['platform'])
    tf.add_to_collection('monitor', ('loss', x ** 2))
    return params['platform'].estimator_spec(mode=mode, loss=x ** 2 + 0 * tf.reduce_mean(features['x']), train_op=train_op)


def test_several_devices_average_alike(tmp_path):
    config = stand_in.config(tmp_path)
    platform = NoGpu(config, ('/cpu:0', '/cpu:1'))
    platform.estimator(small_model, {'config': config}).train(stand_in.train_input_fn(0), max_steps=3)
    found = values(tf.train.latest_checkpoint(str(tmp_path)))
    assert found['x'] == pytest.approx(.421875) and found[AVERAGE] == pytest.approx(BY_HAND[.999][-1], rel=1e-6)
    assert found[averaged_weights.COUNTER] == 3


def test_an_npu_averages_in_its_loop_and_predicts_with_the_averages(fake_npu, tmp_path):
    config = npu_model.config(tmp_path, train=dict(train_steps=3), run=dict(iterations_per_loop=3, save_every=3, summary_every=3))
    estimator = NpuPlatform(config).estimator(small_model, {'config': config})
    estimator.train(npu_model.make_input_fn(), max_steps=3)
    assert estimator.get_variable_value(AVERAGE) == pytest.approx(BY_HAND[.999][-1], rel=1e-6)
    assert next(estimator.predict(npu_model.make_input_fn()))['x'] == pytest.approx(BY_HAND[.999][-1], rel=1e-6)


@pytest.mark.parametrize('train,refused', [(dict(accumulate_steps=2), '--accumulate_steps=2'), (dict(recompute=True), '--recompute')])
def test_an_npu_takes_no_option_that_saves_memory(fake_npu, tmp_path, train, refused):
    with pytest.raises(UserError, match=refused + ' is not for --platform=npu'):
        NpuPlatform(npu_model.config(tmp_path, train=train))
