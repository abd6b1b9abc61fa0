"""The dataset `labelme`: what is read of LabelMe's files, and each thing that can be wrong in one."""
import base64
import functools
import json
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from input_fn.datasets import labelme_shapes
from input_fn.datasets.registry import class_names
from tests.input_fn.datasets import trees

SQUARE = [[3, 4], [7, 4], [7, 9], [3, 9]]  # paints 5 x 6 pixels, as the outline belongs to it


def shape(label, points, kind='polygon', **more):
    return dict(dict(label=label, points=points, shape_type=kind, group_id=None, flags={}), **more)


def content(*shapes, **more):
    return dict(dict(version='5.4.1', flags={}, shapes=list(shapes), imagePath='a.png', imageData=None, imageHeight=20, imageWidth=30), **more)


def write(root, name, *shapes, **more):
    """The JSON file of a name, and its image of 30 x 20 pixels beside it."""
    trees.write(root, '%s.png' % name, trees.png(trees.picture()))
    trees.write(root, '%s.json' % name, json.dumps(content(*shapes, **dict(dict(imagePath=os.path.basename(name) + '.png'), **more))))


@pytest.fixture(name='root')
def folder(tmp_path):
    """train/a, train/b and val/c, each with a square of a cat."""
    root = tmp_path / 'pets'
    for name in ('train/a', 'train/b', 'val/c'):
        write(root, name, shape('cat', SQUARE))
    trees.write(root, 'labels.txt', '__ignore__\n_background_\n' + '\n'.join(trees.CLASSES))
    return root


config, samples = functools.partial(trees.config_of, 'labelme'), functools.partial(trees.samples_of, 'labelme')


def test_a_polygon_gives_a_box_and_paints_its_outline_too(root):
    first, second = samples(root)
    assert [first.filename, second.filename] == ['train/a.png', 'train/b.png'] and class_names(config(root)) == trees.CLASSES
    np.testing.assert_allclose(first.boxes, [[4 / 20, 3 / 30, 9 / 20, 7 / 30]], atol=1e-6)
    wanted = np.zeros((20, 30), np.uint8)
    wanted[4:10, 3:8] = 1
    assert first.mask().tolist() == wanted.tolist() and first.classes.tolist() == [1]


def test_later_shapes_cover_earlier_ones_and_two_labels_are_no_classes(root):
    write(root, 'train/a', shape('dog', [[3, 4], [7, 9]], 'rectangle'), shape('__ignore__', [[3, 4], [3, 9], [2, 9]]),
          shape('_background_', [[7, 9], [5, 5]], 'rectangle'), shape('horse', [[20, 10], [20, 13]], 'circle'))
    sample = samples(root)[0]
    mask = sample.mask()
    assert (mask[4:10, 3] == 255).all() and (mask[4, 4:8] == 2).all() and (mask[5:10, 5:8] == 0).all()
    assert (mask[10, 17:24] == 3).all() and mask[10, 16] == mask[10, 24] == 0 and (mask[:, 20] == 3).sum() == 7
    np.testing.assert_allclose(sample.boxes, [[4 / 20, 3 / 30, 9 / 20, 7 / 30], [7 / 20, 17 / 30, 13 / 20, 23 / 30]], atol=1e-6)
    assert sample.classes.tolist() == [2, 3]


def test_parts_of_one_group_and_label_are_one_object(root):
    write(root, 'train/a', shape('cat', SQUARE, group_id=1), shape('dog', [[9, 0], [12, 0], [12, 3]], group_id=1),
          shape('cat', [[20, 10], [25, 10], [25, 15]], group_id=1), shape('cat', [[20, 0], [25, 0], [25, 5]]))
    sample = samples(root)[0]
    np.testing.assert_allclose(sample.boxes * (20, 30, 20, 30), [[4, 3, 15, 25], [0, 9, 3, 12], [0, 20, 5, 25]], atol=1e-4)
    assert sample.classes.tolist() == [1, 2, 1] and sample.mask()[11, 24] == 1


def test_a_shape_may_be_a_mask(root):
    patch = np.zeros((3, 4), np.uint8)
    patch[1:, 2:] = 255
    png = base64.b64encode(trees.png(patch)).decode()
    write(root, 'train/a', shape('dog', [[28, 18], [31, 20]], 'mask', mask=png), shape('cat', [[1, 2], [4, 4]], 'mask', mask=png))
    sample = samples(root)[0]
    assert np.argwhere(sample.mask()).tolist() == [[3, 3], [3, 4], [4, 3], [4, 4]]
    np.testing.assert_allclose(sample.boxes * (20, 30, 20, 30), [[18, 28, 20, 30], [2, 1, 5, 5]], atol=1e-4)


def test_a_split_of_rectangles_alone_is_for_detection(root):
    for name in ('train/a', 'train/b'):
        write(root, name, shape('cat', [[7, 9], [3, 4]], 'rectangle'))
    sample = samples(root)[0]
    assert not sample.has_mask and sample.has_boxes
    np.testing.assert_allclose(sample.boxes, [[4 / 20, 3 / 30, 9 / 20, 7 / 30]], atol=1e-6)


