import json
import os

import cv2
import numpy as np
import pytest

from blitznet_estimator import drawing
from blitznet_estimator.drivers import input_images, predict, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from tests.blitznet_estimator.drivers import stand_in


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder of a model with a checkpoint."""
    folder = tmp_path_factory.mktemp('model')
    config = stand_in.config(folder, train=dict(train_steps=1))
    train.run(config, get_platform(config), stand_in.train_input_fn, stand_in.model_fn, lambda path: None)
    return folder


def _image(path, height=6, width=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 50, np.uint8))
    return str(path)


def _predict(trained, paths, **run):
    config = stand_in.config(trained, run=dict(mode='predict', input_paths=tuple(map(str, paths)), **run))

    def input_fn(found):
        sizes = [cv2.imread(path).shape[:2] for path in found]
        return stand_in.predict_input_fn(sizes)

    return predict.run(config, get_platform(config), input_fn, stand_in.model_fn, lambda path: cv2.imread(path)[..., ::-1])


def test_what_is_written(trained, tmp_path):
    paths = [_image(tmp_path / 'a.jpg', 6, 8), _image(tmp_path / 'b.png', 300, 200), _image(tmp_path / 'c.png', 1, 1)]
    result = _predict(trained, [tmp_path], output_dir=str(tmp_path / 'out'))
    assert json.loads((tmp_path / 'out' / 'detections.json').read_text()) == result
    made = ['a.png', 'a_mask.png', 'b.png', 'b_mask.png', 'c.png', 'c_mask.png', 'detections.json']
    assert sorted(os.listdir(str(tmp_path / 'out'))) == made
    assert [entry['file'] for entry in result['images']] == paths
    assert (result['global_step'], result['class_names']) == (1, ['cat', 'dog'])
    first = result['images'][0]
    assert (first['height'], first['width'], first['picture'], first['mask']) == (6, 8, 'a.png', 'a_mask.png')
    assert first['detections'] == [{'class': 1, 'name': 'cat', 'score': .5, 'box_yxyx': [.25, .25, .75, .75],
                                    'box_xyxy_pixels': [2., 1.5, 6., 4.5]}]
    mask = cv2.imread(str(tmp_path / 'out' / 'b_mask.png'))[..., ::-1]
    assert mask.shape == (300, 200, 3) and (mask == drawing.palette(3)[1]).all()
    assert cv2.imread(str(tmp_path / 'out' / 'b.png')).shape[0] > 300  # the picture and its legend


def test_the_default_folder_and_a_score_for_drawing(trained, tmp_path):
    path = _image(tmp_path / 'a.png', 300, 300)
    result = _predict(trained, [path], min_score=.6)
    assert result['images'][0]['detections'][0]['score'] == .5  # kept in the file
    drawn = cv2.imread(str(trained / 'predictions' / 'a.png'))
    _predict(trained, [path], min_score=.4)
    assert not np.array_equal(cv2.imread(str(trained / 'predictions' / 'a.png')), drawn)  # with the box


def test_files_folders_and_globs(tmp_path):
    a, b, c = (_image(tmp_path / name) for name in ('x/a.jpg', 'x/b.PNG', 'y/z/c.bmp'))
    (tmp_path / 'x' / 'notes.txt').write_text('no image')
    assert input_images.find([str(tmp_path / 'x')]) == [a, b]
    assert input_images.find([str(tmp_path / '**' / '*'), a]) == [a, b, c]
    assert input_images.find([c, str(tmp_path / 'x' / '*')]) == [c, a, b]
    odd = _image(tmp_path / 'x' / 'd[1].jpg')
    assert input_images.find([odd]) == [odd]  # a file's own name is no glob


@pytest.mark.parametrize('name', ['none.jpg', 'none/*.jpg', 'empty', 'empty/*'])
def test_missing_files(tmp_path, name):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='--input=.*%s: no ' % name.replace('*', '.')):
        input_images.find([str(tmp_path / name)])


def test_names_do_not_collide():
    paths = ['p/cat.jpg', 'q/cat.png', 'p/Cat.bmp', 'p/cat_mask.jpg', 'p/cat_2.jpg']
    names = input_images.unique_names(paths, ('.png', '_mask.png'))
    assert names == ['cat', 'cat_2', 'Cat_3', 'cat_mask_2', 'cat_2_2']
    made = [(name + ending).lower() for name in names for ending in ('.png', '_mask.png')]
    assert len(set(made)) == 10
