"""Augmentation: its distributions against a plain form of the published steps; pixels, boxes and masks against each other."""
import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.runtime import tf
from input_fn import augmentation, geometry, random_crop
from input_fn.pipeline import make_input_fn
from input_fn.rendering import CANVAS_COLOR
from input_fn.targets import TargetMaker
from tests.input_fn.drawn_records import evaluate, example, run, tiny_config, write_source

COUNT, SIZE, SIDE = 2500, (240, 320), 128
BOXES = np.float32([[.1, .2, .5, .4], [.3, .5, .95, .9], [.6, .05, .63, .1]])


def fast(zoomout_prob):
    """Windows [COUNT, 4], mirrored, and boxes [COUNT, 3, 4] with which of them stay, as the pipeline makes them."""
    def build(size, boxes):
        drawn = augmentation.draw(tf.constant(3, tf.int64), tf.constant(11, tf.int64), COUNT)
        window, mirrored = augmentation.sample_windows(drawn, size, boxes, DataConfig(zoomout_prob=zoomout_prob))
        placement = geometry.place(size, window, mirrored, SIDE)
        return (window, mirrored) + geometry.move_boxes(boxes, size, placement, SIDE)
    return evaluate(build, np.tile(np.int32(SIZE), [COUNT, 1]), np.tile(BOXES, [COUNT, 1, 1]))


def plain(zoomout_prob):
    """The same by the published steps: zoom out, crop by TensorFlow's sampler, flip, on one image at a time."""
    random = np.random.RandomState(0)
    zoom = np.where(random.uniform(size=COUNT) < zoomout_prob, random.uniform(1.05, 4, COUNT), 1)
    canvas = np.int32(np.float32(SIZE) * zoom[:, None])
    corner = np.int32(random.uniform(size=(COUNT, 2)) * (canvas - SIZE + 1))
    low, high = BOXES[:, :2] * SIZE, BOXES[:, 2:] * SIZE
    boxes = np.concatenate([low + corner[:, None], high + corner[:, None]], -1) / np.tile(canvas, 2)[:, None]
    coverage = random.choice(random_crop.COVERAGES, COUNT).astype(np.float32)

    def crop(item):
        begin, extent, _ = tf.image.sample_distorted_bounding_box(
            tf.concat([item[0], [3]], 0), item[1][None], seed=5, min_object_covered=item[2], aspect_ratio_range=[.5, 2],
            area_range=[.3, 1], max_attempts=50)
        return tf.concat([begin[:2], extent[:2]], 0)
    crops = evaluate(lambda *items: tf.map_fn(crop, items, dtype=tf.int32, parallel_iterations=1),
                     canvas, boxes.astype(np.float32), coverage)
    window = np.concatenate([crops[:, :2] - corner, crops[:, 2:]], 1)
    mirrored = random.uniform(size=COUNT) < .5
    start, extent = window[:, None, :2], window[:, None, 2:]
    moved = np.concatenate([(low - start) / extent, (high - start) / extent], -1)
    center = (moved[..., :2] + moved[..., 2:]) / 2
    inside = ((center >= 0) & (center <= 1)).all(-1)
    moved = np.clip(moved, 0, 1)
    flipped = np.stack([moved[..., 0], 1 - moved[..., 3], moved[..., 2], 1 - moved[..., 1]], -1)
    return window, mirrored, np.where(mirrored[:, None, None], flipped, moved), inside


def distance(a, b):
    """Kolmogorov-Smirnov."""
    values = np.sort(np.concatenate([a, b]))
    return np.abs(np.searchsorted(np.sort(a), values, 'right') / len(a) - np.searchsorted(np.sort(b), values, 'right') / len(b)).max()


@pytest.mark.parametrize('zoomout_prob', [0., .5, 1.])
def test_distributions_are_those_of_the_published_steps(zoomout_prob):
    (window, mirrored, boxes, inside), expected = fast(zoomout_prob), plain(zoomout_prob)
    assert mirrored.mean() == pytest.approx(.5, abs=.04)

    def properties(window, boxes, inside):
        area = np.prod(boxes[..., 2:] - boxes[..., :2], -1)
        return {'window area': np.prod(window[:, 2:], 1), 'aspect': window[:, 3] / window[:, 2], 'top': window[:, 0], 'left': window[:, 1],
                'boxes': inside.sum(1), 'small box area': area[:, 2][inside[:, 2]], 'large box area': area[:, 1][inside[:, 1]],
                'large box left': boxes[:, 1, 1][inside[:, 1]]}
    ours, theirs = properties(window, boxes, inside), properties(expected[0], expected[2], expected[3])
    for name in ours:
        count = min(len(ours[name]), len(theirs[name]))
        assert distance(ours[name], theirs[name]) < 1.95 * np.sqrt(2 / count), name  # exceeded by chance once in a thousand


def test_zoom_is_uniform():
    drawn = {'zooms': np.zeros(COUNT), 'zoom': np.linspace(0, .9999, COUNT), 'top': np.zeros(COUNT), 'left': np.ones(COUNT) * .9999}
    canvas, corner = evaluate(lambda: augmentation._zoom_out(
        {name: tf.constant(values, tf.float32) for name, values in drawn.items()}, tf.constant([[100., 200.]] * COUNT), .5))
    np.testing.assert_allclose(canvas[[0, -1]], [[105, 210], [399, 799]], atol=1)
    np.testing.assert_array_equal(corner, np.stack([np.zeros(COUNT), canvas[:, 1] - 200], 1))


