"""Scoring files: what is written and read back scores as it did, in each form; wrong files are sentences."""
import json
import os
import shutil

import numpy as np
import pytest

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import prediction_formats, prediction_writer
from blitznet_estimator.evaluation.scorer import Scorer
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.tools.fake_predictions import near_truth
from tools import score as tool


@pytest.fixture(scope='module')
def split(tmp_path_factory):
    """(arguments that name it, class names, samples, their predictions, folder that PredictionWriter wrote, metrics)."""
    root = tmp_path_factory.mktemp('score')
    source = open_dataset(DataConfig(dataset='shapes_small', prepared_dir=str(root)), 'eval')
    samples = list(read_samples(source))
    scorer = Scorer(source.class_names)
    writer = prediction_writer.PredictionWriter(str(root / 'evaluation'), source.class_names)
    for sample in samples:
        for sink in (scorer, writer):
            sink.update(near_truth(sample), sample)
    writer.close()
    return ['--dataset=shapes_small', '--prepared_dir=%s' % root], source.class_names, samples, root / 'evaluation', scorer.result()


def assert_same(result, expected, keys=('mAP_voc07', 'mAP_voc12', 'mIoU', 'pixel_accuracy')):
    for key in keys:
        assert 0 < result[key] < 1 and result[key] == pytest.approx(expected[key], abs=1e-6), key
    assert result['num_images'] == expected['num_images'] == 8


def test_coco_json_and_masks(split, tmp_path, capsys):
    arguments, _, _, folder, expected = split
    output = tmp_path / 'metrics.json'
    result = tool.main(arguments + ['--detections=%s' % (folder / 'detections.json'), '--masks=%s' % (folder / 'masks'),
                                    '--output=%s' % output])
    assert_same(result, expected)
    assert json.loads(output.read_text()) == result
    printed = capsys.readouterr().out
    assert 'shapes, split val' in printed and 'mean, sum' in printed


def test_ids_without_annotations(split, tmp_path):
    arguments, _, _, folder, expected = split
    shutil.copy(str(folder / 'detections.json'), str(tmp_path))
    assert not (tmp_path / 'annotations.json').exists()
    result = tool.main(arguments + ['--detections=%s' % (tmp_path / 'detections.json'), '--metrics=voc07,voc12,coco'])
    assert_same(result, expected, ('mAP_voc07', 'mAP_voc12'))
    assert 0 < result['mAP_coco'] < 1 and 'mIoU' not in result


def test_coco_ids_of_another_file(split, tmp_path):
    """Image ids from 1000, categories numbered and spelled otherwise: the annotations file says what they are."""
    arguments, names, _, folder, expected = split
    annotations, rows = [json.loads((folder / name).read_text()) for name in ('annotations.json', 'detections.json')]
    for image in annotations['images']:
        image['id'] += 1000
    for category in annotations['categories']:
        category['id'] *= 9
    for row in rows:
        row['image_id'] += 1000
        row['category_id'] *= 9
    for name, content in (('instances.json', annotations), ('results.json', rows)):
        (tmp_path / name).write_text(json.dumps(content))
    given = arguments + ['--detections=%s' % (tmp_path / 'results.json')]
    assert_same(tool.main(given + ['--annotations=%s' % (tmp_path / 'instances.json')]), expected, ('mAP_voc12',))
    with pytest.raises(UserError, match='entry 0: category [0-9]+ is none of the 8 classes'):
        tool.main(given)


def test_voc_files(split, tmp_path):
    arguments, names, samples, folder, expected = split
    tool.main(arguments + ['--detections=%s' % (folder / 'detections.json'), '--write_voc=%s' % tmp_path])
    assert sorted(os.listdir(str(tmp_path))) == sorted('comp4_det_val_%s.txt' % name for name in names)
    first = (tmp_path / ('comp4_det_val_%s.txt' % names[samples[0].classes[0] - 1])).read_text().split()
    assert first[0] == 'val_00000' and len(first) % 6 == 0
    assert_same(tool.main(arguments + ['--detections=%s' % tmp_path]), expected, ('mAP_voc07', 'mAP_voc12'))


def test_what_is_written_is_what_pycocotools_reads(split):
    from pycocotools.coco import COCO
    _, names, samples, folder, _ = split
    coco = COCO(str(folder / 'annotations.json'))
    found = coco.loadRes(str(folder / 'detections.json'))
    assert len(coco.getImgIds()) == 8 and [c['name'] for c in coco.loadCats(coco.getCatIds())] == list(names)
    prediction = near_truth(samples[3])
    rows = found.loadAnns(found.getAnnIds(imgIds=[3]))
    np.testing.assert_allclose([row['score'] for row in rows], prediction['scores'], rtol=1e-6)
    boxes = prediction_writer.pixel_boxes(prediction['boxes'], (samples[3].height, samples[3].width))
    np.testing.assert_allclose([row['bbox'] for row in rows], boxes, rtol=1e-5, atol=1e-4)


def test_detections_of_another_split(split, tmp_path):
    arguments, _, _, folder, _ = split
    row = dict(image_id=8, category_id=1, bbox=[0, 0, 1, 1], score=.5)
    (tmp_path / 'd.json').write_text(json.dumps([row]))
    with pytest.raises(UserError, match='1 of the 1 images with detections are not among the 8 images of the split, for example 8'):
        tool.main(arguments + ['--detections=%s' % (tmp_path / 'd.json')])


