"""Colour distortion against TensorFlow's own operations, one after the other in the published orders."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from input_fn import augmentation, photometric
from tests.input_fn.drawn_records import evaluate

SEQUENCES = ('bshc', 'sbch', 'chbs', 'hscb')


def random_image(seed=0, side=32):
    return np.random.RandomState(seed).uniform(size=(side, side, 3)).astype(np.float32)


def distort(image, order, brightness, saturation, hue, contrast):
    def build(pixels):
        gain, shift = photometric.affine_steps(tf.constant([order]), tf.constant([brightness]), tf.constant([contrast]))
        planes = [tf.reshape(plane, [-1]) for plane in tf.unstack(pixels, axis=-1)]
        return tf.stack(photometric.distort(planes, 0, gain[0], shift[0], saturation, hue), axis=-1)
    return evaluate(build, image).reshape(image.shape)


def in_sequence(image, order, brightness, saturation, hue, contrast):
    steps = {'b': lambda x: tf.image.adjust_brightness(x, brightness), 's': lambda x: tf.image.adjust_saturation(x, saturation),
             'h': lambda x: tf.image.adjust_hue(x, hue), 'c': lambda x: tf.image.adjust_contrast(x, contrast)}

    def build(pixels):
        for step in SEQUENCES[order]:
            pixels = steps[step](pixels)
        return tf.clip_by_value(pixels, 0, 1)
    return evaluate(build, image)


@pytest.mark.parametrize('order', range(4))
@pytest.mark.parametrize('amounts', [(.125, 1.5, .07, 1.5), (-.125, .5, -.07, .5), (.05, .8, -.03, 1.2), (0., 1., 0., 1.)])
def test_every_order_equals_its_steps_in_sequence(order, amounts):
    image = random_image(order)
    image[:4] = image[:4, :, :1]  # grey
    image[4:6] = 0
    image[6:8] = 1
    np.testing.assert_allclose(distort(image, order, *amounts), in_sequence(image, order, *amounts), atol=5e-5)


@pytest.mark.parametrize('order', range(4))
def test_black_pixels_stay_numbers_when_the_graph_is_optimised(order):
    """Sums of three terms are put in another order where sizes are unknown: a tiny addend that a divisor relies on is lost then."""
    with tf.Graph().as_default(), tf.Session() as session:
        plane = tf.placeholder(tf.float32, [None])
        gain, shift = photometric.affine_steps(tf.constant([order]), tf.constant([-.075]), tf.constant([.55]))
        planes = session.run(photometric.distort([plane] * 3, 0, gain[0], shift[0], .7, -.005), {plane: np.zeros([64], np.float32)})
    np.testing.assert_array_equal(planes, np.zeros([3, 64], np.float32))


def test_contrast_is_about_the_mean_of_the_pixels_after_the_picture():
    picture, rest = np.full([4], .2, np.float32), np.full([6], .8, np.float32)
    planes = evaluate(lambda plane: photometric.distort([plane] * 3, 4, tf.constant([.5, 1, 1]), tf.zeros([3]), 1., 0.),
                      np.concatenate([picture, rest]))
    np.testing.assert_allclose(planes[0], [.5] * 4 + [.8] * 6, atol=1e-6)  # .8 + (.2 - .8) / 2


def test_amounts_are_uniform_over_their_ranges():
    amounts = evaluate(lambda seed: augmentation.color_amounts(augmentation.draw(seed, tf.constant(3, tf.int64), 20000)), np.int64(5))
    assert len(np.unique(np.sign(amounts['shift'][amounts['shift'] != 0]))) == 2
    contrast = amounts['gain'][amounts['gain'] != 1]
    brightness = amounts['shift'][amounts['shift'] != 0]
    saturation, hue = amounts['saturation'], amounts['hue']
    for values, low, high in ((contrast, .5, 1.5), (brightness, -.125, .125), (saturation, .5, 1.5), (hue, -.07, .07)):
        assert len(values) >= 19990
        deciles = np.percentile(values, np.arange(0, 101, 10))
        np.testing.assert_allclose(deciles, np.linspace(low, high, 11), atol=.015 * (high - low))


def test_orders_are_equally_frequent():
    amounts = evaluate(lambda seed: augmentation.color_amounts(augmentation.draw(seed, tf.constant(0, tf.int64), 20000)), np.int64(1))
    steps = [(np.flatnonzero(gain != 1).tolist(), np.flatnonzero(shift != 0).tolist())
             for gain, shift in zip(amounts['gain'], amounts['shift'])]
    for expected in (([2], [0]), ([1], [1]), ([0], [0]), ([2], [2])):  # of contrast and brightness, per order
        assert steps.count(expected) / 20000 == pytest.approx(.25, abs=.02)
