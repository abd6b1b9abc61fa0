"""Windows: pixels, boxes and mask cells against cutting, mirroring and resizing a padded array by hand."""
import numpy as np
import pytest

from blitznet_estimator.runtime import tf
from input_fn import geometry
from tests.input_fn.drawn_records import evaluate

SIDE, CELLS = 60, 15


def place(size, window, mirrored):
    """The Placement of one image, as numpy, without the batch dimension."""
    placement = evaluate(lambda *tensors: tuple(geometry.place(*tensors, side=SIDE)),
                         np.int32([size]), np.float32([window]), np.array([mirrored]))
    return geometry.Placement(*(value[0] for value in placement))


def batched(placement):
    return geometry.Placement(*(tf.constant(np.asarray(value)[None]) for value in placement))


def cells_of(placement):
    return [lines[0] for lines in evaluate(lambda: geometry.mask_indices(batched(placement), SIDE, CELLS))]


def move(placement, size, boxes):
    moved, inside = evaluate(lambda boxes, size: geometry.move_boxes(boxes, size, batched(placement), SIDE),
                             np.float32([boxes]), np.int32([size]))
    return moved[0], inside[0]


@pytest.mark.parametrize('size', [(45, 33), (60, 60), (15, 90), (375, 500), (1, 1)])
def test_a_whole_image_fills_the_picture(size):
    placement = place(size, (0, 0) + size, False)
    assert placement.source.tolist() == [0, 0] + list(size)
    assert placement.target.tolist() == [0, 0, SIDE, SIDE]
    box = np.float32([[.1, .2, .6, .9]])
    moved, inside = move(placement, size, box)
    np.testing.assert_allclose(moved, box, atol=1e-6)
    assert inside.tolist() == [True]
    numbers = np.arange(np.prod(size), dtype=np.int32).reshape(size)
    expected = evaluate(lambda image: tf.image.resize_nearest_neighbor(image[None, :, :, None], [CELLS, CELLS])[0, ..., 0], numbers)
    rows, columns = cells_of(placement)
    np.testing.assert_array_equal(numbers[rows][:, columns], expected)


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('window', [(3, 5, 30, 20), (0, 10, 45, 23), (44, 32, 1, 1)])
def test_a_crop_is_cut_mirrored_and_resized(window, mirrored):
    size = (45, 33)
    top, left, height, width = window
    placement = place(size, window, mirrored)
    assert placement.source.tolist() == list(window)
    assert placement.target.tolist() == [0, 0, SIDE, SIDE]
    numbers = np.arange(np.prod(size), dtype=np.int32).reshape(size)
    cut = numbers[top:top + height, left:left + width]
    cut = cut[:, ::-1] if mirrored else cut
    expected = evaluate(lambda image: tf.image.resize_nearest_neighbor(image[None, :, :, None], [CELLS, CELLS])[0, ..., 0], cut)
    rows, columns = cells_of(placement)
    np.testing.assert_array_equal(numbers[rows][:, columns], expected)
    box = [(top + .2 * height) / 45, (left + .1 * width) / 33, (top + .5 * height) / 45, (left + .7 * width) / 33]
    moved, _ = move(placement, size, [box])
    np.testing.assert_allclose(moved[0], [.2, .3, .5, .9] if mirrored else [.2, .1, .5, .7], atol=1e-5)


@pytest.mark.parametrize('seed', range(20))
def test_a_window_that_reaches_beyond_the_image(seed):
    random = np.random.RandomState(seed)
    size = random.randint(20, 200, 2)
    extent = np.floor(size * random.uniform(.6, 4, 2))
    start = np.floor(random.uniform(-extent + 2, size - 2))
    mirrored = bool(seed % 2)
    placement = place(size, np.concatenate([start, extent]), mirrored)
    # Within half a pixel of the picture, the visible part is where the window says.
    low, high = np.maximum(start, 0), np.minimum(start + extent, size)
    expected = np.concatenate([low - start, high - start]) * SIDE / np.tile(extent, 2)
    if mirrored:
        expected[[1, 3]] = SIDE - expected[[3, 1]]
    target = np.concatenate([placement.target[:2], placement.target[:2] + placement.target[2:]])
    assert (np.abs(target - expected) <= .501 + (placement.target[[2, 3, 2, 3]] == 1)).all()
    np.testing.assert_array_equal(placement.source, np.concatenate([low, high - low]))
    # A box around the visible part is exactly where its pixels are.
    visible = np.concatenate([low, high]) / np.tile(size, 2)
    moved, inside = move(placement, size, [visible])
    np.testing.assert_allclose(moved[0] * SIDE, target, atol=1e-3)
    assert inside[0]
    # A cell of the mask shows the image exactly where its first pixel does.
    per_cell = SIDE // CELLS
    shown = np.zeros([SIDE, SIDE], bool)
    shown[target[0]:target[2], target[1]:target[3]] = True
    rows, columns = cells_of(placement)
    np.testing.assert_array_equal((rows >= 0)[:, None] & (columns >= 0), shown[::per_cell, ::per_cell])
    for lines, first, last in ((rows, low[0], high[0]), (columns, low[1], high[1])):
        assert ((lines == -1) | (lines >= first) & (lines < last)).all()


def test_boxes_are_clipped_and_those_with_their_centre_outside_told():
    placement = place((100, 100), (20, 40, 50, 50), False)
    moved, inside = move(placement, (100, 100), [[.1, .5, .5, .7], [0, .5, .3, .7], [.3, .3, .4, .6], [.2, .4, .7, .9], [0, 0, .1, .1]])
    assert inside.tolist() == [True, False, True, True, False]
    np.testing.assert_allclose(moved[0], [0, .2, .6, .6], atol=1e-6)
    np.testing.assert_allclose(moved[2], [.2, 0, .4, .4], atol=1e-6)
    np.testing.assert_allclose(moved[3], [0, 0, 1, 1], atol=1e-6)


def test_a_window_off_the_image_shows_one_pixel_of_it():
    placement = place((40, 40), (-100, -100, 50, 50), False)
    assert placement.target.tolist() == [SIDE - 1, SIDE - 1, 1, 1]
    assert placement.source.tolist() == [0, 0, 1, 1]
