"""Layers: initial weights, batch norm's statistics, resizing, dilation."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn.kernels.dispatch import choose
from model_fn.network import layers
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks.resnet import bottleneck

INFERENCE = Layers(PlainOps(), training=False, bn_decay=.9)


def random(*shape):
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        yield session


@pytest.mark.parametrize('initializer, variance', [  # fan-in of 3x3 on 64 channels: 576; fan-out onto 256: 2304
    (layers.HE, 2 / 576), (layers.SMALL, .1 / 576), (layers.XAVIER, 2 / (576 + 2304))])
def test_variance_of_initial_weights(session, initializer, variance):
    weights = session.run(initializer([3, 3, 64, 256], tf.float32))
    assert abs(weights.mean()) < .02 * variance ** .5
    assert np.var(weights) == pytest.approx(variance, rel=.02)
    assert np.abs(weights).max() < 2.3 * variance ** .5  # truncated at two sigmas of the wider normal, or uniform


@pytest.mark.parametrize('size', [3, 5])
def test_initial_weights_of_a_depthwise_convolution_have_one_input_channel(session, size):
    INFERENCE.named_conv_norm(tf.constant(random(1, 2, 2, 4096)), None, size, 'weights', 'norm')
    session.run(tf.global_variables_initializer())
    weights = session.run(tf.global_variables('weights')[0])
    assert weights.shape == (size, size, 4096, 1) and abs(weights.mean()) < .02 / size
    assert np.var(weights) == pytest.approx(2 / size ** 2, rel=.03)  # whatever the number of channels is
    assert np.abs(weights).max() < 2.3 * 2 ** .5 / size  # truncated, as He's


@pytest.mark.parametrize('precision, depth, maps', [
    (None, 4, [2, 3, 3, 4]), ('fp32', 4, [2, 3, 3, 4]), ('mixed', 4, [6, 3, 1, 16]), ('mixed', 256, [18, 1, 1, 256])])
def test_batch_norm_averages_the_unbiased_variance(session, precision, depth, maps):
    x = random(2, 3, 3, depth)  # n = 18 values a channel
    y = Layers(choose(precision, with_gradients=True), training=True, bn_decay=.9).batch_norm(tf.constant(x))
    (op,) = [op for op in session.graph.get_operations() if op.type == 'FusedBatchNormV3']
    assert op.inputs[0].shape.as_list() == maps and y.shape.as_list() == [2, 3, 3, depth]
    session.run(tf.global_variables_initializer())
    normalised, _ = session.run([y, tf.get_collection(tf.GraphKeys.UPDATE_OPS)])
    averages = {v.op.name: session.run(v) for v in tf.global_variables()}
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(normalised, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-4)
    np.testing.assert_allclose(averages['BatchNorm/moving_mean'], .1 * mean, atol=1e-6)
    np.testing.assert_allclose(averages['BatchNorm/moving_variance'], .9 + .1 * variance * 18 / 17, atol=1e-5)


@pytest.mark.parametrize('training', [True, False])
def test_batch_norm_with_relu(session, training):
    x = tf.constant(random(2, 3, 3, 4))
    with tf.variable_scope('', reuse=tf.AUTO_REUSE):
        made = Layers(PlainOps(), training, bn_decay=.9)
        plain, positive = made.batch_norm(x), made.batch_norm(x, relu=True)
    session.run(tf.global_variables_initializer())
    plain, positive = session.run([plain, positive])
    assert plain.min() < 0
    np.testing.assert_allclose(positive, np.maximum(plain, 0), atol=1e-6)


def test_batch_norm_reads_the_averages_when_not_training(session):
    x = random(1, 2, 2, 3)
    y = INFERENCE.batch_norm(tf.constant(x))
    averages = {v.op.name.split('/')[1]: v for v in tf.global_variables()}
    given = {'beta': 1., 'gamma': 2., 'moving_mean': 3., 'moving_variance': 4.}
    session.run([averages[name].assign([value] * 3) for name, value in given.items()])
    np.testing.assert_allclose(session.run(y), (x - 3) / np.sqrt(4 + 1e-5) * 2 + 1, atol=1e-5)


def test_resizing_reads_from_i_h_over_n(session):
    x = tf.constant(np.array([0., 10.], np.float32).reshape(1, 2, 1, 1))
    assert session.run(PlainOps().resize(x, [4, 1], 'bilinear')).ravel().tolist() == [0, 5, 10, 10]
    assert session.run(PlainOps().resize(x, [5, 1], 'nearest')).ravel().tolist() == [0, 0, 0, 10, 10]  # floor(i * 2 / 5)
    assert PlainOps().resize(x, [2, 1], 'bilinear') is x


def test_the_same_scope_shares_its_weights(session):
    x = tf.constant(random(1, 2, 2, 3))
    first, second, other = [INFERENCE.conv_bias(x, 4, 1, scope) for scope in ('a', 'a', 'b')]
    assert [v.op.name for v in tf.global_variables()] == ['a/weights', 'a/biases', 'b/weights', 'b/biases']
    session.run(tf.global_variables_initializer())
    first, second, other = session.run([first, second, other])
    assert (first == second).all() and (first != other).any()


def test_dilated_convolution_and_its_gradient(session):
    x = random(1, 15, 15, 2)
    y = INFERENCE.conv_bias(tf.constant(x), 3, 3, 'fc6', rate=6, relu=False)
    weights = tf.global_variables()[0]
    session.run(tf.global_variables_initializer())
    y, weights, gradient = session.run([y, weights, tf.gradients(y, weights)[0]])
    padded = np.pad(x, ((0, 0), (6, 6), (6, 6), (0, 0)), 'constant')
    windows = {(i, j): padded[:, 6 * i:6 * i + 15, 6 * j:6 * j + 15] for i in range(3) for j in range(3)}
    np.testing.assert_allclose(y, sum(window.dot(weights[at]) for at, window in windows.items()), atol=1e-5)
    for at, window in windows.items():
        np.testing.assert_allclose(gradient[at], np.tile(window.sum((0, 1, 2))[:, None], 3), atol=1e-4)


@pytest.mark.parametrize('depth, stride, expected', [(4, 1, (5, 4)), (4, 2, (3, 2)), (6, 2, (3, 2))])
def test_bottleneck_of_a_silent_residual_is_its_shortcut(session, depth, stride, expected):
    x = np.abs(random(1, 5, 4, 4))
    y = bottleneck(tf.constant(x), depth, 2, INFERENCE, stride)
    session.run(tf.global_variables_initializer())
    gamma = [v for v in tf.global_variables() if v.op.name.endswith('conv3/BatchNorm/gamma')][0]
    session.run(gamma.assign(tf.zeros_like(gamma)))
    y = session.run(y)
    assert y.shape == (1,) + expected + (depth,)
    shortcuts = [v for v in tf.global_variables() if '/shortcut/weights' in v.op.name]
    assert len(shortcuts) == (depth != 4)
    if not shortcuts:
        np.testing.assert_array_equal(y, x[:, ::stride, ::stride])


@pytest.mark.parametrize('method', ['bilinear', 'nearest'])
def test_joined_convolution_is_that_of_the_resized_map_beside_the_other(method):
    random = np.random.RandomState(0)
    low, skip, weights = [random.randn(*shape).astype(np.float32) for shape in ((2, 3, 4, 5), (2, 6, 7, 3), (1, 1, 8, 4))]
    with tf.Graph().as_default(), tf.Session() as session:
        y = INFERENCE.joined_conv_norm(tf.constant(low), tf.constant(skip), 4, 'conv1', method)
        together = tf.concat([PlainOps().resize(tf.constant(low), [6, 7], method), skip], axis=-1)
        with tf.variable_scope('', reuse=True):
            expected = INFERENCE.conv_norm(together, 4, 1, 'conv1')
        session.run(tf.global_variables_initializer())
        tf.global_variables('conv1/weights')[0].load(weights, session)
        found, expected = session.run([y, expected])
    assert found.max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-5)
