import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of, make_anchors
from blitznet_estimator.config import Config
from blitznet_estimator.presets import PRESETS, preset_config


def test_the_anchors_of_a_cell_by_hand():
    anchors = make_anchors([(1, 2)], (.2, .3, .9), [(4,)])
    large = (.2 * .3) ** .5
    shapes = [(.2, .2), (.1, .4), (.4, .1), (large, large)]  # small square; wide and high, of the same area; large square
    expected = [(.5, cx) + shape for cx in (.25, .75) for shape in shapes]  # the left cell first
    np.testing.assert_allclose(anchors, expected, rtol=1e-6)


@pytest.mark.parametrize('preset', sorted(PRESETS))
def test_a_network_has_as_many_anchors_as_it_says(preset):
    network = preset_config(preset).network
    assert anchors_of(network).shape == (network.num_anchors, 4) and anchors_of(network).dtype == np.float32


def test_they_are_made_once_and_stay_as_they_are():
    network, other = (Config.from_json(preset_config('tiny').to_json()).network for _ in range(2))
    assert anchors_of(network) is anchors_of(other)
    with pytest.raises(ValueError):
        anchors_of(network)[0] = 0
