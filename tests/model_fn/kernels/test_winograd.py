"""Winograd's convolution: the direct one's values and gradients."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn.kernels import thresholds, winograd


def winograd_products(graph, counts=(36, 49)):
    """How many of Winograd's products, of so many matrices, a graph holds."""
    found = [int(op.outputs[0].shape[0]) for op in graph.get_operations() if op.type.startswith('BatchMatMul')]
    parts = [[len(part) for part in np.array_split(np.arange(count), thresholds.WINOGRAD_PARTS)] for count in counts]
    return sum(found.count(sizes[0]) / sizes.count(sizes[0]) for sizes in parts)


TILINGS = pytest.mark.parametrize('tiling, tolerance', [(winograd.TILES_OF_4, 2e-5), (winograd.TILES_OF_5, 5e-5)])


@TILINGS
@pytest.mark.parametrize('height, width, parts', [(8, 8, 1), (9, 6, 2), (3, 5, 1), (19, 21, 2)])
def test_values_and_gradients_are_those_of_the_direct_sum(height, width, parts, tiling, tolerance, monkeypatch):
    monkeypatch.setattr(thresholds, 'WINOGRAD_PARTS', parts)
    random = np.random.RandomState(0)
    x, weights, dy = [random.randn(*shape).astype(np.float32) for shape in ((2, height, width, 5), (3, 3, 5, 7), (2, height, width, 7))]
    with tf.Graph().as_default(), tf.Session() as session:
        x, weights = tf.constant(x), tf.constant(weights)
        results = []
        for y in tf.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding='SAME'), tiling.conv3x3(x, weights):
            results.append(session.run([y] + tf.gradients(y, [x, weights], dy)))
    for direct, found in zip(*results):
        assert found.shape == direct.shape
        np.testing.assert_allclose(found, direct, atol=tolerance * np.abs(direct).max())


@TILINGS
def test_rounding_errors_are_small_at_the_depth_of_the_heads(tiling, tolerance):
    random = np.random.RandomState(1)
    x, weights = random.rand(1, 12, 12, 512), random.randn(3, 3, 512, 16)
    with tf.Graph().as_default(), tf.Session() as session:
        exact = session.run(tf.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding='SAME'))
        found = session.run(tiling.conv3x3(tf.constant(x, tf.float32), tf.constant(weights, tf.float32)))
    assert np.abs(found - exact).max() < tolerance * exact.std()


def test_constant_weights_that_tensorflow_does_not_transform_ahead_are_transformed_here(monkeypatch):
    x, weights = [np.random.RandomState(0).rand(*shape).astype(np.float32) for shape in ((1, 8, 8, 5), (3, 3, 5, 7))]

    def convolve():
        with tf.Graph().as_default() as graph, tf.Session() as session:
            y = session.run(winograd.conv3x3(tf.constant(x), tf.constant(weights)))
        made = [op for op in graph.get_operations() if op.type == 'MatMul' and op.inputs[0].shape.as_list() == [49, 9]]
        return y, len(made)
    values, made = convolve()
    monkeypatch.setattr(thresholds, 'FOLDED_BYTES', 36 * 5 * 7 * 4 - 1)
    found, made_at_each_step = convolve()
    assert (made, made_at_each_step) == (1, 0)
    np.testing.assert_allclose(found, values, rtol=1e-5)
    monkeypatch.setattr(thresholds, 'FOLDED_BYTES', 49 * 5 * 7 * 4)
    assert convolve()[1] == 1


@pytest.mark.parametrize('limit, count', [(36 * 4 - 1, 49), (36 * 4, 36), (49 * 4 - 1, 36), (49 * 4, 49)])
def test_tiles_are_smaller_where_tensorflow_transforms_only_their_filter(limit, count, monkeypatch):
    monkeypatch.setattr(thresholds, 'FOLDED_BYTES', limit)
    with tf.Graph().as_default() as graph:
        winograd.conv3x3(tf.placeholder(tf.float32, [2, 8, 8, 1]), tf.ones([3, 3, 1, 1]))
    assert (winograd_products(graph, [count]), winograd_products(graph)) == (1, 1)


def test_the_batch_may_be_unknown():
    x = np.random.RandomState(0).rand(3, 6, 6, 2).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 6, 6, 2])
        y = winograd.conv3x3(images, tf.ones([3, 3, 2, 4]))
        assert y.shape.as_list() == [None, 6, 6, 4]
        np.testing.assert_allclose(session.run(y, {images: x})[:, 1, 1, 0], x[:, :3, :3].sum((1, 2, 3)), rtol=1e-5)
