"""Counting the arithmetic of a graph."""
from blitznet_estimator import flops
from blitznet_estimator.runtime import tf


def test_matrix_products():
    with tf.Graph().as_default() as graph:
        tf.matmul(tf.ones([3, 5]), tf.ones([5, 7]))
        assert flops.count(graph) == 2 * 3 * 5 * 7
        tf.matmul(tf.ones([4, 5, 3]), tf.ones([4, 5, 7]), transpose_a=True)
        assert flops.count(graph) == (1 + 4) * 2 * 3 * 5 * 7


def test_a_convolution_and_its_gradients():
    with tf.Graph().as_default() as graph:
        image, weights = tf.zeros([2, 8, 8, 3]), tf.zeros([3, 3, 3, 5])
        output = tf.nn.conv2d(image, weights, 2, 'SAME')
        assert flops.count(graph) == 2 * (2 * 4 * 4 * 5) * 3 * 3 * 3
        tf.gradients(output, [image, weights])
        assert flops.count(graph) == 3 * 2 * (2 * 4 * 4 * 5) * 3 * 3 * 3


def test_a_convolution_of_each_channel_by_itself_and_its_gradients():
    with tf.Graph().as_default() as graph:
        image, weights = tf.zeros([2, 8, 8, 3]), tf.zeros([5, 5, 3, 1])
        output = tf.nn.depthwise_conv2d(image, weights, [1, 2, 2, 1], 'SAME')
        assert flops.count(graph) == 2 * (2 * 4 * 4 * 3) * 5 * 5
        tf.gradients(output, [image, weights])
        assert flops.count(graph) == 3 * 2 * (2 * 4 * 4 * 3) * 5 * 5
