"""The drawn dataset: what its pictures hold, and that boxes and masks are exact."""
import hashlib
import os
import zlib

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import shapes
from input_fn.datasets.images import decode_image, decode_mask
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import class_names, open_dataset
from input_fn.datasets.shapes_drawing import CLASS_NAMES, _finish, _outlines, draw_shapes

DRAWINGS = [draw_shapes(3, index) for index in range(60)]


def box_of(visible):
    """(ymin, xmin, ymax, xmax) of the pixels of a mask, half-open, as fractions."""
    rows, columns = np.nonzero(visible)
    edges = np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1])
    return edges / np.array([visible.shape[0], visible.shape[1]] * 2)


def test_boxes_are_the_bounds_of_the_visible_pixels():
    compared = 0
    for drawing in DRAWINGS:
        for box, label in zip(drawing.boxes, drawing.labels):
            if drawing.labels.count(label) == 1:  # else the mask alone doesn't tell the objects apart
                np.testing.assert_allclose(box, box_of(drawing.mask == label + 1), rtol=1e-6)
                compared += 1
    assert compared > 60


def test_every_label_is_in_the_mask_and_no_other():
    for drawing in DRAWINGS:
        assert set(np.unique(drawing.mask)) - {0} == {label + 1 for label in drawing.labels}
        assert drawing.image.shape == drawing.mask.shape + (3,) and drawing.image.dtype == np.uint8


def test_a_drawing_depends_on_seed_and_index_only():
    again = draw_shapes(3, 7)
    np.testing.assert_array_equal(again.image, DRAWINGS[7].image)
    assert not np.array_equal(draw_shapes(4, 7).image.ravel()[:99], again.image.ravel()[:99])


def test_the_pictures_are_varied():
    sizes = {drawing.mask.shape for drawing in DRAWINGS}
    assert len(sizes) > 50 and all(240 <= side <= 360 for size in sizes for side in size)
    labels = np.concatenate([drawing.labels for drawing in DRAWINGS])
    assert set(labels) == set(range(len(CLASS_NAMES))) and len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 8
    difficult = np.concatenate([drawing.difficult for drawing in DRAWINGS])
    assert .02 < difficult.mean() < .2
    boxes = np.concatenate([drawing.boxes for drawing in DRAWINGS])
    sides = np.max(boxes[:, 2:] - boxes[:, :2], axis=1)
    assert sides.min() < .1 and sides.max() > .5 and (sides > .1).mean() > .85


@pytest.mark.parametrize('side, area, difficult', [(30, 1800, False), (30, 1801, True), (24, 576, False), (23, 529, True)])
def test_small_and_hidden_objects_are_difficult(side, area, difficult):
    owner = np.zeros((300, 240), np.uint8)
    owner[10:10 + side, 20:20 + side] = 1  # what is seen of an object that covers `area` pixels
    drawing = _finish(np.zeros((300, 240, 3), np.float32), owner, [2], [area])
    assert drawing.difficult == (difficult,) and drawing.mask.max() == 3
    np.testing.assert_allclose(drawing.boxes, [[10 / 300, 20 / 240, (10 + side) / 300, (20 + side) / 240]], rtol=1e-6)


def test_shapes_hide_one_another():
    overlaps = 0
    for drawing in DRAWINGS:
        for i, a in enumerate(drawing.boxes):
            overlaps += sum(np.all(np.minimum(a[2:], b[2:]) > np.maximum(a[:2], b[:2])) for b in drawing.boxes[:i])
    assert overlaps > 30


@pytest.mark.parametrize('name', CLASS_NAMES)
def test_outlines_fill_their_frame(name):
    points = np.concatenate([outline for outline, value in _outlines(name) if value])
    assert .8 < np.abs(points).max(axis=0).min() and np.abs(points).max() <= 1


# What the first two training pictures of a version are: digest of masks, boxes and labels; mean and deviation of the pixels (which, by
# their decimals, depend on the release of OpenCV); bytes of the JPEG.
PINNED = {1: ('f93128955337', [173.60, 40.15, 23506, 81.27, 43.03, 21719])}


def test_the_version_says_what_is_drawn():
    """Where this fails, the pictures are others than the version's: raise shapes.VERSION and pin the new ones."""
    digest, looks = hashlib.sha1(), []
    for index in range(2):
        example, _ = shapes._draw('train', index)
        pixels = decode_image(example.image, '')
        digest.update(decode_mask(example.mask, '').tobytes() + np.round(example.boxes, 5).tobytes() + bytes(example.labels))
        looks += [pixels.mean(), pixels.std(), len(example.image)]
    assert list(PINNED) == [shapes.VERSION]
    assert digest.hexdigest()[:12] == PINNED[shapes.VERSION][0]
    assert looks == pytest.approx(PINNED[shapes.VERSION][1], rel=.003)


def test_another_version_is_drawn_anew(tmp_path, monkeypatch):
    config = DataConfig(dataset='shapes_small', prepared_dir=str(tmp_path))
    first = open_dataset(config, 'eval')
    draw = shapes.draw_shapes
    monkeypatch.setattr(shapes, 'draw_shapes', lambda seed, index: draw(seed + 1, index))
    assert open_dataset(config, 'eval') == first  # drawn once
    monkeypatch.setattr(shapes, 'VERSION', shapes.VERSION + 1)
    second = open_dataset(config, 'eval')
    assert second.files != first.files and not os.path.exists(first.files[0])
    drawn = draw(1709 + zlib.crc32(b'val') % 1000, 0)
    np.testing.assert_array_equal(next(read_samples(second)).mask(), drawn.mask)


def test_prepared_small(tmp_path):
    config = DataConfig(dataset='shapes_small', prepared_dir=str(tmp_path))
    assert class_names(config) == CLASS_NAMES and not list(tmp_path.iterdir())  # names need no preparation
    train, val = open_dataset(config, 'train'), open_dataset(config, 'eval')
    assert (train.num_examples, val.num_examples) == (20, 8)
    with pytest.raises(UserError, match='--dataset=shapes_small has the classes %s, .* of the model .* are car, bus' % CLASS_NAMES[0]):
        open_dataset(DataConfig(**dict(vars(config), class_names=('car', 'bus'))), 'eval')
    samples = list(read_samples(val))
    assert [sample.filename for sample in samples] == ['val_%05d.jpg' % i for i in range(8)]
    expected = draw_shapes(1708 + zlib.crc32(b'val') % 1000, 5)
    np.testing.assert_array_equal(samples[5].mask(), expected.mask)
    np.testing.assert_allclose(samples[5].boxes, expected.boxes)
    np.testing.assert_array_equal(samples[5].classes, np.add(expected.labels, 1))
    assert np.abs(samples[5].image().astype(int) - expected.image).mean() < 3  # JPEG's loss
