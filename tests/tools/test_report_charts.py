"""The charts of a report: what they show, in which order, and in whose colours."""
import io

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image

from blitznet_estimator import fonts
from blitznet_estimator.colors import class_color
from blitznet_estimator.evaluation.detection_ap import Curve
from tools.report import data_charts, error_charts, figures, history_charts, score_charts

NAMES = 'cat', 'dog'
# Of 4 cats: right at .9, wrong at .5, right at .5 and at .255. One dog, found at .7.
CURVES = {'cat': (Curve(np.array([.25, .25, .5, .75]), np.array([1, .5, 2 / 3, .75]), np.array([.9, .5, .5, .255])), 4, 0),
          'dog': (Curve(np.array([1.]), np.array([1.]), np.array([.705])), 1, 0), 'bird': (None, 0, 0)}


def line_colors(figure):
    """Colours of a chart's lines, '#rrggbb'."""
    return [matplotlib.colors.to_hex(line.get_color()) for line in figure.axes[0].lines]


def test_losses_come_first_and_once():
    names = ['AP_voc12/cat', 'coco/AP', 'images_per_second', 'loss', 'loss/bbox', 'loss/total', 'mIoU', 'num_objects/cat', 'optimizer/learning_rate',
             'other', 'train/accuracy', 'best_f1/cat']
    history = {name: [(0, 1.), (1, 2.)] for name in names}
    assert history_charts.training_names(history) == ['loss/total', 'loss/bbox', 'optimizer/learning_rate', 'train/accuracy',
                                                      'images_per_second', 'other']
    assert history_charts.training_names({'loss': [(0, 1.)]}) == ['loss']  # as other code wrote it
    assert history_charts.metric_names(history) == ['coco/AP', 'mIoU']
    assert history_charts.class_groups(history) == {'AP_voc12': {'cat': [(0, 1.), (1, 2.)]}}


def test_one_evaluation_is_no_curve():
    history = {'mIoU': [(5, .5)], 'IoU/cat': [(5, .5)]}
    assert history_charts.metric_names(history) == [] and history_charts.class_groups(history) == {}


def test_the_first_gradients_do_not_flatten_the_others():
    points = [(0, 263.)] + [(step, 5 + (step % 7) / 2.) for step in range(1, 100)]
    axes, = history_charts.curve_chart('optimizer/gradient_norm', points).axes
    assert 4 < axes.get_ylim()[0] < 5 and 8 < axes.get_ylim()[1] < 9
    assert axes.get_title() == 'optimizer/gradient_norm\n263 at step 0 is beyond'


@pytest.mark.parametrize('values', [
    [.002] * 17 + [.0002] * 5 + [.00002],  # drops of a learning rate
    [60, 70, 70, 67, 70, 80, 89, 74, 73, 65, 69, 70],  # a speed with a peak
    [1., 1.], [3.], [np.nan, np.nan]])
def test_what_flattens_nothing_is_shown(values):
    assert history_charts.readable_limits(np.array(values)) is None
    axes, = history_charts.curve_chart('a', list(enumerate(values))).axes
    assert axes.get_title() == 'a'


def test_a_value_that_is_not_finite_harms_no_chart():
    low, high = history_charts.readable_limits(np.array([100., np.nan, np.inf, 1, 2, 1, 2, 1, 2]))
    assert low < 1 and 2 < high < 3
    history_charts.curve_chart('a', list(enumerate([100., np.nan, 1, 2, 1, 2, 1, 2]))).savefig(io.BytesIO())


