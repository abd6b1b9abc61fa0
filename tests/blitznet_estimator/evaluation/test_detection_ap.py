"""VOC AP: against published figures, a plain loop, and numbers a reader can check."""
import os
import time
import types

import numpy as np
import pytest

from blitznet_estimator.evaluation.detection_ap import Curve, DetectionScorer, ap_voc07, ap_voc12, best_f1, best_overlaps
from tests.paths import GOLDEN as GOLDEN_FILES

GOLDEN = os.path.join(GOLDEN_FILES, 'voc_ap.npz')


def sample(boxes, classes, difficult=None, crowd=None, has_boxes=True):
    none = np.zeros(len(classes), bool)
    return types.SimpleNamespace(boxes=np.array(boxes, float).reshape(-1, 4), classes=np.array(classes, int), has_boxes=has_boxes,
                                 difficult=none if difficult is None else np.array(difficult, bool),
                                 crowd=none if crowd is None else np.array(crowd, bool))


def prediction(boxes, classes, scores):
    return {'boxes': np.array(boxes, float).reshape(-1, 4), 'classes': np.array(classes, int), 'scores': np.array(scores, float)}


def score(pairs, names=('cat', 'dog')):
    scorer = DetectionScorer(names)
    for found, truth in pairs:
        scorer.update(found, truth)
    return scorer.result()


def xywh_to_yxyx(boxes):
    return np.stack([boxes[:, 1], boxes[:, 0], boxes[:, 1] + boxes[:, 3], boxes[:, 0] + boxes[:, 2]], axis=1)


def test_golden_figures():
    with np.load(GOLDEN) as golden:
        truth, found = golden['seed30/gt'], golden['seed30/detections']
        ap07, ap12 = golden['seed30/ap_voc07'], golden['seed30/ap_voc12']
    names = ['class %d' % i for i in range(1, 21)]
    pairs = []
    for image in range(int(max(truth[:, 0].max(), found[:, 0].max())) + 1):
        objects, detections = truth[truth[:, 0] == image], found[found[:, 0] == image]
        pairs.append((prediction(xywh_to_yxyx(detections[:, 3:]), detections[:, 1], detections[:, 2]),
                      sample(xywh_to_yxyx(objects[:, 3:]), objects[:, 1], objects[:, 2])))
    per_class = score(pairs, names)['per_class']
    np.testing.assert_allclose([per_class[name]['AP_voc07'] for name in names], ap07, atol=1e-6)
    np.testing.assert_allclose([per_class[name]['AP_voc12'] for name in names], ap12, atol=1e-6)


def test_two_of_three_found():
    """Hits at ranks 1 and 3 of 3 objects: recall 1/3 at precision 1, then 2/3 at precision 2/3."""
    found = prediction([[0, 0, 1, 1], [50, 50, 51, 51], [2, 2, 3, 3]], [1, 1, 1], [.9, .8, .7])
    result = score([(found, sample([[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]], [1, 1, 1]))])
    row = result['per_class']['cat']
    assert row['AP_voc12'] == pytest.approx(1 / 3 + 2 / 9)
    assert row['AP_voc07'] == pytest.approx((4 + 3 * 2 / 3) / 11)  # recalls 0 to .3, then .4 to .6
    assert (row['num_objects'], row['num_detections']) == (3, 3)
    assert row['best_f1'] == pytest.approx(2 / 3) and row['best_threshold'] == .7
    assert result['per_class']['dog']['AP_voc12'] is None
    assert result['mAP_voc12'] == row['AP_voc12']  # a class without objects does not count


def test_a_second_hit_of_a_box_is_wrong():
    found = prediction([[0, 0, 10, 10], [0, 0, 10, 9]], [1, 1], [.5, .6])
    result = score([(found, sample([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 1]))])
    assert result['per_class']['cat']['AP_voc12'] == .5  # the better scored one is right, the other is a miss after it


def test_overlap_of_exactly_half_is_wrong():
    found = prediction([[0, 0, 10, 5]], [1], [.5])
    assert score([(found, sample([[0, 0, 10, 10]], [1]))])['mAP_voc12'] == 0


@pytest.mark.parametrize('flag', ['difficult', 'crowd'])
def test_difficult_and_crowd_boxes_neither_count_nor_hurt(flag):
    found = prediction([[0, 0, 10, 10], [0, 0, 10, 10], [20, 20, 30, 30]], [1, 1, 1], [.9, .8, .7])
    result = score([(found, sample([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 1], **{flag: [True, False]}))])
    row = result['per_class']['cat']
    assert row['AP_voc12'] == row['AP_voc07'] == 1
    assert (row['num_objects'], row['num_difficult'], row['num_detections']) == (1, 1, 1)