@pytest.mark.parametrize('number, place, window', [
    (0., 0., (0, 0, 200, 400)),  # scale 1/2: the image of 100 x 200 takes the upper left quarter of the picture
    (0., .5, (-50, -100, 200, 400)),  # ... and is in the middle of it
    (1 / 3, .7, (0, 0, 100, 200)),  # scale 1: the whole image
    (1., 0., (0, 0, 50, 100)),  # scale 2: a quarter of the image, its upper left one
    (1., 1., (50, 100, 50, 100))])
def test_large_scale_jitter_by_hand(number, place, window):
    def build(size):
        drawn = {name: tf.constant([value]) for name, value in (('zoom', number), ('top', place), ('left', place), ('flip', .9))}
        return augmentation.sample_windows(drawn, size, None, DataConfig(scale_jitter=(.5, 2.)))
    found, mirrored = evaluate(build, np.int32([[100, 200]]))
    np.testing.assert_allclose(found[0], window, atol=1e-4)
    assert not mirrored[0]


def test_choices_depend_on_seed_and_step_alone():
    def draw(seed, step):
        return evaluate(lambda: augmentation.draw(tf.constant(seed, tf.int64), tf.constant(step, tf.int64), 4))['tries']
    first = draw(1, 2)
    np.testing.assert_array_equal(first, draw(1, 2))
    assert not np.array_equal(first, draw(1, 3)) and not np.array_equal(first, draw(2, 2))


def test_boxes_that_became_too_small_are_dropped_and_the_others_move_up():
    config = tiny_config(data=dict(max_boxes=4))
    least = 2 / config.network.image_size
    boxes = np.float32([[[.1, .1, .1 + .9 * least, .5], [.2, .2, .6, .2 + 1.1 * least], [.5, .5, .5, .5], [.3, .3, .8, .8], [0, 0, 0, 0]]])
    group = {'size': np.int32([[100, 100]]), 'boxes': boxes, 'classes': np.int32([[1, 2, 3, 1, 0]]), 'has_boxes': np.array([True])}

    def arrange(augment):
        make_targets = TargetMaker(config.network, config.data, labels=True, augment=augment, first_batch=0)
        make_targets._data = config.replace(data=dict(zoomout_prob=0.)).data
        return evaluate(lambda: make_targets(tf.constant(0, tf.int64), {key: tf.constant(value) for key, value in group.items()}))
    assert arrange(False)['classes'].tolist() == [[1, 2, 1, 0]]  # only the empty ones
    kept = arrange(True)
    assert (kept['boxes'][..., 2:] - kept['boxes'][..., :2])[kept['classes'] > 0].min() >= least


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """(image, boxes, classes, mask, match) of augmented pictures of one rectangle, in their own colours."""
    pixels = np.full([300, 400, 3], (0, 0, 255), np.uint8)
    mask = np.zeros([300, 400], np.uint8)
    pixels[90:210, 100:260] = (255, 0, 0)
    mask[90:210, 100:260] = 2
    record = example(pixels, [[.3, .25, .7, .65]], [1], mask)
    source = write_source(tmp_path_factory.mktemp('rectangle'), [[record] * 4])
    neutral = {'gain': [1.] * 3, 'shift': [0.] * 3, 'saturation': 1., 'hue': 0.}
    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(augmentation, 'color_amounts', lambda drawn: {
            name: tf.tile(tf.constant([value]), [tf.shape(drawn['zoom'])[0]] + [1] * np.ndim(value)) for name, value in neutral.items()})
        batches = run(make_input_fn(tiny_config(), source, 'train'), 40)
    return [tuple([features['image'][i]] + [labels[key][i] for key in ('boxes', 'classes', 'mask', 'match')])
            for features, labels in batches for i in range(4)]


def test_box_and_pixels_move_together(pictures):
    seen = 0
    for image, boxes, classes, _, _ in pictures:
        red = (image[..., 0] > .75) & (image[..., 2] < .25)
        assert classes.tolist()[1:] == [0] * 7
        if not classes[0]:
            continue
        rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
        found = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
        assert np.abs(found - boxes[0] * SIDE).max() <= 1.01
        assert classes[0] == 2
        seen += 1
    assert seen > 100


def test_mask_and_pixels_move_together(pictures):
    differing = total = 0
    for image, _, _, mask, _ in pictures:
        sample = image[::4, ::4]  # a cell shows its first pixel
        red = sample[..., 0] > .9
        plain = red | (sample[..., 2] > .9) & (sample[..., 0] < .1) | (np.abs(sample - CANVAS_COLOR).max(-1) < .01)  # no blend of two
        differing += ((mask == 2) != red)[plain].sum()
        total += plain.sum()
        assert set(np.unique(mask)) <= {0, 2}
    assert total > 100 * 900 and differing <= .002 * total


def test_the_canvas_has_the_mean_colour(pictures):
    zoomed = 0
    for image, _, _, _, _ in pictures:
        canvas = np.abs(image - CANVAS_COLOR).max(-1) < 1e-5
        blue_or_red = (image[..., 1] < .25)
        assert (canvas | blue_or_red).all()
        zoomed += canvas.any()
    assert .25 < zoomed / len(pictures) < .6


def test_anchors_match_the_moved_box(pictures):
    for _, _, classes, _, match in pictures:
        assert set(np.unique(match)) == ({-1, 0} if classes[0] else {-1})