def test_the_image_may_be_embedded_or_elsewhere(root, caplog):
    data = trees.png(trees.picture(seed=5))
    write(root, 'train/a', imagePath='C:\\pictures\\gone.png', imageData=base64.b64encode(data).decode())
    write(root, 'train/b', imagePath='..\\images\\b.png', imageHeight=None, imageWidth=None)
    trees.write(root, 'images/b.png', trees.png(trees.picture(10, 12)))
    first, second = samples(root)
    assert first.image_bytes == data and first.filename == 'train/a.png'
    assert (second.height, second.width) == (10, 12) and 'left out' not in caplog.text
    trees.write(root, 'images/b.png', trees.png(trees.picture(11, 12)))
    assert samples(root)[1].height == 11  # prepared anew
    assert first.has_boxes and len(first.boxes) == 0 and not first.has_mask  # as nothing in the split has an outline
    write(root, 'train/b', imagePath='/mnt/other/machine/b.png')
    assert samples(root)[1].height == 20


def test_labels_belong_to_the_upright_image(root):
    trees.write(root, 'train/a.jpg', trees.jpeg(trees.picture(30, 20), turn=6))
    trees.write(root, 'train/a.json', json.dumps(content(shape('cat', SQUARE), imagePath='a.jpg')))
    assert samples(root)[0].image().shape == (20, 30, 3)


def test_without_folders_of_splits_a_hash_decides_and_the_labels_are_the_classes(tmp_path, caplog):
    root = tmp_path / 'flat'
    for i in range(12):
        write(root, str(i), shape('dog' if i % 2 else 'cat', SQUARE))
    trees.write(root, 'new.jpg', trees.jpeg(trees.picture()))
    chosen, rest = (set(sample.filename for sample in samples(root, role)) for role in ('eval', 'train'))
    assert chosen and len(chosen | rest) == 12 and not chosen & rest and class_names(config(root)) == ('cat', 'dog')
    assert 'a hash of each name takes %d images for training and %d' % (len(rest), len(chosen)) in caplog.text
    assert '1 pictures left out that have no JSON file of their name; the first: %s' % (root / 'new.jpg') in caplog.text


@pytest.mark.parametrize('fields, said', [
    (dict(shapes=None), r'a.json: "shapes" is None; it must be a list'),
    (dict(shapes=[7]), r'a.json, shapes\[0\] is no object'),
    (dict(shapes=[shape(None, SQUARE)]), '"label" is None; it must be a text'),
    (dict(shapes=[shape('cow', SQUARE)]), "the label 'cow' is not in the class list. Known: cat, dog, horse"),
    (dict(shapes=[shape('cat', SQUARE, 'linestrip')]), "\"shape_type\" is 'linestrip', which has no area"),
    (dict(shapes=[shape('cat', SQUARE, 'blob')]), "\"shape_type\" is 'blob', which is not known"),
    (dict(shapes=[shape('cat', SQUARE[:2])]), '"points" has 2 points; a polygon has 3 or more'),
    (dict(shapes=[shape('cat', SQUARE, 'circle')]), '"points" has 4 points; a circle has 2'),
    (dict(shapes=[shape('cat', [[1, 2], [3, '4'], [5, 6]])]), r'"points" is .*; it must be a list of \[x, y\]'),
    (dict(shapes=[shape('cat', [[1, 2], [3, float('nan')], [5, 6]])]), '"points" is '),
    (dict(shapes=[shape('cat', [[1, 2], [3, 1e9], [5, 6]])]), '"points" reach far out of the image of 30 x 20'),
    (dict(shapes=[shape('cat', SQUARE, group_id=[])]), r'"group_id" is \[\]'),
    (dict(shapes=[shape('cat', SQUARE[:2], 'mask', mask='@')]), "\"mask\" is '@'; it must be a PNG in base64"),
    (dict(shapes=[shape('cat', SQUARE[:2], 'mask', mask='AAAA')]), r'shapes\[0\]: the mask is not a PNG file'),
    (dict(imageHeight=21), '"imageHeight" is 21, but the upright image has 30 x 20 pixels'),
    (dict(imageWidth='30'), "\"imageWidth\" is '30', but"),
    (dict(imagePath=None), '"imagePath" is None; it must name the image'),
    (dict(imagePath='b/gone.png'), 'gone.png cannot be read: No such file'),
    (dict(imageData='%'), '"imageData" is no image in base64'),
    (dict(imageData='AAAA'), '"imageData": the image cannot be decoded')])
def test_what_is_wrong_in_a_file(root, fields, said):
    trees.write(root, 'train/a.json', json.dumps(content(**fields)))
    with pytest.raises(UserError, match=said):
        samples(root)
    assert len(samples(root, on_bad_record='skip')) == 1


def test_a_shape_of_more_points_than_rows_can_be_looked_through_for(root, monkeypatch):
    monkeypatch.setattr(labelme_shapes, '_MOST_CROSSINGS', 79)
    with pytest.raises(UserError, match=r'shapes\[0\]: "points" has 4 points, more than a shape of 20 rows of pixels needs'):
        samples(root)


@pytest.mark.parametrize('text', ['', '[]', '{"shapes": [', '\xff', '[' * 100000])
def test_a_file_that_is_no_json(root, text):
    trees.write(root, 'train/a.json', text.encode('latin-1'))
    with pytest.raises(UserError, match='a.json: not a (readable )?JSON file'):
        samples(root)


def test_a_folder_without_files_of_labelme(tmp_path):
    with pytest.raises(UserError, match='has no JSON file of LabelMe'):
        class_names(config(tmp_path))
