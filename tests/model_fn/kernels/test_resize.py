"""Resizing of maps: as matrix products, it and its gradient are those of TensorFlow's own op."""
import numpy as np
import pytest

from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels import dispatch
from model_fn.kernels.dispatch import choose

sizes = pytest.mark.parametrize('before, after', [((2, 2), (5, 4)), ((38, 19), (75, 38)), ((1, 1), (3, 3)), ((3, 4), (3, 8)), ((7, 5), (4, 3))])


@sizes
@pytest.mark.parametrize('in_products', [False, True])
def test_values_are_those_of_the_own_op(before, after, in_products, monkeypatch):
    monkeypatch.setattr(dispatch, 'IS_TF1', in_products)
    images = np.random.RandomState(0).randn(2, *before, 3).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, *before, 3])
        y = choose('fp32', with_gradients=False).resize(x, after, 'bilinear')
        assert any(op.type == 'ResizeBilinear' for op in graph.get_operations()) == (not in_products)
        expected = tf.image.resize_bilinear(images, after)
        assert y.shape.as_list() == [None, *after, 3]
        np.testing.assert_allclose(*session.run([y, expected], {x: images}), atol=1e-6)


@pytest.mark.parametrize('precision, with_gradients, expected', [
    ('mixed', True, True), ('mixed', False, IS_TF1), ('fp32', True, IS_TF1), ('fp32', False, IS_TF1), (None, True, False)])
def test_products_are_made_only_where_they_pay(precision, with_gradients, expected):
    with tf.Graph().as_default() as graph:
        choose(precision, with_gradients).resize(tf.zeros([1, 2, 2, 3]), (5, 4), 'bilinear')
    assert any(op.type != 'ResizeBilinear' and 'MatMul' in op.type for op in graph.get_operations()) == expected


@sizes
def test_gradient_is_that_of_the_own_op(before, after):
    random = np.random.RandomState(0)
    images, dy = random.randn(2, *before, 3).astype(np.float32), random.randn(2, *after, 3).astype(np.float32)
    found = []
    for precision in None, 'fp32':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            x = tf.constant(images)
            y = choose(precision, with_gradients=True).resize(x, after, 'bilinear')
            found.append(session.run(tf.gradients(y, x, tf.constant(dy))[0]))
            assert any(op.type == 'ResizeBilinearGrad' for op in graph.get_operations()) == (precision is None)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
