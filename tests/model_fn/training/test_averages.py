"""Moving averages of weights: their values by hand, what they are saved as, and who takes them."""
import dataclasses

import pytest

from blitznet_estimator import averaged_weights
from blitznet_estimator.config import TrainConfig
from blitznet_estimator.drivers import best_checkpoints
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.runtime import tf
from model_fn.network.folded_weights import FoldedValues
from model_fn.network.layers import variable
from model_fn.training.averages import restoring_scaffold
from model_fn.training.optimizer import PLAIN, train_step
from model_fn.training.warm_start import warm_start
from tests.model_fn.test_model_fn import build, make_batch, small_config

AVERAGE = 'x/ExponentialMovingAverage'


def descent(decay, optimizer='adam', platform=PLAIN):
    """(train_op, x): x starts at 1, and each step takes a quarter of it away, or what `optimizer` does where it is nesterov."""
    x = variable('x', [], tf.ones_initializer())
    wrap = (lambda made: made) if optimizer == 'nesterov' else lambda made: tf.train.GradientDescentOptimizer(.125)
    config = TrainConfig(ema_decay=decay, optimizer=optimizer, learning_rate=.05)
    return train_step(x ** 2, config, dataclasses.replace(platform, wrap_optimizer=wrap))[0], x


# After each step x is .75, .5625, .421875. The first average is x; then min(decay, 1/10) and min(decay, 2/11) of the average stay.
BY_HAND = {.999: [.75, .1 * .75 + .9 * .5625, 2 / 11 * .58125 + 9 / 11 * .421875], .05: [.75, .05 * .75 + .95 * .5625, .05 * .571875 + .95 * .421875]}


@pytest.mark.parametrize('decay', sorted(BY_HAND))
def test_the_average_by_hand(decay):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        train_op, _ = descent(decay)
        average = {one.op.name: one for one in tf.global_variables()}[AVERAGE]
        session.run(tf.global_variables_initializer())
        found = []
        for _ in range(3):
            session.run(train_op)
            found.append(session.run(average))
        assert scan(graph, [], [train_op]) == []  # an NPU takes it
    assert found == pytest.approx(BY_HAND[decay], rel=1e-6)


def test_none_are_kept_unless_they_are_asked_for():
    with tf.Graph().as_default():
        descent(0.)
        assert [one.op.name for one in tf.global_variables()] == ['x', 'global_step']


def steps(folder, count, restored=None):
    """Train `count` steps with momentum, from a checkpoint or the start; returns the path of the checkpoint after them."""
    with tf.Graph().as_default(), tf.Session() as session:
        train_op, _ = descent(.999, optimizer='nesterov')
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        if restored:
            saver.restore(session, restored)
        for _ in range(count):
            session.run(train_op)
        return saver.save(session, str(folder / 'model.ckpt'), tf.train.get_global_step())


def values(path):
    reader = tf.train.load_checkpoint(path)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_a_resumed_training_has_the_same_bits(tmp_path):
    (tmp_path / 'whole').mkdir()
    whole, resumed = values(steps(tmp_path / 'whole', 7)), values(steps(tmp_path, 4, steps(tmp_path, 3)))
    assert whole == resumed and whole[averaged_weights.COUNTER] == 7 and whole[AVERAGE] != whole['x']


def test_the_model_is_the_averages(tmp_path):
    """Of one checkpoint: constants of a graph, variables of a graph, a warm start by name, and what is kept as best."""
    path = steps(tmp_path, 5)
    average = values(path)[AVERAGE]
    assert FoldedValues(path).get('x', []) == average
    with tf.Graph().as_default(), tf.Session() as session:
        x, other = variable('x', [], tf.ones_initializer()), tf.train.get_or_create_global_step()
        scaffold = restoring_scaffold().finalize()
        scaffold.saver.restore(session, path)
        assert session.run([x, other]) == [average, 5]
    best_checkpoints._write_variables(path, str(tmp_path / 'best.ckpt'))
    assert values(str(tmp_path / 'best.ckpt')) == {'x': average, 'global_step': 5}


def test_a_graph_that_restores_takes_the_weights_where_there_are_no_averages(tmp_path):
    best_checkpoints._write_variables(steps(tmp_path, 5), str(tmp_path / 'best.ckpt'))
    with tf.Graph().as_default(), tf.Session() as session:
        x = variable('x', [], tf.ones_initializer())
        restoring_scaffold().finalize().saver.restore(session, str(tmp_path / 'best.ckpt'))
        assert session.run(x) == values(str(tmp_path / 'best.ckpt'))['x']


def test_a_warm_start_takes_the_averages(tmp_path):
    name = 'tiny_resnet/x'
    path = str(tmp_path / 'model.ckpt-1')
    with tf.Graph().as_default(), tf.Session() as session:
        saved = {name: 1., averaged_weights.name_of(name): 2., averaged_weights.COUNTER: 3}
        saver = tf.train.Saver({key: tf.get_variable(key.replace('/', '_'), initializer=value) for key, value in saved.items()})
        session.run(tf.global_variables_initializer())
        saver.save(session, path)
    with tf.Graph().as_default(), tf.Session() as session:
        x = variable(name, [], tf.zeros_initializer())
        report = warm_start(path, small_config().network)
        session.run(tf.global_variables_initializer())
        assert session.run(x) == 2 and report.loaded == (name,)


@pytest.mark.parametrize('mode', ['eval', 'infer'])
def test_a_graph_of_variables_gets_the_scaffold(mode):
    config, made = small_config(), []
    features, labels = make_batch(config.network)
    with tf.Graph().as_default():
        build(mode, config, features, labels, raw_predictions=True, estimator_spec=lambda mode, **fields: made.append(fields))
    assert isinstance(made[0]['scaffold'].saver, type(restoring_scaffold().saver))
