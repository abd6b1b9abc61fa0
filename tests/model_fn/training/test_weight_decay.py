"""Weight decay: what it covers, as a loss and as a part of the step, on one device and on several."""
import pytest

from blitznet_estimator.config import TrainConfig
from blitznet_estimator.runtime import tf
from model_fn.training.optimizer import OPTIMIZERS, make_optimizer, train_step
from model_fn.training.weight_decay import weight_decay, with_gradient


def test_the_loss_covers_the_weights_alone():
    with tf.Graph().as_default():
        for name, value in (('a/weights', 2.), ('a/biases', 3.), ('b/BatchNorm/gamma', 4.), ('ssd/b/weights', 1.),
                            ('c/conv2d/kernel', 5.), ('c/depthwise_conv2d/depthwise_kernel', 6.)):
            tf.get_variable(name, initializer=tf.constant([value]))
        decay = weight_decay(.1)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(decay) == pytest.approx(.1 * (4 + 1 + 25 + 36) / 2)


def stepped(use_resource=None):
    """{name: value} after one step of nesterov, rate .1, down 3x from x = 2 and 3y from y = 2, with weight decay .25."""
    x, y = [tf.get_variable(name, initializer=2., use_resource=use_resource) for name in ('x/weights', 'y/biases')]
    train_op = train_step(3 * x + 3 * y, TrainConfig(optimizer='nesterov', learning_rate=.1, weight_decay=.25))[0]
    return train_op, x, y


@pytest.mark.parametrize('use_resource', [False, True])
def test_a_step_follows_the_loss_and_weight_decay(use_resource):
    with tf.Graph().as_default(), tf.Session() as session:
        train_op, x, y = stepped(use_resource)
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        # gradients 3 + .25 * 2 = 3.5 and 3; the first step goes 1.9 times rate times gradient
        assert session.run([x, y]) == pytest.approx([2 - .19 * 3.5, 2 - .19 * 3])


def steps_of(name, weight_decay, loss, count=3):
    """Values of a weight x, 2 at first, after each of `count` steps of an optimizer at rate .1; loss: x -> all other losses."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.get_variable('x/weights', initializer=2.)
        train_op = train_step(loss(x), TrainConfig(optimizer=name, learning_rate=.1, weight_decay=weight_decay))[0]
        session.run(tf.global_variables_initializer())
        values = []
        for _ in range(count):
            session.run(train_op)
            values.append(session.run(x))
        return values


@pytest.mark.parametrize('name', sorted(OPTIMIZERS))
def test_every_optimizer_decays_as_if_the_loss_held_it(name):
    """Weight decay is the loss w x^2 / 2: with it, steps are those without it down a loss that holds it."""
    inside = steps_of(name, 0., lambda x: x ** 3 + .25 * x ** 2 / 2)
    assert steps_of(name, .25, lambda x: x ** 3) == pytest.approx(inside, rel=1e-6)
    assert steps_of(name, 0., lambda x: x ** 3) != pytest.approx(inside, rel=1e-5)


@pytest.mark.parametrize('name, plain', [('adam', tf.train.AdamOptimizer), ('nesterov', tf.train.MomentumOptimizer)])
@pytest.mark.parametrize('use_resource', [False, True])
def test_a_sparse_gradient_of_a_decayed_weight_is_refused(name, plain, use_resource):
    with tf.Graph().as_default():
        weights = tf.get_variable('x/weights', [4, 2], use_resource=use_resource)
        loss = tf.reduce_sum(tf.gather(weights, [0, 2]))
        assert isinstance(make_optimizer(name, .1, 0.), plain)
        train_step(loss, TrainConfig(optimizer=name, weight_decay=0.))
        with pytest.raises(ValueError, match='x/weights.* has a sparse gradient'):
            train_step(loss, TrainConfig(optimizer=name, weight_decay=.1))


def test_copies_on_several_devices_decay_alike():
    strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'], tf.distribute.ReductionToOneDevice())
    with tf.Graph().as_default(), strategy.scope():
        train_op, x, _ = strategy.extended.call_for_each_replica(stepped)
        copies = strategy.experimental_local_results(x)
        with tf.Session(config=tf.ConfigProto(device_count={'CPU': 2})) as session:
            session.run(tf.global_variables_initializer())
            session.run(strategy.experimental_local_results(train_op))
            assert session.run(list(copies)) == pytest.approx([2 - .19 * (2 * 3 + .25 * 2)] * 2)  # the losses of both are summed


def test_the_gradient_waits_for_the_others():
    with tf.Graph().as_default():
        gradient, variable = tf.constant(1.), tf.get_variable('x/weights', initializer=2.)
        first, second = with_gradient(gradient, variable, .1).op.inputs
        assert first.op is gradient.op and second.op.type == 'Mul' and second.op.control_inputs == [gradient.op]