def test_other_classes_and_unlabelled_images_do_not_meet():
    found = prediction([[0, 0, 10, 10]], [2], [.9])
    result = score([(found, sample([[0, 0, 10, 10]], [1])), (found, sample([], [], has_boxes=False))])
    assert result['per_class']['cat']['AP_voc12'] == 0
    assert result['per_class']['dog']['num_detections'] == 1


def test_empty_in_empty_out():
    assert score([])['mAP_voc07'] is None
    nothing = prediction([], [], [])
    assert score([(nothing, sample([], []))])['mAP_voc12'] is None
    assert score([(nothing, sample([[0, 0, 1, 1]], [1]))])['mAP_voc12'] == 0
    assert best_f1(Curve(np.zeros(0), np.zeros(0), np.zeros(0))) == (0, None, 0, 0)


def test_a_threshold_does_not_part_equal_scores():
    """Of two equally scored detections only the first is right: at that threshold precision is 1/2."""
    curve = Curve(np.array([1., 1.]), np.array([1., .5]), np.array([.8, .8]))
    assert best_f1(curve) == (pytest.approx(2 / 3), .8, .5, 1.)


def test_the_first_of_equal_overlaps_is_taken():
    index, overlap = best_overlaps([[0, 0, 2, 2]], [1], [[0, 0, 2, 4], [0, 0, 4, 2]], [1, 1])
    assert index[0] == 0 and overlap[0] == .5


def plain_ap(pairs, number, rule):
    """AP of one class by a loop over the detections, as the VOC development kit goes about it."""
    everything = sorted(((score, image, box) for image, (found, _) in enumerate(pairs)
                         for box, kind, score in zip(found['boxes'], found['classes'], found['scores']) if kind == number),
                        key=lambda item: -item[0])
    count = sum(int(np.sum((truth.classes == number) & ~truth.difficult)) for _, truth in pairs)
    taken, right, wrong, curve = set(), 0, 0, []
    for _, image, box in everything:
        truth = pairs[image][1]
        best, best_iou = None, 0
        for i in np.flatnonzero(truth.classes == number):
            other = truth.boxes[i]
            sides = [max(min(box[k + 2], other[k + 2]) - max(box[k], other[k]), 0) for k in (0, 1)]
            inter = sides[0] * sides[1]
            union = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)) - inter
            if inter / union > best_iou:
                best, best_iou = (image, i), inter / union
        if best_iou > .5 and truth.difficult[best[1]]:
            continue
        if best_iou > .5 and best not in taken:
            taken.add(best)
            right += 1
        else:
            wrong += 1
        curve.append((right / count, right / (right + wrong)))
    if rule is ap_voc07:
        return sum(max([p for r, p in curve if r >= t] or [0]) for t in np.arange(0, 1.1, .1)) / 11
    area, before = 0, 0
    for i, (recall, _) in enumerate(curve):
        area += (recall - before) * max(p for _, p in curve[i:])
        before = recall
    return area


def random_split(images, detections, classes, seed=0):
    """Pairs of predictions and samples; a part of the detections are moved ground truth. Scores tie now and then."""
    rs = np.random.RandomState(seed)
    pairs = []
    for _ in range(images):
        count = rs.randint(0, 6)
        low = rs.uniform(0, .6, (count, 2))
        boxes = np.concatenate([low, low + rs.uniform(.1, .4, (count, 2))], axis=1)
        kinds = rs.randint(1, classes + 1, count)
        low = rs.uniform(0, .6, (detections, 2))
        found = np.concatenate([low, low + rs.uniform(.1, .4, (detections, 2))], axis=1)
        found_kinds = rs.randint(1, classes + 1, detections)
        if count:
            near = rs.randint(0, count, detections // 2)
            found[:len(near)] = boxes[near] + rs.uniform(-.04, .04, (len(near), 4))
            found_kinds[:len(near)] = kinds[near]
        pairs.append((prediction(found, found_kinds, rs.randint(1, 1000, detections) / 1000.),
                      sample(boxes, kinds, rs.uniform(size=count) < .2)))
    return pairs


def test_equals_the_plain_algorithm():
    pairs = random_split(30, 20, 3)
    rows = score(pairs, ('a', 'b', 'c'))['per_class']
    for number, name in enumerate('abc', 1):
        assert rows[name]['AP_voc07'] == pytest.approx(plain_ap(pairs, number, ap_voc07), abs=1e-12)
        assert rows[name]['AP_voc12'] == pytest.approx(plain_ap(pairs, number, ap_voc12), abs=1e-12)
        assert 0 < rows[name]['AP_voc12'] < 1


def test_a_large_split_takes_seconds():
    """A tenth of 5000 images x 200 detections x 20 classes in well under a tenth of 10 s of this process's own time."""
    pairs = random_split(500, 200, 20)
    start = time.process_time()
    assert 0 < score(pairs, ['class %d' % i for i in range(20)])['mAP_voc12'] < 1
    assert time.process_time() - start < 1
