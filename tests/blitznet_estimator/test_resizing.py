import tracemalloc

import numpy as np
import pytest

from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf
from input_fn.rendering import resize_image


def test_a_row_by_hand():
    """Two pixels to four: every second one lies half-way to the next, and the last has none."""
    row = np.array([[[0] * 3, [255] * 3]], np.uint8)
    np.testing.assert_allclose(network_input(row, 4)[:, :, 0], [[0, .5, 1, 1]] * 4)


@pytest.mark.parametrize('size', [(37, 53), (301, 64), (1, 1), (128, 128), (127, 900), (500, 700)])
def test_it_equals_the_graph_to_the_last_bit(size):
    image = np.random.RandomState(0).randint(0, 256, size + (3,)).astype(np.uint8)
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(resize_image(tf.constant(image), 128))
    np.testing.assert_array_equal(network_input(image, 128), expected)
    for view in (image[..., ::-1].copy()[..., ::-1], np.asfortranarray(image), np.repeat(image, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(network_input(view, 128), expected)


def test_the_memory_of_a_very_wide_image_is_little():
    """Rows in full, several times each, would take 2 * 512 * 100000 * 3 bytes."""
    image = np.zeros((1, 100000, 3), np.uint8)
    tracemalloc.start()
    try:
        network_input(image, 512)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
