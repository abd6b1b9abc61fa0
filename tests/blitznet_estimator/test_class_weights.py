"""Weights of the segmentation's classes, by hand."""
import pytest

from blitznet_estimator import class_weights
from blitznet_estimator.drivers import start_lines
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config

# Two images of 100 pixels: 80 and 90 of class 0, 20 of class 1 in the first, 10 of class 2 in the second; none of class 3.
COUNTS = [[170, 200], [20, 100], [10, 100]]


def config(text, classes=4):
    return preset_config('tiny', network=dict(num_classes=classes), data=dict(class_names=('car', 'tree', 'sky')), train=dict(class_weights=text))


@pytest.mark.parametrize('text, weights', [
    # frequencies .85, .2 and .1, whose median is .2
    ('median', (.235294, 1., 2., 1.)),
    # 200 pixels of three classes are 66.67 of each
    ('balanced', (.392157, 3.33333, 6.66667, 1.)),
    ('0.5,1,2,0', (.5, 1., 2., 0.)),
    ('none', ())])
def test_by_hand(text, weights):
    found = class_weights.resolved(config(text), lambda: COUNTS).train.pixel_weights
    assert found == pytest.approx(weights, rel=1e-5)


def test_nothing_is_counted_for_given_ones():
    assert class_weights.resolved(config('1,1,1,1'), None).train.pixel_weights == (1., 1., 1., 1.)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match='--class_weights has 3 weights, and there are 4 classes.*: background, car, tree, sky'):
        class_weights.resolved(config('1,2,3'), None)
    with pytest.raises(UserError, match='--class_weights=median: no pixel of the training split has a label'):
        class_weights.resolved(config('median'), lambda: [])


def test_the_log_says_each():
    about = start_lines.About(1, 1, 1, 1e6, 1e9)
    lines = start_lines.lines(class_weights.resolved(config('median'), lambda: COUNTS), about, 1)
    assert lines[-1] == 'weights   of pixels (median): background 0.235, car 1, tree 2, sky 1'
    assert ', but class_weights none -> median; all are in' in lines[-2]
    assert len(start_lines.lines(config('none'), about, 1)) == len(lines) - 1
