import pytest

from blitznet_estimator.drivers import start_lines
from blitznet_estimator.presets import preset_config

NAMES = tuple('abcdefgh')


def _lines(about=(5717, 13609, 5823, 59.4e6, 31.2e9), workers=1, **sections):
    config = preset_config('blitznet300', data=dict(dataset='voc12-train'))
    config = config.replace(network=dict(num_classes=9), data=dict(class_names=NAMES), run=dict(model_dir='runs/a'))
    return start_lines.lines(config.replace(**sections), start_lines.About(*about), workers)


def test_four_lines_say_what_is_trained():
    assert _lines() == [
        'data      voc12-train: 5,717 images with 13,609 boxes to train on, 5,823 to evaluate on; 8 classes: a, b, c, d, e, f and 2 more',
        'network   blitznet300: trunk resnet50, 300 x 300 pixels, 59.40 million parameters, 31.20 GFLOP per image',
        'schedule  40000 steps of 32 images (224 epochs), adam at 0.0001, a tenth after 25000 and 35000, '
        'an evaluation every 8000 steps (44.8 epochs)',
        'settings  the recipe of blitznet300 on VOC 2012 (the published VOC 2012 training); all are in runs/a/config.json']


def test_how_many_parameters_are_trained():
    line = _lines((5717, 13609, 5823, 59.4e6, 31.2e9, 12.3e6))[1]
    assert '59.40 million parameters, of which 12.30 million are trained, 31.20 GFLOP' in line


def test_what_differs_from_the_recipe():
    line = _lines(train=dict(learning_rate=.001, lr_decay=()), data=dict(batch_size=8), run=dict(threads=2))[3]
    assert line.split(', but ')[1] == (
        'batch_size 32 -> 8, learning_rate 0.0001 -> 0.001, lr_decay 25000,35000 -> none, threads 0 -> 2; all are in runs/a/config.json')


def test_the_precision_that_auto_found_is_no_choice_of_the_user():
    assert ', but ' not in _lines(train=dict(precision='mixed'))[3]  # the line that names the device says it


@pytest.mark.parametrize('every, text', [(0, 'an evaluation at the end'), (40000, 'an evaluation at the end'), (500, 'every 500 steps (2.8 epochs)')])
def test_when_it_is_evaluated(every, text):
    assert _lines(run=dict(eval_every=every))[2].endswith(text)


def test_another_fall_of_the_rate():
    assert 'adam at 0.0001, falling as a cosine, an' in _lines(train=dict(lr_schedule='cosine', lr_decay=()))[2]


def test_workers_share_the_epochs():
    assert '40000 steps of 256 images (1791 epochs)' in _lines(workers=8)[2]
