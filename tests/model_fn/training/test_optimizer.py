"""The schedule, step by step, and one step of each optimizer."""
import numpy as np
import pytest

from blitznet_estimator.config import TrainConfig
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.runtime import tf
from model_fn.training.optimizer import learning_rate, train_step

# A boundary's own step still has the earlier rate.
SCHEDULES = [
    (dict(), 1, {0: 1e-4, 10 ** 6: 1e-4}),
    (dict(lr_decay=(25000, 35000)), 1, {0: 1e-4, 25000: 1e-4, 25001: 1e-5, 35000: 1e-5, 35001: 1e-6, 40000: 1e-6}),
    (dict(warmup_step=100), 1, {0: 1e-5, 100: 1e-5, 101: 1e-4}),
    (dict(warmup_step=2, warmup_lr=.5, learning_rate=.25, lr_decay=(4, 6)), 1,
     {0: .5, 2: .5, 3: .25, 4: .25, 5: .025, 6: .025, 7: .0025}),
    (dict(lr_decay=(10,), scale_learning_rate=True), 8, {10: 8e-4, 11: 8e-5}),
    (dict(lr_decay=(10,)), 8, {10: 1e-4, 11: 1e-5}),
    (dict(lr_schedule='cosine', learning_rate=.4, train_steps=12), 1, {0: .4, 4: .3, 6: .2, 8: .1, 12: 0, 13: 0}),
    (dict(lr_schedule='cosine', learning_rate=.4, train_steps=12, warmup_step=6, warmup_lr=.1), 1, {0: .1, 6: .1, 8: .3, 9: .2, 12: 0}),
    (dict(lr_schedule='cosine', train_steps=12, scale_learning_rate=True), 8, {0: 8e-4, 6: 4e-4}),
]


@pytest.mark.parametrize('settings, workers, rates', SCHEDULES)
def test_the_schedule(settings, workers, rates):
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        rate = learning_rate(step, TrainConfig(**settings), workers)
        assert {at: session.run(rate, {step: at}) for at in rates} == pytest.approx(rates, rel=1e-5, abs=1e-9)


def after_steps(count, wrap=None, **settings):
    """x and the global step after `count` steps down x^2 from x = 1, with an update like batch norm's; and the last gradient's norm."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.get_variable('x', initializer=1.)
        updates = tf.get_variable('updates', initializer=0, trainable=False)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, updates.assign_add(1))
        train_op, rate, norm = train_step(x ** 2, TrainConfig(**settings), ModelParams(wrap_optimizer=wrap) if wrap else ModelParams())
        session.run(tf.global_variables_initializer())
        for _ in range(count):
            found = session.run([norm, train_op])[0]
        assert session.run(updates) == count
        return session.run([x, tf.train.get_global_step()]) + [found]


def test_adam_moves_by_its_rate_at_first():
    x, step, norm = after_steps(1, optimizer='adam', learning_rate=.1)
    assert (x, step, norm) == (pytest.approx(.9, abs=1e-5), 1, 2)


def test_nesterov_looks_ahead():
    # velocity v = .9 v + g; x moves by rate * (g + .9 v): 1 - .1 * (2 + 1.8) = .62, then g = 1.24, v = 3.04, .62 - .1 * (1.24 + 2.736)
    assert after_steps(1, optimizer='nesterov', learning_rate=.1)[0] == pytest.approx(.62)
    assert after_steps(2, optimizer='nesterov', learning_rate=.1)[0] == pytest.approx(.2224)


@pytest.mark.parametrize('limit, moved', [(0, .2), (3, .2), (.5, .05)])
def test_long_gradients_are_shortened_and_their_own_norm_is_told(limit, moved):
    # The gradient of x^2 at 1 is 2, and the rate is .1.
    x, _, norm = after_steps(1, lambda optimizer: tf.train.GradientDescentOptimizer(.1), clip_gradients=limit)
    assert (1 - x, norm) == (pytest.approx(moved, rel=1e-5), 2)


@pytest.mark.parametrize('value', [np.inf, np.nan])
def test_gradients_that_are_not_finite_stay_so(value):
    """Where they are clipped, loss scaling and the hooks still see that such a step is none."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x, y = (tf.get_variable(name, [2], initializer=tf.ones_initializer()) for name in 'xy')
        factor = tf.placeholder(tf.float32, [2])
        step, _, _ = train_step(tf.reduce_sum(factor * x + y), TrainConfig(clip_gradients=.5),
                                ModelParams(wrap_optimizer=lambda optimizer: tf.train.GradientDescentOptimizer(1.)))
        assert scan(graph, [], [step.name]) == []  # nor does an NPU refuse the graph for a constant that is not finite
        session.run(tf.global_variables_initializer())
        session.run(step, {factor: [value, 1.]})
        assert not np.isfinite(session.run(x)[0])


def test_the_platform_wraps_the_optimizer():
    seen = []

    def wrap(optimizer):
        seen.append(isinstance(optimizer, tf.train.AdamOptimizer))
        return tf.train.GradientDescentOptimizer(.25)
    assert np.isclose(after_steps(1, wrap, optimizer='adam')[0], .5)
    assert seen == [True]


@pytest.mark.parametrize('optimizer, slots', [('adam', ['x/Adam', 'x/Adam_1']), ('nesterov', ['x/Momentum'])])
def test_slots_start_at_zero_without_constants_of_their_size(optimizer, slots):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.get_variable('x', [300, 300])
        train_step(tf.reduce_sum(x), TrainConfig(optimizer=optimizer))
        seen = tf.RunMetadata()
        session.run(tf.global_variables_initializer(), options=tf.RunOptions(output_partition_graphs=True), run_metadata=seen)
        constants = [node.attr['value'].tensor.tensor_shape for graph in seen.partition_graphs for node in graph.node if node.op == 'Const']
        assert constants and max(tf.TensorShape(shape).num_elements() for shape in constants) < 100  # of the graph as TensorFlow optimized it
        found = {variable.op.name: session.run(variable) for variable in tf.global_variables()}
    assert sorted(name for name in found if name.startswith('x/')) == slots
    for name in slots:
        np.testing.assert_array_equal(found[name], np.zeros([300, 300], np.float32))
