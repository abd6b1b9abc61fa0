"""The words of --tta, and what they cost."""
import pytest

from blitznet_estimator import tta
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config


@pytest.mark.parametrize('text, scales, flip, count, cost', [
    ('flip', (1.,), True, 2, 2.), ('scales:0.5,1', (.5, 1.), False, 2, 1.25), ('scales:0.5,1,flip', (.5, 1.), True, 4, 2.5),
    ('flip,scales:1,1', (1.,), True, 2, 2.)])
def test_words(text, scales, flip, count, cost):
    views = tta.parse(text.split(','))
    assert views == tta.Views(scales, flip)
    assert (views.count, views.cost) == (count, cost)


@pytest.mark.parametrize('text, said', [
    ('mirror', '"mirror" is neither flip nor a scale'), ('1,flip', '"1" is neither'), ('scales:0.1', '"scales:0.1"'), ('scales:1,x', '"x"'),
    ('scales:', '"scales:"'), ('scales:nan', '"scales:nan"')])
def test_other_words_are_refused(text, said):
    with pytest.raises(UserError, match=said):
        tta.parse(text.split(','))


def test_a_scale_keeps_the_number_of_maps():
    network = preset_config('blitznet300', network=dict(num_classes=21)).network
    assert tta.network_of(network, 1.25).image_size == 375
    assert tta.network_of(preset_config('tiny').network, .75).image_size == 97  # 96 pixels have a map fewer: 24, 12, 6, 3, 2
    with pytest.raises(UserError, match='at the scale 2 an image has 600 pixels'):
        tta.network_of(network, 2.)
