"""The convolution of an upsampled map that is never made: the values and gradients of resizing and convolving."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn.kernels import upsampled_conv
from model_fn.kernels.dispatch import choose
from model_fn.network.heads import segmentation_head
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from tests.model_fn.network.named_weights import NETWORKS


@pytest.mark.parametrize('before, after', [((1, 1), (6, 6)), ((3, 2), (7, 5)), ((38, 19), (75, 75)), ((4, 4), (5, 8)), ((5, 3), (5, 9))])
def test_values_and_gradients_are_those_of_resizing_and_convolving(before, after):
    random = np.random.RandomState(0)
    x, weights, dy = [random.randn(*shape).astype(np.float32) for shape in ((2, *before, 3), (3, 3, 3, 4), (2, *after, 4))]
    with tf.Graph().as_default(), tf.Session() as session:
        x, weights = tf.placeholder_with_default(x, [None, *before, 3]), tf.constant(weights)
        plain = tf.nn.conv2d(PlainOps().resize(x, after, 'nearest'), weights, strides=[1, 1, 1, 1], padding='SAME')
        found = [session.run([y] + tf.gradients(y, [x, weights], dy)) for y in (plain, upsampled_conv.conv3x3(x, weights, after))]
    for expected, values in zip(*found):
        np.testing.assert_allclose(values, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize('kernel', [1, 3])
def test_the_segmentation_head_on_a_cpu_has_the_same_variables_and_values(kernel):
    config = NETWORKS['blitznet300_x4']
    sides, random, outputs = (12, 6, 3, 1), np.random.RandomState(0), []
    arrays = [random.randn(2, side, side, 8).astype(np.float32) for side in sides]
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            layers = Layers(choose(precision, with_gradients=False), training=False, bn_decay=.9)
            logits = segmentation_head([tf.constant(array) for array in arrays], config.num_classes, 8, kernel, layers)
            assert sum(op.type == 'ResizeNearestNeighbor' for op in graph.get_operations()) == (0 if precision else 3)
            variables = {variable.op.name: variable for variable in tf.global_variables()}
            assert sorted(variables) == ['ssd/%s/%s' % (scope, name) for scope in ('Conv', 'Conv_1', 'Conv_2', 'Conv_3', 'Conv_4')
                                         for name in ('biases', 'weights')]
            for name in sorted(variables):
                variables[name].load(np.random.RandomState(len(name)).randn(*variables[name].shape.as_list()), session)
            outputs.append(session.run(logits))
    for values in outputs[1:]:
        np.testing.assert_allclose(values, outputs[0], atol=2e-5 * np.abs(outputs[0]).max())
