"""Mosaics: pixels, boxes, mask and anchors of pictures that are joined from four, by hand; and that a batch's number determines them."""
import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.batch import BACKGROUND, UNUSED
from blitznet_estimator.runtime import tf
from input_fn import augmentation, geometry, mosaic
from input_fn.pipeline import make_input_fn
from input_fn.targets import TargetMaker
from tests.input_fn.drawn_records import evaluate, example, run, tiny_config, write_source

SIDE, CELLS = 128, 32
COLORS = np.uint8([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)])
# Each image has one colour, one box, of a class of its own, and a mask of its own class. The third has no boxes at all, the fourth no mask.
BOXES = [[.25, .25, .75, .75], [.5, 0, 1, .5], [0, 0, 1, 1], [.9, .9, 1, 1]]


def records():
    def image(i):
        return np.full([50, 50, 3], COLORS[i])
    return [example(image(0), [BOXES[0]], [0], np.full([50, 50], 1, np.uint8)), example(image(1), [BOXES[1]], [1], np.full([50, 50], 2, np.uint8)),
            example(image(2), mask=np.full([50, 50], 3, np.uint8), has_boxes=[0]), example(image(3), [BOXES[3]], [2])]


@pytest.fixture
def plain(monkeypatch):
    """Pictures that show whole images, not mirrored, in their own colours."""
    neutral = {'gain': [1.] * 3, 'shift': [0.] * 3, 'saturation': 1., 'hue': 0.}
    monkeypatch.setattr(augmentation, 'color_amounts', lambda drawn: {
        name: tf.tile(tf.constant([value]), [tf.shape(drawn['zoom'])[0]] + [1] * np.ndim(value)) for name, value in neutral.items()})
    monkeypatch.setattr(augmentation, 'sample_windows', lambda drawn, size, boxes, data: (
        geometry.full_windows(size), tf.fill(tf.shape(size)[:1], False)))


def of_tile(labels, first):
    """(box in pixels, class) of the boxes of a picture, as a set."""
    return {tuple(np.rint(box * SIDE).astype(int)) + (kind,) for box, kind in zip(labels['boxes'][first], labels['classes'][first]) if kind}


def test_tiles_boxes_mask_and_anchors_by_hand(tmp_path, plain, monkeypatch):
    """The joint is at row 48, column 80. So the tiles are 48 x 80, 48 x 48, 80 x 80 and 80 x 48, and the mask's 12 x 20 cells and so on."""
    monkeypatch.setattr(mosaic, 'draw', lambda seed, step, count, probability, side, shard: (
        tf.constant([[0, 1, 2, 3]] * 4), tf.constant([[48, 80]] * 4)))
    config = tiny_config(data=dict(mosaic=1., shuffle_buffer=1))
    features, labels = run(make_input_fn(config, write_source(tmp_path, [records()]), 'train'), 1)[0]
    image, mask, match = features['image'][0], labels['mask'][0], labels['match'][0]
    expected = np.zeros([SIDE, SIDE, 3])
    for color, rows, columns in zip(COLORS, (slice(48), slice(48), slice(48, None), slice(48, None)), (slice(80), slice(80, None)) * 2):
        expected[rows, columns] = color / 255.
    np.testing.assert_allclose(image, expected, atol=1e-5)
    wanted = np.full([CELLS, CELLS], 255)
    wanted[:12, :20], wanted[:12, 20:], wanted[12:, :20] = 1, 2, 3
    np.testing.assert_array_equal(mask, wanted)
    # .25 to .75 of 48 x 80; rows .5 to 1 of 48 and columns 0 to .5 of 48, from 80 on; .9 to 1 of 80 x 48, from (48, 80) on
    assert of_tile(labels, 0) == {(12, 20, 36, 60, 1), (24, 80, 48, 104, 2), (120, 123, 128, 128, 3)}
    centers = anchors_of(config.network)[:, :2] * SIDE
    third = (centers[:, 0] >= 48) & (centers[:, 1] < 80)  # which has no box labels: what is no other image's is not used
    assert set(match[third]) <= {UNUSED, 0, 1, 2} and (match[third] == UNUSED).mean() > .9
    assert set(match[~third]) == {BACKGROUND, 0, 1, 2}


