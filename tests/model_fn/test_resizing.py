"""Resizing of maps: its gradient as matrix products is the gradient of TensorFlow's own op."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn import cpu
from model_fn.resizing import resize


@pytest.mark.parametrize('before, after', [((2, 2), (5, 4)), ((38, 19), (75, 38)), ((1, 1), (3, 3)), ((3, 4), (3, 8)), ((7, 5), (4, 3))])
def test_gradient_is_that_of_the_own_op(before, after):
    random = np.random.RandomState(0)
    images, dy = random.randn(2, *before, 3).astype(np.float32), random.randn(2, *after, 3).astype(np.float32)
    found = []
    for precision in None, 'fp32':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            x = tf.constant(images)
            with cpu.tuned(precision, with_gradients=True):
                y = resize(x, after, 'bilinear')
            found.append(session.run(tf.gradients(y, x, tf.constant(dy))[0]))
            assert any(op.type == 'ResizeBilinearGrad' for op in graph.get_operations()) == (precision is None)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
