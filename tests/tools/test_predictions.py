"""Predictions of images whose file names are alike: each has its own, or nobody guesses."""
import json
import os

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.prediction_formats import Detections, read_voc_detections, write_voc_detections
from blitznet_estimator.evaluation.prediction_writer import PredictionWriter
from blitznet_estimator.evaluation.scorer import Scorer
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.input_fn.datasets import trees
from tools.predictions import Predictions, open_folder
from tools.report.analysis import analyse
from tools.score import write_voc


@pytest.fixture(scope='module')
def nested(tmp_path_factory):
    """The Source of a/x.jpg, b/x.jpg and x.jpg, whose classes and masks differ."""
    root = tmp_path_factory.mktemp('nested')
    names = ('a/x', 'b/x', 'x')
    trees.write(root, 'classes.txt', '\n'.join(trees.CLASSES))
    trees.write(root, 'ImageSets/Main/val.txt', '\n'.join(names))
    for i, name in enumerate(names):
        box = (3 + i, 5, 12 + 5 * i, 10 + i)
        mask = np.zeros((20, 30), np.uint8)
        mask[box[1]:box[3], box[0]:box[2]] = i + 1
        trees.write(root, 'JPEGImages/%s.jpg' % name, trees.jpeg(trees.picture(seed=i)))
        trees.write(root, 'Annotations/%s.xml' % name, trees.voc_xml(trees.voc_object(trees.CLASSES[i], *box)))
        trees.write(root, 'SegmentationClass/%s.png' % name, trees.png(mask))
    return open_dataset(DataConfig(dataset='folder', data_dir=str(root), prepared_dir=str(root / 'prepared')), 'eval')


def perfect(sample):
    return {'boxes': sample.boxes, 'scores': np.full(len(sample.boxes), .9), 'classes': sample.classes, 'segmentation': sample.mask()}


@pytest.fixture
def written(nested, tmp_path):
    writer = PredictionWriter(str(tmp_path / 'evaluation'), nested.class_names)
    for sample in read_samples(nested):
        writer.update(perfect(sample), sample)
    writer.close()
    return str(tmp_path / 'evaluation')


def scores(source, predictions):
    scorer = Scorer(source.class_names)
    for sample in read_samples(source):
        scorer.update(predictions.of(sample), sample)
    predictions.check_used(scorer.num_images)
    return scorer.result()['mAP_voc12'], scorer.result().get('mIoU')


def test_perfect_predictions_are_perfect_whichever_way_they_come_back(nested, written, tmp_path):
    detections, masks = os.path.join(written, 'detections.json'), os.path.join(written, 'masks')
    assert sorted(os.listdir(masks)) == ['a', 'b', 'x.png']
    assert analyse(nested, open_folder(written, nested.class_names)).result['mAP_voc12'] == pytest.approx(1)
    for predictions in (open_folder(written, nested.class_names), Predictions(nested.class_names, detections, masks)):
        assert scores(nested, predictions) == pytest.approx((1, 1))
    write_voc(nested, open_folder(written, nested.class_names), str(tmp_path / 'voc'))
    assert scores(nested, Predictions(nested.class_names, str(tmp_path / 'voc')))[0] == pytest.approx(1)


def test_outer_folders_may_be_left_out_or_added(nested, written, tmp_path):
    with open(os.path.join(written, 'annotations.json')) as file:
        content = json.load(file)
    for entry in content['images']:
        entry['file_name'] = 'val2017/' + entry['file_name'].replace('.jpg', '.png')
    path = trees.write(tmp_path, 'other.json', json.dumps(content))
    predictions = Predictions(nested.class_names, os.path.join(written, 'detections.json'), annotations=path)
    first, second, third = read_samples(nested)
    assert [predictions.detections(sample).classes.tolist() for sample in (first, second)] == [[1], [2]]
    with pytest.raises(UserError, match='for x.jpg may be those of val2017/a/x.png or val2017/b/x.png or val2017/x.png'):
        predictions.detections(third)


def test_file_names_alone_are_ambiguous(nested, tmp_path):
    found = {'x': Detections(np.array([[3., 5., 9., 5.]]), np.array([.9]), np.array([1]))}
    write_voc_detections(str(tmp_path / 'voc'), 'val', nested.class_names, found)
    with pytest.raises(UserError, match='for x may be of a/x.jpg or of b/x.jpg: .* names with the folders'):
        scores(nested, Predictions(nested.class_names, str(tmp_path / 'voc')))
    trees.write(tmp_path, 'masks/x.png', trees.png(np.zeros((20, 30), np.uint8)))
    with pytest.raises(UserError, match='x.png may be of a/x.jpg or of b/x.jpg'):
        scores(nested, Predictions(nested.class_names, masks=str(tmp_path / 'masks')))


def test_two_entries_of_one_file_name_are_refused(nested, written):
    path = os.path.join(written, 'annotations.json')
    with open(path) as file:
        content = json.load(file)
    content['images'][1]['file_name'] = content['images'][0]['file_name']
    trees.write(written, 'annotations.json', json.dumps(content))
    with pytest.raises(UserError, match='annotations.json: several images have the file_name a/x.jpg'):
        Predictions(nested.class_names, os.path.join(written, 'detections.json'))


def test_class_and_split_names_that_look_like_paths_make_no_folders(tmp_path):
    names = ('up/down', 'up')
    found = {'a': Detections(np.array([[3., 5., 9., 5.]] * 2), np.array([.9, .8]), np.array([1, 2]))}
    write_voc_detections(str(tmp_path), 'Segmentation/val', names, found)
    assert sorted(os.listdir(str(tmp_path))) == ['comp4_det_Segmentation%2Fval_up%2Fdown.txt', 'comp4_det_Segmentation%2Fval_up.txt']
    assert read_voc_detections(str(tmp_path), names)['a'].classes.tolist() == [1, 2]
