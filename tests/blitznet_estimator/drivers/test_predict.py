import json
import logging
import os

import cv2
import numpy as np
import pytest

from blitznet_estimator import drawing, thresholds
from blitznet_estimator.config import SAVED_FORMS
from blitznet_estimator.drivers import input_images, predict, prediction_forms, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from input_fn.image_files import Image
from tests.blitznet_estimator.drivers import stand_in


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder of a model with a checkpoint. It finds one box of class cat, of score .5, and cat in every pixel."""
    folder = tmp_path_factory.mktemp('model')
    config = stand_in.config(folder, train=dict(train_steps=1))
    train.run(config, get_platform(config), stand_in.train_input_fn, stand_in.model_fn, lambda path: None)
    return folder


def _image(path, height=6, width=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 50, np.uint8))
    return str(path)


class _Images:
    """Images as `input_fn.images_to_predict` gives them, for the stand-in's network; those of `bad` paths are skipped."""

    def __init__(self, paths, bad=()):
        self._paths, self._stems, self.files = paths, input_images.unique_stems(paths), paths
        self.skipped = [(path, path + ': damaged.') for path in bad]
        sizes = [cv2.imread(path).shape[:2] for path in paths]
        self.input_fn = stand_in.predict_input_fn(sizes, [paths.index(path) for path in bad])

    def __len__(self):
        return len(self._paths)

    def image(self, index):
        return Image(self._paths[index], self._stems[index], lambda: cv2.imread(self._paths[index])[..., ::-1])


def _predict(trained, paths, bad=(), **run):
    config = stand_in.config(trained, run=dict(mode='predict', **run))
    return predict.run(config, get_platform(config), _Images(list(map(str, paths)), bad), stand_in.model_fn, open_model=None)


def _names(folder):
    return sorted(os.path.relpath(os.path.join(where, name), str(folder)) for where, _, names in os.walk(str(folder)) for name in names)


def test_what_is_written(trained, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    paths = [_image(tmp_path / 'a.jpg', 6, 8), _image(tmp_path / 'b.png', 300, 200), _image(tmp_path / 'c.png', 1, 1)]
    out = tmp_path / 'out'
    result = _predict(trained, paths, output_dir=str(out))
    assert _names(out) == ['a.png', 'annotations.json', 'b.png', 'c.png', 'detections.json', 'masks/a.png', 'masks/b.png', 'masks/c.png']
    rows, told = (json.loads((out / name).read_text()) for name in ('detections.json', 'annotations.json'))
    assert rows[0] == {'image_id': 0, 'category_id': 1, 'bbox': [2., 1.5, 4., 3.], 'score': .5, 'name': 'cat', 'file_name': paths[0]}
    assert [row['image_id'] for row in rows] == [0, 1, 2]
    assert dict(told, folder=str(out), annotations=None) == dict(result, annotations=None) and told['annotations'] == []
    assert told['categories'] == [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}] and told['skipped'] == []
    assert (told['info']['global_step'], told['info']['min_scores']) == (1, {'cat': .25, 'dog': .25})
    first = dict(told['images'][0])
    assert first.pop('milliseconds') > 0
    assert first == {'id': 0, 'file_name': paths[0], 'height': 6, 'width': 8, 'picture': 'a.png', 'mask': 'masks/a.png'}
    mask = cv2.imread(str(out / 'masks' / 'b.png'))[..., ::-1]
    assert mask.shape == (300, 200, 3) and (mask == drawing.palette(3)[1]).all()
    assert cv2.imread(str(out / 'b.png')).shape[0] > 300  # the picture and its legend
    lines = [record.getMessage() for record in caplog.records if 'ms' in record.getMessage()]
    assert lines[0].startswith(paths[0] + ': 1 cat (') and lines[0].endswith('ms, with the start)') and lines[2].endswith(' ms)')


def test_every_form_can_be_written(trained, tmp_path):
    assert set(prediction_forms.FORMS) == set(SAVED_FORMS)
    out = tmp_path / 'out'
    _predict(trained, [_image(tmp_path / 'a.jpg')], output_dir=str(out), save=('coco', 'txt', 'crops'))
    assert _names(out) == ['crops/a/000-cat.png', 'instances.json', 'labels/a.txt', 'labels/classes.txt']
    assert cv2.imread(str(out / 'crops' / 'a' / '000-cat.png')).shape == (4, 4, 3)  # rows 1.5 to 4.5, columns 2 to 6
    assert (out / 'labels' / 'a.txt').read_text() == '0 0.500000 0.500000 0.500000 0.500000 0.500000\n'
    annotation, = json.loads((out / 'instances.json').read_text())['annotations']
    assert (annotation['id'], annotation['bbox'], annotation['area'], annotation['iscrowd']) == (1, [2., 1.5, 4., 3.], 12., 0)


def test_lowest_scores_and_classes(trained, tmp_path):
    def rows(**run):
        _predict(trained, [_image(tmp_path / 'a.png', 300, 300)], output_dir=str(tmp_path / 'out'), **run)
        return json.loads((tmp_path / 'out' / 'detections.json').read_text())
    assert len(rows(min_score=.5)) == 1 and rows(min_score=.6) == []
    assert len(rows(classes=('dog', 'cat'))) == 1 and rows(classes=('dog',)) == []
    thresholds.keep(str(trained), 'model.ckpt-1', {'cat': {'best_threshold': .55}})
    assert rows() == [] and len(rows(min_score=0)) == 1
    with pytest.raises(UserError, match='--classes: the model has no class cow'):
        rows(classes=('cow',))


