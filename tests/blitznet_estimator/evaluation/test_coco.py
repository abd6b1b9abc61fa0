"""COCO's figures: equal to pycocotools used as its documentation says, and quiet."""
import contextlib
import io
import json
import types

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from blitznet_estimator.evaluation.coco import VALUES, CocoScorer, pixel_boxes
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.evaluation.table import format_table

NAMES = ('cat', 'dog', 'cow')


def sample(boxes, classes, difficult=None, crowd=None, size=(300, 400)):
    none = np.zeros(len(classes), bool)
    return types.SimpleNamespace(boxes=np.array(boxes, float).reshape(-1, 4), classes=np.array(classes, int), has_boxes=True,
                                 difficult=none if difficult is None else np.array(difficult, bool),
                                 crowd=none if crowd is None else np.array(crowd, bool), height=size[0], width=size[1])


def prediction(boxes, classes, scores):
    return {'boxes': np.array(boxes, float).reshape(-1, 4), 'classes': np.array(classes, int), 'scores': np.array(scores, float)}


def random_pairs(images=20):
    rs = np.random.RandomState(7)
    for _ in range(images):
        count = rs.randint(1, 6)
        low = rs.uniform(0, .5, (count, 2))
        boxes = np.concatenate([low, low + rs.uniform(.03, .5, (count, 2))], axis=1)
        kinds = rs.randint(1, 3, count)  # no cow
        found = np.concatenate([boxes + rs.uniform(-.02, .02, boxes.shape), boxes[::-1] + .1])
        yield (prediction(found, np.concatenate([kinds, kinds]), rs.uniform(0, 1, 2 * count)),
               sample(boxes, kinds, crowd=rs.uniform(size=count) < .1))


def by_pycocotools(pairs, folder):
    """The twelve figures from files, by pycocotools alone."""
    truth, found = [], []
    for image, (predicted, labelled) in enumerate(pairs):
        for box, kind, crowd in zip(pixel_boxes(labelled.boxes, (300, 400)), labelled.classes, labelled.crowd):
            truth.append(dict(id=len(truth) + 1, image_id=image, category_id=int(kind), bbox=box.tolist(),
                              area=box[2] * box[3], iscrowd=int(crowd)))
        for box, kind, score in zip(pixel_boxes(predicted['boxes'], (300, 400)), predicted['classes'], predicted['scores']):
            found.append(dict(image_id=image, category_id=int(kind), bbox=box.tolist(), score=score))
    truth = dict(images=[{'id': i} for i in range(image + 1)], annotations=truth,
                 categories=[{'id': i, 'name': name} for i, name in enumerate(NAMES, 1)])
    for name, content in (('truth.json', truth), ('found.json', found)):
        (folder / name).write_text(json.dumps(content))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / 'truth.json'))
        evaluation = COCOeval(coco, coco.loadRes(str(folder / 'found.json')), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def test_equals_pycocotools(tmp_path, capsys):
    pairs = list(random_pairs())
    scorer = Scorer(NAMES, ('voc12', 'coco'))
    for predicted, labelled in pairs:
        scorer.update(predicted, labelled)
    result = scorer.result()
    expected = by_pycocotools(pairs, tmp_path)
    capsys.readouterr()
    np.testing.assert_allclose([result['coco'][name] for name in VALUES], expected, atol=1e-12)
    assert 0 < result['mAP_coco'] == expected[0] < 1
    rows = result['per_class']
    assert rows['cow']['AP_coco'] is None and rows['cow']['AP_voc12'] is None
    assert np.mean([rows['cat']['AP_coco'], rows['dog']['AP_coco']]) == pytest.approx(result['mAP_coco'])
    assert 'AP@.5:.95' in format_table(result) and 'AR_large' in format_table(result)


def test_nothing_is_printed(capsys):
    scorer = CocoScorer(NAMES)
    for pair in random_pairs(2):
        scorer.update(*pair)
    scorer.result()
    assert capsys.readouterr() == ('', '')


def test_perfect_boxes_and_the_sizes():
    """A large object found exactly, nothing small: AP 1, none for the sizes that do not occur."""
    scorer = CocoScorer(NAMES)
    scorer.update(prediction([[0, 0, .5, .5]], [2], [.3]), sample([[0, 0, .5, .5]], [2]))
    figures = scorer.result()['coco']
    assert figures['AP'] == pytest.approx(1) and figures['AP_large'] == pytest.approx(1) and figures['AR_1'] == pytest.approx(1)
    assert figures['AP_small'] is None and figures['AR_medium'] is None


@pytest.mark.parametrize('flag', ['difficult', 'crowd'])
def test_difficult_and_crowd_are_ignored(flag):
    scorer = CocoScorer(NAMES)
    boxes = [[0, 0, .5, .5], [.5, .5, 1, 1]]
    scorer.update(prediction(boxes, [1, 1], [.9, .8]), sample(boxes, [1, 1], **{flag: [True, False]}))
    assert scorer.result()['mAP_coco'] == pytest.approx(1)
    scorer.update(prediction([], [], []), sample(boxes[:1], [1], **{flag: [True]}))  # not missed either
    assert scorer.result()['coco']['AR_100'] == pytest.approx(1)


def test_empty():
    nothing = prediction([], [], [])
    scorer = CocoScorer(NAMES)
    assert scorer.result()['mAP_coco'] is None
    scorer.update(nothing, sample([], []))
    assert scorer.result()['per_class']['cat']['AP_coco'] is None
    scorer.update(nothing, sample([[0, 0, 1, 1]], [1]))
    assert scorer.result()['mAP_coco'] == 0
