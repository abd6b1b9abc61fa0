"""Anchors: how many, in which order, and where, by hand and beside the published ones."""
import os

import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of, cell_shapes, make_anchors, map_scales
from blitznet_estimator.config import Config
from blitznet_estimator.presets import preset_config
from tests.paths import GOLDEN


def anchors_and_network(preset, **options):
    network = preset_config(preset, network=options).network
    return anchors_of(network), network


@pytest.mark.parametrize('preset, options, count', [
    ('blitznet300', dict(), 45390),  # 6 (75^2 + 38^2 + 19^2 + 10^2 + 5^2 + 3^2 + 1)
    ('blitznet300', dict(x4=False), 11640),  # the same without 75^2
    ('ssd300', dict(), 8096),  # 4 (37^2 + 3^2 + 1) + 6 (18^2 + 9^2 + 5^2)
    ('blitznet512', dict(), 32766),  # 6 (64^2 + 32^2 + 16^2 + 8^2 + 4^2 + 2^2 + 1)
    ('blitznet512', dict(x4=True), 131070),  # and 6 * 128^2
    ('mobile', dict(), 51210), ('resnet18', dict(), 51210),
    ('lite0', dict(), 51210),  # 6 (80^2 + 40^2 + 20^2 + 10^2 + 5^2 + 3^2 + 1)
    ('tiny', dict(), 8190),  # 6 (32^2 + 16^2 + 8^2 + 4^2 + 2^2 + 1)
])
def test_counts(preset, options, count):
    anchors, network = anchors_and_network(preset, **options)
    assert anchors.shape == (count, 4) and anchors.dtype == np.float32
    assert network.num_anchors == count == sum(h * w * k for (h, w), k in zip(network.grids, network.anchors_per_cell))


def test_scales_go_evenly_from_the_second_map_on():
    assert map_scales((.04, .1, .95), 7) == pytest.approx([.04, .1, .27, .44, .61, .78, .95, 1.12])


def test_shapes_of_a_cell_by_hand():
    """(height, width): the small square, wide and high for each ratio, and the square between the scales .16 and .25."""
    assert np.array(cell_shapes(.16, .25, (4,))) == pytest.approx(np.array([[.16, .16], [.08, .32], [.32, .08], [.2, .2]]))


def test_the_order_is_map_row_column_shape():
    """Two maps of 1 x 2 and 2 x 1 cells with the ratio 4: 4 anchors per cell."""
    anchors = make_anchors([(1, 2), (2, 1)], (.16, .25, .25), [(4,), (4,)])
    assert anchors.shape == (16, 4)
    assert [tuple(center) for center in anchors[::4, :2]] == [(.5, .25), (.5, .75), (.25, .5), (.75, .5)]  # (cy, cx)
    np.testing.assert_allclose(anchors[:4, 2:], [[.16, .16], [.08, .32], [.32, .08], [.2, .2]], atol=1e-6)
    np.testing.assert_array_equal(anchors[4:8, 2:], anchors[:4, 2:])
    np.testing.assert_allclose(anchors[8, 2:], [.25, .25], atol=1e-6)


def test_anchors_reach_beyond_the_image():
    anchors, _ = anchors_and_network('blitznet300')
    assert (anchors[:, :2] - anchors[:, 2:] / 2).min() < 0 and ((anchors[:, :2] > 0) & (anchors[:, :2] < 1)).all()


@pytest.mark.parametrize('name, x4', [('blitznet300_x4', True), ('blitznet300_nox4', False)])
def test_golden_anchors(name, x4):
    anchors, _ = anchors_and_network('blitznet300', x4=x4)
    x, y, w, h = np.load(os.path.join(GOLDEN, 'parts_%s.npz' % name))['anchors_xywh'].T
    np.testing.assert_allclose(anchors, np.stack([y + h / 2, x + w / 2, h, w], axis=1), atol=1e-5)


def test_they_are_made_once_and_stay_as_they_are():
    network, other = (Config.from_json(preset_config('tiny').to_json()).network for _ in range(2))
    assert anchors_of(network) is anchors_of(other)
    with pytest.raises(ValueError):
        anchors_of(network)[0] = 0
