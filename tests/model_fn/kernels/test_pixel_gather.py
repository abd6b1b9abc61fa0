"""Gathered pixels: each at its place, zeros beyond the edges, for every image of a batch of any size."""
import numpy as np
import pytest
from tensorflow.python.grappler.item import Item

from blitznet_estimator.runtime import tf
from model_fn.kernels import pixel_gather, winograd


@pytest.mark.parametrize('batch_axis', [0, 1])
def test_pixels_are_those_of_the_padded_maps(batch_axis):
    x = np.random.RandomState(0).rand(3, 4, 5, 2).astype(np.float32)
    row, column = np.arange(-2, 6).reshape(2, 4), np.array([[-1, 0, 2, 4], [5, 6, 3, 1]])
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 4, 5, 2])
        places = [np.expand_dims(places, batch_axis) for places in (row, column)]
        found = session.run(pixel_gather.gather_pixels(images, *places, batch_axis=batch_axis), {images: x})
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode='constant')
    np.testing.assert_array_equal(found, np.moveaxis(padded[:, row + 2, column + 2], 0, batch_axis))


def test_places_broadcast():
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    with tf.Graph().as_default(), tf.Session() as session:
        row, column = np.arange(2).reshape(1, 2, 1), np.arange(-1, 3).reshape(1, 1, 4)
        found = session.run(pixel_gather.gather_pixels(tf.constant(x), row, column, batch_axis=0))
    np.testing.assert_array_equal(found[0, :, :, 0], [[0, 0, 1, 2], [0, 3, 4, 5]])


@pytest.mark.parametrize('side, stride', [((5, 8), 2), ((7, 4), 3), ((1, 2), 2)])
def test_every_pixel_of_a_stride_and_its_gradient(side, stride):
    x = np.random.RandomState(0).rand(3, *side, 2).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *side, 2])
        taken = pixel_gather.strided_pixels(images, stride)
        weights = tf.constant(np.random.RandomState(1).rand(*x[:, ::stride, ::stride].shape).astype(np.float32))
        found, gradient, given = session.run([taken, tf.gradients(taken * weights, images)[0], weights], {images: x})
    assert taken.shape.as_list() == [None, *found.shape[1:]]
    np.testing.assert_array_equal(found, x[:, ::stride, ::stride])
    expected = np.zeros_like(x)
    expected[:, ::stride, ::stride] = given
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize('function, side', [
    (lambda x: winograd.conv3x3(x, tf.ones([3, 3, 2, 2])), 6), (lambda x: pixel_gather.strided_pixels(x, 2), 3)])
def test_tensorflow_sees_that_an_unknown_batch_stays_the_same(function, side):
    """As it must, to fuse the addition of a shortcut with the convolution before it."""
    with tf.Graph().as_default():
        x = tf.reshape(tf.placeholder(tf.float32), [-1, 6, 6, 2])
        y = function(x)
        tf.add_to_collection(tf.GraphKeys.TRAIN_OP, y)
        found = Item(tf.train.export_meta_graph()).GetOpProperties()
    before, after = [[dim.size for dim in found[tensor.op.name][0].shape.dim] for tensor in (x, y)]
    assert after == [before[0], side, side, 2]
    assert before[0] < -1  # a symbol; -1 would be any number