@pytest.mark.parametrize('text, message', [
    ('{}', 'is not a COCO results file'), ('[', 'not a readable JSON file'), ('[{"image_id": 1}]', 'entry 0 has no usable'),
    ('[{"image_id": 1, "category_id": 1, "score": 1, "bbox": [1, 2]}]', 'entry 0 has no usable'),
    ('[{"image_id": 1, "category_id": 9, "score": 1, "bbox": [1, 2, 3, 4]}]', 'category 9 is none of the 8 classes')])
def test_bad_json(split, tmp_path, text, message):
    (tmp_path / 'd.json').write_text(text)
    with pytest.raises(UserError, match=message):
        tool.main(split[0] + ['--detections=%s' % (tmp_path / 'd.json')])


def test_bad_voc_files(split, tmp_path):
    with pytest.raises(UserError, match='holds no comp4_det_SPLIT_CLASS.txt'):
        tool.main(split[0] + ['--detections=%s' % tmp_path])
    (tmp_path / 'comp4_det_val_ring.txt').write_text('val_00000 .5 1 1 9 9\nval_00001 .5 1 1\n')
    with pytest.raises(UserError, match='comp4_det_val_ring.txt, line 2: "val_00001 .5 1 1" is not'):
        tool.main(split[0] + ['--detections=%s' % tmp_path])


def test_missing_files(split, tmp_path):
    with pytest.raises(UserError, match='--detections=.*d.json: there is no such file or folder'):
        tool.main(split[0] + ['--detections=%s' % (tmp_path / 'd.json')])
    with pytest.raises(UserError, match='val_00000.png, the mask for val_00000.jpg, cannot be read'):
        tool.main(split[0] + ['--masks=%s' % tmp_path])
    with pytest.raises(UserError, match='--masks=.*no: there is no such file or folder'):
        tool.main(split[0] + ['--masks=%s' % (tmp_path / 'no')])
    with pytest.raises(UserError, match='Nothing to score'):
        tool.main(split[0])


def test_predictions_appear_when_all_are_there(split, tmp_path):
    writer = prediction_writer.PredictionWriter(str(tmp_path), split[1])
    assert not (tmp_path / 'detections.json').exists()
    writer.close()
    assert json.loads((tmp_path / 'detections.json').read_text()) == [] and len(list(tmp_path.iterdir())) == 2


def test_files_of_unknown_classes_and_what_is_no_number_are_told(tmp_path, caplog):
    (tmp_path / 'comp4_det_val_cat.txt').write_text('a .5 1 1 9 9\n')
    (tmp_path / 'comp4_det_val_Dog.txt').write_text('a .5 1 1 9 9\n')
    assert list(prediction_formats.read_voc_detections(str(tmp_path), ['cat', 'dog'])) == ['a']
    assert 'left out, as the dataset has no such class: comp4_det_val_Dog.txt.' in caplog.text
    (tmp_path / 'comp4_det_val_cat.txt').write_text('a nan 1 1 9 9\n')
    with pytest.raises(UserError, match='comp4_det_val_cat.txt, line 1: "a nan 1 1 9 9" is not image, score'):
        prediction_formats.read_voc_detections(str(tmp_path), ['cat', 'dog'])


@pytest.mark.parametrize('content, said', [
    (b'a .5 1 1 9 9\n\xff .5 1 1 9 9\n', 'comp4_det_val_cat.txt cannot be read .*utf-8'),
    (b'a .5 -1e308 1 1e308 9\n', 'line 1: .* is not image, score'),
    (b'\na 1e999 1 1 9 9', 'line 2: .* is not image, score')])
def test_damaged_files_of_voc_are_sentences(tmp_path, content, said):
    (tmp_path / 'comp4_det_val_cat.txt').write_bytes(content)
    with pytest.raises(UserError, match=said):
        prediction_formats.read_voc_detections(str(tmp_path), ['cat'])


@pytest.mark.parametrize('field, value', [('score', 10 ** 400), ('bbox', [1, 2, 3, 10 ** 400]), ('score', [1]), ('bbox', {}), ('image_id', [1])])
def test_numbers_that_no_float_holds_are_sentences(tmp_path, field, value):
    row = dict({'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': .5}, **{field: value})
    (tmp_path / 'd.json').write_text(json.dumps([row]))
    with pytest.raises(UserError, match='d.json, entry 0 has no usable image_id, category_id, bbox and score'):
        prediction_formats.read_coco_detections(str(tmp_path / 'd.json'), ['cat'])


def test_a_stem_may_hold_spaces(tmp_path):
    found = {'a b': prediction_formats.Detections(np.array([[1., 2., 3., 4.]]), np.array([.5]), np.array([1]))}
    prediction_formats.write_voc_detections(str(tmp_path), 'val', ('cat',), found)
    read = prediction_formats.read_voc_detections(str(tmp_path), ['cat'])
    assert list(read) == ['a b'] and read['a b'].boxes.tolist() == [[1, 2, 3, 4]]
