"""The scorer, its segmentation part and its table."""
import json
import types

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import segmentation
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.evaluation.segmentation import SegmentationScorer, class_iou, confusion_matrix
from blitznet_estimator.evaluation.table import format_table


def sample(mask=None, boxes=(), classes=(), filename='a.jpg'):
    none = np.zeros(len(classes), bool)
    return types.SimpleNamespace(boxes=np.array(boxes, float).reshape(-1, 4), classes=np.array(classes, int), has_boxes=True,
                                 difficult=none, crowd=none, mask=lambda: mask, filename=filename)


def prediction(segmentation, boxes=(), classes=(), scores=()):
    return {'boxes': np.array(boxes, float).reshape(-1, 4), 'classes': np.array(classes, int), 'scores': np.array(scores, float),
            'segmentation': segmentation}


TRUTH = np.array([[0, 0, 1], [1, 255, 2]], np.uint8)
FOUND = np.array([[0, 1, 1], [1, 2, 0]], np.uint8)


def test_confusion_matrix_leaves_unlabelled_pixels_out():
    matrix = confusion_matrix(TRUTH, FOUND, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(class_iou(matrix), [1 / 3, 2 / 3, 0, np.nan])


@pytest.mark.parametrize('countable', [1 << 24, 40])
def test_confusion_matrix_counts_every_pair(countable, monkeypatch):
    """Also by bands of rows, as OpenCV counts in float32, and of the corner of a larger mask."""
    monkeypatch.setattr(segmentation, '_COUNTABLE', countable)
    random = np.random.RandomState(0)
    truth, found = random.randint(0, 21, (9, 13)).astype(np.uint8), random.randint(0, 21, (12, 16)).astype(np.uint8)[:9, :13]
    expected = np.zeros((21, 21), int)
    np.add.at(expected, (truth, found), 1)
    np.testing.assert_array_equal(confusion_matrix(truth, found, 21), expected)


def test_mean_iou_and_pixel_accuracy():
    result = Scorer(('cat', 'dog', 'cow'), ('miou',))
    result.update(prediction(FOUND), sample(TRUTH))
    result.update(prediction(FOUND), sample(None))  # without a mask: left out
    result = result.result()
    assert result['mIoU'] == pytest.approx(1 / 3)  # of background, cat and dog; cow does not occur
    assert result['pixel_accuracy'] == pytest.approx(3 / 5)
    assert result['per_class']['cow']['IoU'] is None
    assert [row['num_pixels'] for row in result['per_class'].values()] == [2, 2, 1, 0]
    assert result['num_images'] == 2 and 'mAP_voc07' not in result


def test_a_class_without_labelled_pixels_is_not_in_the_mean():
    """As the background of CamVid: its pixels are classes or unlabelled, and yet it may be predicted."""
    scorer = SegmentationScorer(('cat', 'dog', 'cow'))
    truth, found = np.array([[1, 1, 2, 2, 255]], np.uint8), np.array([[1, 0, 2, 2, 0]], np.uint8)
    scorer.update({'segmentation': found}, sample(truth))
    result = scorer.result()
    assert result['mIoU'] == pytest.approx((1 / 2 + 1) / 2)
    assert [row['IoU'] for row in result['per_class'].values()] == [0, .5, 1, None]  # the predicted background, cat, dog, cow


def test_no_labelled_pixel_at_all():
    scorer = SegmentationScorer(('cat',))
    scorer.update({'segmentation': np.zeros((1, 2), np.uint8)}, sample(np.full((1, 2), 255, np.uint8)))
    assert scorer.result()['mIoU'] is None and scorer.result()['pixel_accuracy'] is None


def test_bad_masks_are_sentences():
    scorer = SegmentationScorer(('cat', 'dog'))
    with pytest.raises(UserError, match=r'b.png: the predicted mask is \(2, 3\) pixels, the labelled mask \(2, 2\)'):
        scorer.update({'segmentation': FOUND}, sample(TRUTH[:, :2], filename='b.png'))
    with pytest.raises(UserError, match='holds class 7, but there are only classes 0 to 2'):
        scorer.update({'segmentation': FOUND}, sample(np.full((2, 3), 7, np.uint8)))


def test_unknown_metric_names_the_nearest():
    with pytest.raises(UserError, match='--metrics=voc7 is unknown. Nearest: voc07'):
        Scorer(('cat',), ('voc7',))


def test_both_tasks_in_json_and_in_a_table():
    scorer = Scorer(('cat', 'a long class name'))
    scorer.update(prediction(FOUND[:, :2], [[0, 0, .5, .5]], [1], [.9]), sample(TRUTH[:, :2], [[0, 0, .5, .5]], [1]))
    result = json.loads(json.dumps(scorer.result(), allow_nan=False))
    assert result['mAP_voc07'] == result['mAP_voc12'] == 1
    assert list(result['per_class']) == ['background', 'cat', 'a long class name']
    assert result['per_class']['a long class name']['AP_voc12'] is None and 'AP_voc12' not in result['per_class']['background']
    lines = format_table(result).splitlines()
    assert lines[0].split() == ['class', 'AP07', 'AP12', 'IoU', 'objects', 'difficult', 'pixels']
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[3].split() == ['cat', '1.000', '1.000', '0.500', '1', '0', '1']
    assert lines[4].split()[4:] == ['-', '-', '-', '0', '0', '0']
    assert lines[-2].split() == ['mean,', 'sum', '1.000', '1.000', '0.500', '1', '0', '3']
    assert lines[-1] == '1 images, pixel accuracy 0.667'


def test_one_task_alone():
    assert 'mIoU' not in Scorer(('cat',), heads=['detection']).result()
    only_masks = Scorer(('cat',), heads=['segmentation'])
    only_masks.update({'segmentation': np.zeros((1, 1), np.uint8)}, sample(np.zeros((1, 1), np.uint8)))
    assert only_masks.result()['mIoU'] == 1 and 'AP07' not in format_table(only_masks.result())
    assert Scorer(('cat',)).result()['mAP_voc12'] is None
