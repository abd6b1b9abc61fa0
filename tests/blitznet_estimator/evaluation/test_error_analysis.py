"""The causes of mistakes, on images whose answers can be read off."""
import types

import numpy as np

from blitznet_estimator.evaluation.confusable_classes import similar_classes
from blitznet_estimator.evaluation.error_analysis import ErrorAnalysis

NAMES = ('cat', 'dog', 'car')  # cats and dogs are similar
BOX = [0, 0, .5, .5]


def sample(boxes, classes, difficult=None, has_boxes=True):
    none = np.zeros(len(classes), bool)
    return types.SimpleNamespace(boxes=np.array(boxes, float).reshape(-1, 4), classes=np.array(classes, int), crowd=none,
                                 difficult=none if difficult is None else np.array(difficult, bool),
                                 has_boxes=has_boxes, height=100, width=100)


def prediction(boxes, classes, scores):
    return {'boxes': np.array(boxes, float).reshape(-1, 4), 'classes': np.array(classes, int), 'scores': np.array(scores, float)}


def analyse(*pairs):
    analysis = ErrorAnalysis(NAMES)
    for found, truth in pairs:
        analysis.update(found, truth)
    return analysis.result()


def test_similar_classes_by_name():
    similar = similar_classes(('Cat', 'dog', 'car', 'whatever'))
    assert np.argwhere(similar).tolist() == [[1, 2], [2, 1]]


def test_each_cause():
    """Five cats are looked for, so that five of the six detections are looked at: right, a second hit, near, on a dog, on a car."""
    truth = sample([BOX, [.6, 0, 1, .4], [0, .6, .4, 1], [.6, .6, .7, .7], [.8, .8, .9, .9], [.5, .5, .59, .59], [.45, .45, .49, .49]],
                   [1, 2, 3, 1, 1, 1, 1])
    found = prediction([BOX, [0, 0, .5, .45], [0, 0, .2, .2], [.6, 0, 1, .4], [0, .6, .4, 1], [.9, 0, 1, .1]], [1] * 6,
                       [.9, .8, .7, .6, .5, .4])
    result = analyse((found, truth))
    assert result['right'] == {'cat': 1, 'dog': 0, 'car': 0}
    assert result['false_positives']['cat'] == {'localisation': 2, 'similar class': 1, 'other class': 1, 'background': 0}
    assert result['false_positives_by_size']['small'] == {'localisation': 1, 'similar class': 0, 'other class': 0, 'background': 0}
    assert result['false_positives_by_size']['medium'] == {'localisation': 1, 'similar class': 1, 'other class': 1, 'background': 0}
    assert result['objects']['medium'] == {'found': 1, 'missed': 2}
    assert result['objects']['small'] == {'found': 0, 'missed': 4}
    assert result['confusion'] == [[0, 2, 0, 0], [4, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]]


def test_background():
    result = analyse((prediction([[.6, .6, 1, 1]], [3], [.9]), sample([BOX], [3])))
    assert result['false_positives']['car'] == {'localisation': 0, 'similar class': 0, 'other class': 0, 'background': 1}
    assert result['confusion'] == [[0, 0, 0, 1], [0] * 4, [0] * 4, [1, 0, 0, 0]]


def test_difficult_objects_are_neither_right_nor_wrong():
    result = analyse((prediction([BOX, [.6, .6, 1, 1]], [1, 1], [.9, .8]), sample([BOX, [.6, .6, 1, 1]], [1, 1], [True, False])),
                     (prediction([], [], []), sample([BOX], [2], [True])))
    assert result['right']['cat'] == 1 and sum(result['false_positives']['cat'].values()) == 0
    assert result['objects']['difficult'] == {'found': 1, 'missed': 1}
    assert result['confusion'][1] == [0, 1, 0, 0] and result['confusion'][2] == [0, 0, 0, 0]


def test_images_count_on():
    """The second image's object is not the first one's."""
    pair = prediction([BOX], [2], [.9]), sample([BOX], [2])
    assert analyse(pair, pair, (prediction([BOX], [2], [.9]), sample([], [], has_boxes=False)))['right']['dog'] == 2


def test_empty():
    result = analyse()
    assert result['confusion'] == [[0] * 4] * 4 and result['objects']['large'] == {'found': 0, 'missed': 0}
    assert analyse((prediction([BOX], [1], [.5]), sample([], [])))['false_positives']['cat']['background'] == 0