def test_a_class_has_its_color_in_every_chart():
    curves = {name: [(0, .1), (5, .2)] for name in NAMES + ('background',)}
    assert line_colors(history_charts.class_chart('IoU', curves, NAMES)) == [class_color(1), class_color(2), figures.LINE]
    charts = score_charts.precision_recall_charts(CURVES, {'per_class': {name: dict(
        best_threshold=None, AP_voc12=.5, best_f1=.5) for name in CURVES}})
    assert list(charts) == ['cat', 'dog'] and line_colors(charts['dog']) == [class_color(2)]
    for _, chart in score_charts.threshold_charts(CURVES):
        assert line_colors(chart)[:2] == [class_color(1), class_color(2)]
    bars = data_charts.class_bars({'cat': 1, 'dog': 3, 'background': 2}, NAMES, '').axes[0].patches
    assert [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bars] == [class_color(2), '#b9bcc6', class_color(1)]
    points, = data_charts.box_shapes(data_charts.Boxes(np.array([2, 1]), np.ones(2), np.ones(2))).axes[0].collections
    assert [matplotlib.colors.to_hex(color) for color in points.get_facecolor()] == [class_color(2), class_color(1)]


def test_precision_recall_and_f1_over_the_threshold():
    found = score_charts.threshold_curves(CURVES)
    assert list(found) == ['cat', 'dog'] and found['cat'].shape == (3, 101)
    np.testing.assert_allclose(found['cat'][:, 20], [.75, .75, .75])
    np.testing.assert_allclose(found['cat'][:, 50], [2 / 3, .5, 4 / 7])
    np.testing.assert_allclose(found['cat'][:, 60], [1, .25, .4])
    np.testing.assert_allclose(found['dog'][:, [70, 71]].T, [[1, 1, 1], [1, 0, 0]])
    (title, chart), _, _ = score_charts.threshold_charts(CURVES)
    assert title == 'F1' and chart.axes[0].get_title() == 'F1: mean 0.88 at score 0.00'  # (3/4 + 1) / 2, from the first score on


def test_boxes_of_the_data():
    class Sample:
        boxes, classes = np.array([[0, 0, .5, .25], [.1, .1, .2, .3]], np.float32), np.array([1, 2])

    statistics = data_charts.BoxStatistics()
    assert data_charts.box_shapes(statistics.result()) is None and data_charts.box_sides(statistics.result()) is None
    statistics.update(Sample)
    Sample.boxes, Sample.classes = np.zeros((0, 4), np.float32), np.zeros(0)
    statistics.update(Sample)
    boxes = statistics.result()
    np.testing.assert_allclose([boxes.height, boxes.width], [[.5, .1], [.25, .2]], rtol=1e-6)
    assert boxes.classes.tolist() == [1, 2]


def test_many_classes_are_the_most_frequent():
    names = tuple('class %d' % i for i in range(100))
    axes, = data_charts.class_bars({name: i for i, name in enumerate(names)}, names, 'objects').axes
    assert axes.get_title() == 'objects (40 most frequent of 100)' and len(axes.patches) == 40
    assert axes.get_yticklabels()[0].get_text() == 'class 99'


def test_charts_of_nothing():
    assert error_charts.confusion_chart(np.zeros((3, 3)), 'abc', '') is None
    assert error_charts.causes_chart({'cat': {'right': 0}}, '') is None
    assert score_charts.precision_recall_charts({'cat': (None, 0, 0)}, {}) == {} and score_charts.threshold_charts({'cat': (None, 0, 0)}) == []
    assert data_charts.class_bars({'cat': 0}, NAMES, '') is None and data_charts.class_bars({}, NAMES, '') is None


@pytest.mark.parametrize('names, is_there', [(('cat', 'Fußgänger'), True), (('汽车',), bool(fonts.packaged()))])
def test_names_in_charts_have_their_letters(names, is_there, recwarn):
    with matplotlib.rc_context(figures.letters(names)):
        chart = history_charts.class_chart(names[-1], {names[0]: [(0, 1.)]}, names)
        picture = io.BytesIO()
        chart.savefig(picture, format='png')
    assert not is_there or not [warning for warning in recwarn if 'missing from' in str(warning.message)]
    assert Image.open(picture).size[1] == 600
