"""Gradients made of few pixels: the plain op's, however many pixels there are, and in the detection heads alone."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn.kernels import sparse_gradients, thresholds
from model_fn.kernels.dispatch import choose
from model_fn.network.layers import Layers


def arrays(shape, channels, depth, size, count):
    """x, weights, and a gradient of the output that is 0 but at `count` pixels, of which half have one channel that is not."""
    random = np.random.RandomState(0)
    x, weights = random.randn(*shape, channels).astype(np.float32), random.randn(size, size, channels, depth).astype(np.float32)
    dy = np.zeros([np.prod(shape), depth], np.float32)
    pixels = random.permutation(len(dy))[:count]
    dy[pixels] = random.randn(count, depth)
    dy[pixels[:count // 2], 1:] = 0
    return x, weights, dy.reshape(*shape, depth)


def both(gradients, x, weights, dy):
    """((dx, dweights) of TensorFlow's own op, (dx, dweights) of `gradients` (x, weights, dy))."""
    with tf.Graph().as_default(), tf.Session() as session:
        x, weights, dy = [tf.placeholder_with_default(array, [None, *array.shape[1:]]) for array in (x, weights, dy)]
        weights.set_shape([weights.shape[1]] * 2 + weights.shape.as_list()[2:])
        plain = tf.gradients(tf.nn.conv2d(x, weights, [1, 1, 1, 1], 'SAME'), [x, weights], dy)
        return session.run([plain, list(gradients(x, weights, dy))])


def assert_equal_gradients(plain, found):
    for expected, values in zip(plain, found):
        assert values.shape == expected.shape
        np.testing.assert_allclose(values, expected, atol=3e-5 * np.abs(expected).max())


@pytest.mark.parametrize('count', [0, 1, 3, 4, 70])  # of 70
@pytest.mark.parametrize('size', [1, 3, 5])
def test_gradients_are_those_of_the_plain_op(size, count, monkeypatch):
    monkeypatch.setattr(thresholds, 'SPARSE_ROWS', 4)
    plain, found = both(sparse_gradients.gradients, *arrays((2, 7, 5), 4, 3, size, count))
    assert np.any(plain[0]) == np.any(plain[1]) == bool(count)
    assert_equal_gradients(plain, found)


def test_the_edges_of_one_image_do_not_reach_the_next():
    x, weights, dy = arrays((3, 6, 6), 4, 3, 3, 0)
    dy[:, [0, 0, 5, 5], [0, 5, 0, 5]] = 1
    assert_equal_gradients(*both(sparse_gradients.gradients, x, weights, dy))


def test_what_is_no_number_is_not_hidden():
    x, weights, dy = arrays((1, 6, 6), 4, 3, 3, 0)
    dy[0, 2, 3, 1] = np.nan
    for values in both(sparse_gradients.gradients, x, weights, dy)[1]:
        assert np.isnan(values).any()


@pytest.mark.parametrize('precision', ['fp32', 'mixed'])
@pytest.mark.parametrize('channels, depth, size', [(128, 96, 3), (8, 6, 3), (8, 6, 1)])  # the first by Winograd's convolution in float32
def test_a_convolution_that_is_told_so_has_these_gradients(channels, depth, size, precision):
    def gradients(x, weights, dy):
        y = choose(precision, with_gradients=True).convolve(x, weights, sparse_gradient=True)
        return tf.gradients(y, [x, weights], dy)
    assert_equal_gradients(*both(gradients, *arrays((2, 20, 19), channels, depth, size, 30)))


def scattered(side, precision, sparse, size=3):
    """How many gradients of two convolutions in one or side by side are made of few pixels."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [2, side, side, 128])
        layers = Layers(choose(precision, with_gradients=True), training=True, bn_decay=.9)
        outputs = layers.conv_pair(x, [84, 16], size, ['confidence', 'location'], sparse_gradient=sparse)
        tf.gradients(outputs, [x] + tf.trainable_variables())
    return sum(op.type == 'ScatterNd' for op in graph.get_operations())


def test_they_are_used_where_told_so_for_large_maps_on_a_cpu():
    assert scattered(19, 'fp32', True) == scattered(19, 'mixed', True) == scattered(19, 'mixed', True, size=1) == 1
    assert scattered(19, 'fp32', True, size=1) == 2
    assert scattered(18, 'fp32', True) == scattered(19, None, True) == scattered(19, 'mixed', False) == scattered(19, 'fp32', False) == 0