def test_what_was_skipped_is_listed(trained, tmp_path, caplog):
    paths = [_image(tmp_path / name) for name in ('a.png', 'b.png', 'c.png')]
    result = _predict(trained, paths, bad=[paths[1]], output_dir=str(tmp_path / 'out'))
    assert [entry['file_name'] for entry in result['images']] == [paths[0], paths[2]]
    assert result['skipped'] == [{'file_name': paths[1], 'problem': paths[1] + ': damaged.'}]
    assert any('1 of 3 images were skipped: %s.' % paths[1] in record.getMessage() for record in caplog.records)


def test_the_legend_can_be_left_out(trained, tmp_path):
    _predict(trained, [_image(tmp_path / 'a.png', 300, 300)], legend=False)
    assert cv2.imread(str(trained / 'predictions' / 'a.png')).shape == (300, 300, 3)


def test_lines_and_letters_have_the_size_that_is_asked_for(trained, tmp_path):
    def picture(**run):
        _predict(trained, [_image(tmp_path / 'a.png', 300, 300)], legend=False, min_score=0., output_dir=str(tmp_path / 'out'), **run)
        return cv2.imread(str(tmp_path / 'out' / 'a.png'))
    plain = picture()
    assert (picture(line_width=9) != plain).any() and (picture(text_size=40) != plain).any()


def test_no_image_is_written_over(trained, tmp_path):
    path = _image(tmp_path / 'a.png')
    with pytest.raises(UserError, match='--output_dir=.* is the folder of .*a.png'):
        _predict(trained, [path], output_dir=str(tmp_path))
    assert cv2.imread(path).shape == (6, 8, 3)
    _predict(trained, [path], output_dir=str(tmp_path), save=('json',))  # which takes no picture's place


@pytest.mark.parametrize('others, output_dir', [(['in/a.jpg', 'in/a.png'], 'in'), (['out/masks/a.png'], 'out'), (['in/a.png'], 'link')])
def test_no_other_image_is_written_over(trained, tmp_path, others, output_dir):
    paths = [_image(tmp_path / name) for name in others]
    os.symlink(str(tmp_path / 'in'), str(tmp_path / 'link'))
    with pytest.raises(UserError, match='is the folder of .*a.png, which would be written over'):
        _predict(trained, paths, output_dir=str(tmp_path / output_dir))
    assert cv2.imread(paths[-1]).shape == (6, 8, 3) and (cv2.imread(paths[-1]) == 50).all()


def test_the_list_of_classes_has_a_name_of_its_own(trained, tmp_path):
    _predict(trained, [_image(tmp_path / 'classes.png')], output_dir=str(tmp_path / 'out'), save=('txt',))
    assert _names(tmp_path / 'out') == ['labels/classes.txt', 'labels/classes_2.txt']
    assert (tmp_path / 'out' / 'labels' / 'classes.txt').read_text() == 'cat\ndog\n'


def test_files_folders_globs_and_urls(tmp_path, caplog):
    a, b, c = (_image(tmp_path / name) for name in ('x/a.jpg', 'x/b.PNG', 'y/z/c.bmp'))
    for name in ('notes.txt', 'moving.gif', '.hidden'):
        (tmp_path / 'x' / name).write_text('no image')
    assert input_images.find([str(tmp_path / 'x')]) == [a, b]
    assert 'moving.gif, notes.txt of' in caplog.text and 'hidden' not in caplog.text
    assert input_images.find([str(tmp_path / '**' / '*'), a]) == [a, b, c]
    assert input_images.find([c, str(tmp_path / 'x' / '*')]) == [c, a, b]
    assert input_images.find(['https://example.com/d.jpg?x=1', c]) == ['https://example.com/d.jpg?x=1', c]
    odd = _image(tmp_path / 'x' / 'd[1].jpg')
    assert input_images.find([odd]) == [odd]  # a file's own name is no glob


@pytest.mark.parametrize('name', ['none.jpg', 'none/*.jpg', 'empty', 'empty/*'])
def test_missing_files(tmp_path, name):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='--input=.*%s: no ' % name.replace('*', '.')):
        input_images.find([str(tmp_path / name)])


def test_a_prediction_that_fails_leaves_no_half_list(trained, tmp_path):
    path = _image(tmp_path / 'a.png')
    with pytest.raises(UserError, match='would be written over'):
        _predict(trained, [path], output_dir=str(tmp_path))
    assert _names(tmp_path) == ['a.png']  # detections.json, which was begun, is gone


def test_names_do_not_collide():
    paths = ['p/cat.jpg', 'q/cat.png', 'p/Cat.bmp', 'p/cat_2.tif', 'http://h/a%20b/cat.png?size=2', 'http://h/']
    assert input_images.unique_stems(paths) == ['cat', 'cat_2', 'Cat_3', 'cat_2_2', 'cat_4', 'image']
