"""Full-size masks: equal to resizing all logits and taking the best class of each pixel, by bands too, at each image's own size."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from model_fn.predictions import masks


def run(tensors):
    with tf.Session() as session:
        return session.run(tensors)


def coarse(random, side, num_classes):
    """Logits [side, side, num_classes] with regions of one class and, between them, pixels of every kind."""
    logits = random.randn(side, side, num_classes)
    logits[side // 3:, :side // 2, 1] += 3
    logits[:side // 2, side // 2:, 2] += 3
    return logits.astype('f')


@pytest.mark.parametrize('band, strip', [(masks.BAND, masks.STRIP), (500, masks.STRIP), (500, 8 * 5 * 6)])  # all at once, a few rows, and columns
@pytest.mark.parametrize('size', [(61, 43), (37, 20), (3, 5), (1, 1), (8, 8), (64, 101)])
def test_a_mask_is_the_best_class_of_the_resized_logits(monkeypatch, size, band, strip):
    logits = coarse(np.random.RandomState(8), 8, 5)
    monkeypatch.setattr(masks, 'BAND', band)
    monkeypatch.setattr(masks, 'STRIP', strip)
    with tf.Graph().as_default():
        resized, mask = run([tf.image.resize_bilinear(logits[None], size)[0], masks.full_size_mask(tf.constant(logits[None]), tf.constant([size]))])
    assert mask.shape == (1,) + size and mask.dtype == np.uint8
    np.testing.assert_array_equal(mask[0], resized.argmax(axis=-1))


def test_no_tensor_of_a_very_wide_mask_is_large():
    """All columns at once would be 75 * 60000 * 21 * 4 bytes, 378 MB."""
    with tf.Graph().as_default(), tf.Session() as session:
        options, metadata = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), tf.RunMetadata()
        mask = session.run(masks.full_size_mask(tf.zeros([1, 75, 75, 21]), tf.constant([[1, 60000]])), options=options, run_metadata=metadata)
    nodes = [node for device in metadata.step_stats.dev_stats for node in device.node_stats]
    largest = max(output.tensor_description.allocation_description.requested_bytes for node in nodes for output in node.output)
    assert mask.shape == (1, 1, 60000) and 16e6 < largest < 40e6


def test_a_class_that_is_best_only_between_two_rows_is_found():
    logits = np.zeros((1, 2, 2, 3), np.float32)
    logits[0, 0, :, 0], logits[0, 1, :, 1] = 1, 1
    logits[0, ..., 2] = .75  # second best in both rows, best from a quarter to three quarters of the way
    with tf.Graph().as_default():
        mask = run(masks.full_size_mask(tf.constant(logits), tf.constant([[20, 2]])))[0]
    np.testing.assert_array_equal(mask[:, 0], [0] * 3 + [2] * 5 + [1] * 12)


def test_images_of_many_sizes_in_one_batch():
    random, sizes = np.random.RandomState(9), [(40, 50), (6, 9)]
    logits = np.stack([coarse(random, 8, 5) for _ in sizes])
    with tf.Graph().as_default():
        together = run(masks.full_size_mask(tf.constant(logits), tf.constant(sizes)))
        for mask, each, (height, width) in zip(together, logits, sizes):
            alone = run(masks.full_size_mask(tf.constant(each[None]), tf.constant([[height, width]])))[0]
            np.testing.assert_array_equal(mask[:height, :width], alone)
            assert mask[height:].sum() == mask[:, width:].sum() == 0


def test_a_mask_has_the_size_of_its_image():
    logits = np.zeros((2, 2, 2, 3), np.float32)
    logits[0, :, 1, 2] = 1  # the right half is class 2
    logits[1, ..., 1] = 1
    with tf.Graph().as_default():
        found = run(masks.full_size_mask(tf.constant(logits), tf.constant([[2, 4], [3, 2]])))
    assert found.dtype == np.uint8 and found.shape == (2, 3, 4)
    np.testing.assert_array_equal(found[0, :2], [[0, 2, 2, 2]] * 2)
    np.testing.assert_array_equal(found[1], [[1, 1, 0, 0]] * 3)