def test_a_box_whose_tile_makes_it_too_small_is_dropped():
    """A box of 5 pixels in 100, on a tile of 32 pixels, has 1.6 pixels: fewer than the 2 that augmentation asks for."""
    config = tiny_config(data=dict(mosaic=1.))
    group = {'size': np.int32([[100, 100]] * 4), 'boxes': np.float32([[[.5, .5, .55, .55]]] * 4), 'classes': np.int32([[1]] * 4),
             'has_boxes': np.array([True] * 4)}
    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(mosaic, 'draw', lambda *ignored: (tf.constant([[0, 1, 2, 3]] * 4), tf.constant([[32, 96]] * 4)))
        patch.setattr(augmentation, 'sample_windows', lambda drawn, size, boxes, data: (
            geometry.full_windows(size), tf.fill(tf.shape(size)[:1], False)))
        maker = TargetMaker(config.network, config.data, labels=True, augment=True)
        found = evaluate(lambda: maker(tf.constant(0, tf.int64), {key: tf.constant(value) for key, value in group.items()}))
    sizes = found['boxes'][0] * SIDE
    assert found['classes'][0].tolist() == [1] + [0] * 7  # the one on the tile of 96 x 96
    np.testing.assert_allclose(sizes[0], [32 + 48, 48, 32 + 52.8, 52.8], atol=.01)


def test_a_picture_that_is_no_mosaic_is_one_tile():
    joint = np.int32([[48, 80], [128, 128]])
    tiles = evaluate(lambda joint: mosaic.tiles_of(joint, SIDE), joint)
    assert tiles.tolist() == [[[0, 0, 48, 80], [0, 80, 48, 48], [48, 0, 80, 80], [48, 80, 80, 48]],
                              [[0, 0, 128, 128], [0, 128, 128, 0], [128, 0, 0, 128], [128, 128, 0, 0]]]


def test_draws():
    def draw(seed, step):
        return evaluate(lambda: mosaic.draw(tf.constant(seed, tf.int64), tf.constant(step, tf.int64), 400, .25, SIDE))
    members, joint = draw(1, 2)
    assert all(len(set(row)) == 4 and row[0] == i for i, row in enumerate(members.tolist()))
    joined = (joint < SIDE).all(axis=1)
    assert .18 < joined.mean() < .32 and (joint[~joined] == SIDE).all()
    assert joint[joined].min() >= 32 and joint[joined].max() < 96
    for other in (draw(1, 3), draw(2, 2)):
        assert (other[0] != members).any() and (other[1] != joint).any()
    np.testing.assert_array_equal(draw(1, 2)[0], members)


def test_workers_draw_for_themselves():
    seed, step = tf.int64.as_numpy_dtype(1), tf.int64.as_numpy_dtype(2)
    first, second = [evaluate(lambda: mosaic.draw(seed, step, 50, .5, SIDE, (index, 2))) for index in range(2)]
    assert first[0].shape == second[0].shape == (50, 4) and (first[0][:, 0] == range(50)).all()
    assert (first[0] != second[0]).any() and (first[1] != second[1]).any()


def test_a_stop_and_a_resume_change_nothing_and_other_pictures_stay(tmp_path):
    source = write_source(tmp_path, [records() * 3])

    def batches(count, first_batch=0, **data):
        config = tiny_config(data=data, run=dict(threads=2), network=dict(detect=False))  # built in half the time
        flat = [dict(features, **labels) for features, labels in run(make_input_fn(config, source, 'train', (0, 1), first_batch), count)]
        return {key: np.stack([batch[key] for batch in flat]) for key in flat[0]}
    whole, resumed, without = batches(5, mosaic=.5), batches(3, 2, mosaic=.5), batches(5)
    for key in whole:
        np.testing.assert_array_equal(resumed[key], whole[key][2:], err_msg=key)
    same = np.array([[np.array_equal(whole['image'][i, j], without['image'][i, j]) for j in range(4)] for i in range(5)])
    assert 0 < same.sum() < same.size
    for key in ('boxes', 'classes', 'mask'):
        np.testing.assert_array_equal(whole[key][same], without[key][same], err_msg=key)
