"""Frozen parts of the network: which variables they are, that they stay, and that nothing is kept for them."""
import numpy as np
import pytest

from blitznet_estimator import freezing
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.network import cost
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from tests.model_fn.test_model_fn import build, make_batch, small_config


@pytest.mark.parametrize('preset, name, parts', [
    ('tiny', 'tiny_resnet/conv1/weights', ('trunk',)),
    ('tiny', 'tiny_resnet/conv1/BatchNorm/moving_mean', ('trunk', 'batch_norm')),
    ('tiny', 'ssd/block5/unit_1/bottleneck_v1/conv1/BatchNorm/gamma', ('batch_norm',)),
    ('tiny', 'ssd_back/block_rev1/shortcut/weights', ()),
    ('tiny', 'confidence/ssd/pool6/weights', ('detection',)),
    ('tiny', 'ssd/location/biases', ('detection',)),
    ('tiny', 'ssd/Conv/weights', ('segmentation',)),
    ('tiny', 'ssd/Conv_6/biases', ('segmentation',)),
    ('ssd300', 'vgg_16/conv4/conv4_3/weights', ('trunk',)),
    ('ssd300', 'vgg_16/conv4/conv4_3/location/weights', ('detection',)),
    ('ssd300', 'ssd/conv4_3_scale_mult', ()),
    ('lite0', 'efficientnet-lite0/stem/tpu_batch_normalization/beta', ('trunk', 'batch_norm'))])
def test_the_parts_of_a_variable(preset, name, parts):
    assert freezing.parts_of(name, preset_config(preset).network) == parts


def test_what_is_left_of_the_parameters():
    """The parts' parameters add up, so that no variable is of two of them."""
    network = small_config().network
    parts = {part: found.parameters for part, found in cost.count(network).items()}
    assert cost.total(network, ('trunk',)).parameters == sum(parts.values()) - parts['trunk']
    rest = cost.count(network, ('trunk', 'detection', 'segmentation'))
    assert {part: found.parameters for part, found in rest.items() if found.parameters} == {
        'extra blocks': parts['extra blocks'], 'decoder': parts['decoder']}
    assert cost.total(network, ('batch_norm',)).flops == cost.total(network).flops


def test_frozen_batch_norm_by_hand():
    """Mean 1, variance 4 - epsilon, gamma 3 and beta .5 make (5 - 1) / 2 * 3 + .5 of 5, whatever else is in the batch, in training too."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant([[[[5.]]], [[[-40.]]]])
        y = Layers(PlainOps(), True, .9, frozen=lambda name: name.startswith('BatchNorm/')).batch_norm(x)
        session.run(tf.global_variables_initializer())
        for variable, value in zip(tf.global_variables(), ([.5], [3.], [1.], [4 - 1e-5])):
            variable.load(value, session)
        assert [variable.op.name.split('/')[1] for variable in tf.global_variables()] == ['beta', 'gamma', 'moving_mean', 'moving_variance']
        assert session.run(y).ravel() == pytest.approx([6.5, -61], rel=1e-5)
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert session.run(tf.gradients(y, x)[0]).ravel() == pytest.approx([1.5, 1.5], rel=1e-5)


@pytest.mark.parametrize('freeze', [('trunk', 'detection'), ('batch_norm',)])
def test_a_step_leaves_the_frozen_and_moves_the_others(freeze):
    config = small_config().replace(train=dict(freeze=freeze, ema_decay=0.))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        spec, feed = build('train', config, *make_batch(config.network))
        session.run(tf.global_variables_initializer())
        variables = {one.op.name: one for one in tf.model_variables()}
        before = session.run(variables)
        session.run(spec.train_op, feed)
        after = session.run(variables)
        assert scan(graph, list(feed), [spec.train_op]) == []
        kept = {one.op.name.rpartition('/')[0] for one in tf.global_variables() if one.op.name.endswith('/Adam')}
    frozen = {name for name in variables if freezing.is_frozen(name, freeze, config.network)}
    moved = {name for name in variables if np.any(before[name] != after[name])}
    assert frozen and not moved & frozen and not kept & frozen
    assert len(moved) > .8 * (len(variables) - len(frozen)) and kept >= {name for name in moved if '/moving_' not in name}
