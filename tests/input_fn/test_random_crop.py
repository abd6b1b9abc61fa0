"""The crop sampler against TensorFlow's own, which takes one image at a time."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from input_fn import random_crop
from tests.input_fn.drawn_records import evaluate

COUNT = 1500


def sample(size, boxes, coverage, count=COUNT, seed=0):
    """Crops [count, 4] of an image (height, width) with boxes [N, 4] in pixels."""
    uniform = np.random.RandomState(seed).uniform(size=(count, random_crop.TRIES, random_crop.NUMBERS)).astype(np.float32)
    return evaluate(random_crop.sample_crops, np.tile(np.float32(size), [count, 1]),
                    np.tile(np.reshape(np.float32(boxes), [1, -1, 4]), [count, 1, 1]), np.full([count], coverage, np.float32), uniform)


def tensorflow_sample(size, boxes, coverage, count=COUNT):
    """As `sample`, by tf.image.sample_distorted_bounding_box."""
    boxes = (np.reshape(boxes, [1, -1, 4]) / np.tile(size, 2)).astype(np.float32)

    def one(_):
        begin, extent, _ = tf.image.sample_distorted_bounding_box(
            list(size) + [3], boxes, seed=7, min_object_covered=coverage, aspect_ratio_range=list(random_crop.ASPECT_RATIOS),
            area_range=list(random_crop.AREAS), max_attempts=random_crop.TRIES)
        return tf.concat([begin[:2], extent[:2]], 0)
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(tf.map_fn(one, tf.range(count), parallel_iterations=1)).astype(float)


def properties(crops, size):
    """Per crop: area and aspect ratio, and where it lies, 0 to 1 (or .5 where it has no choice)."""
    room = np.array(size) - crops[:, 2:]
    place = np.where(room > 0, crops[:, :2] / np.maximum(room, 1), .5)
    area, aspect = crops[:, 2] * crops[:, 3] / np.prod(size), crops[:, 3] / crops[:, 2]
    return {'area': area, 'aspect ratio': aspect, 'y': place[:, 0], 'x': place[:, 1]}


def distance(a, b):
    """Kolmogorov-Smirnov: greatest difference of the two cumulative distributions."""
    values = np.sort(np.concatenate([a, b]))
    return np.abs(np.searchsorted(np.sort(a), values, 'right') / len(a) - np.searchsorted(np.sort(b), values, 'right') / len(b)).max()


@pytest.mark.parametrize('coverage', [0., .5, .9])
@pytest.mark.parametrize('size', [(375, 500), (480, 180)])
def test_distribution_is_that_of_tensorflows_sampler(size, coverage):
    boxes = np.float32([[.1, .6, .3, .9], [.55, .05, .95, .6]]) * np.tile(size, 2)
    ours, theirs = properties(sample(size, boxes, coverage), size), properties(tensorflow_sample(size, boxes, coverage), size)
    for name in ours:
        assert distance(ours[name], theirs[name]) < 1.95 * np.sqrt(2 / COUNT), name  # exceeded by chance once in a thousand


@pytest.mark.parametrize('size', [(375, 500), (500, 333), (31, 17), (64, 64)])
def test_crops_keep_every_promise(size):
    box = np.float32([.2, .3, .6, .8]) * np.tile(size, 2)
    for coverage in random_crop.COVERAGES:
        crops = sample(size, box, coverage, count=300)
        np.testing.assert_array_equal(crops, np.round(crops))
        assert (crops[:, :2] >= 0).all() and (crops[:, :2] + crops[:, 2:] <= size).all()
        inside = np.minimum(crops[:, :2] + crops[:, 2:], box[2:]) - np.maximum(crops[:, :2], box[:2])
        assert (np.prod(np.maximum(inside, 0), 1) >= coverage * np.prod(box[2:] - box[:2]) * .9999).all()
        whole = (crops[:, 2:] == size).all(1)
        area, aspect = np.prod(crops[:, 2:], 1) / np.prod(size), crops[:, 3] / crops[:, 2]
        assert ((area >= .3) & (area <= 1) & (aspect > .5 - 2 / min(size)) & (aspect < 2 + 4 / min(size)) | whole).all()
        assert not whole.all()


@pytest.mark.parametrize('boxes', [[], [[5, 5, 5, 30]], [[0, 0, 0, 0]]])
def test_without_boxes_the_whole_image(boxes):
    np.testing.assert_array_equal(sample((40, 60), boxes, 0., count=50), np.tile([0, 0, 40, 60], [50, 1]))


def test_when_all_tries_fail_the_whole_image():
    crops = sample((40, 60), [[0, 0, 40, 60]], 1.01, count=50)
    np.testing.assert_array_equal(crops, np.tile([0, 0, 40, 60], [50, 1]))


def test_images_of_a_batch_do_not_mix():
    uniform = np.random.RandomState(1).uniform(size=(3, random_crop.TRIES, random_crop.NUMBERS)).astype(np.float32)
    size = np.float32([[100, 100], [40, 80], [300, 200]])
    boxes = np.float32([[[10, 10, 50, 50]], [[0, 0, 20, 20]], [[100, 100, 250, 150]]])
    coverage = np.float32([.3, .9, .7])
    together = evaluate(random_crop.sample_crops, size, boxes, coverage, uniform)
    for i in range(3):
        alone = evaluate(random_crop.sample_crops, size[i:i + 1], boxes[i:i + 1], coverage[i:i + 1], uniform[i:i + 1])
        np.testing.assert_array_equal(together[i], alone[0])


def test_one_pixel():
    np.testing.assert_array_equal(sample((1, 1), [[0, 0, 1, 1]], .5, count=5), np.tile([0, 0, 1, 1], [5, 1]))
