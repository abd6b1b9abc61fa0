"""The colours of classes: how far apart they look, and that text on them can be read."""
import numpy as np
import pytest

from blitznet_estimator import colors
from tests.blitznet_estimator.color_difference import ciede2000, lab_of


def least_difference(rgb):
    lab = lab_of(rgb)
    return (ciede2000(lab, lab) + 1e3 * np.eye(len(lab))).min()


def test_the_measure_is_the_published_one():
    """Pairs of the paper's table."""
    lab = np.array([[50, 2.6772, -79.7751], [50, 2.5, 0], [60.2574, -34.0099, 36.2677]])
    other = np.array([[50, 0, -82.7485], [73, 25, -18], [60.4626, -34.1751, 39.4387]])
    np.testing.assert_allclose(np.diag(ciede2000(lab, other)), [2.0425, 27.1492, 1.2644], atol=1e-4)


@pytest.mark.parametrize('classes, difference', [(11, 25), (20, 15), (40, 10), (80, 7), (255, 2.3)])
def test_classes_look_different(classes, difference):
    assert least_difference(colors.palette(classes + 1)[1:]) > difference


def test_the_streets_of_camvid():
    """Sky and pavement were two greens, building and fence two pinks."""
    names = 'car pedestrian bicyclist sign road building sky tree pavement pole fence'.split()
    blended = dict(zip(names, .4 * colors.palette(12)[1:] + .6 * 128))  # as on a grey street
    for one, other in (('building', 'fence'), ('sky', 'pavement'), ('road', 'pavement'), ('tree', 'fence')):
        assert least_difference([blended[one], blended[other]]) > 15


def test_a_class_keeps_its_color():
    palette = colors.palette(256)
    assert palette.shape == (256, 3) and palette.dtype == np.uint8 and not palette[0].any()
    np.testing.assert_array_equal(colors.palette(5), palette[:5])
    assert len(colors.palette(1)) == 1
    assert colors.class_color(0) == '#000000' and colors.class_color(1) == '#%02x%02x%02x' % tuple(palette[1])


def test_text_has_contrast():
    for color in colors.palette(256)[1:]:
        luminance = [float((np.array(c) / 255.) ** 2.2 @ [.2126, .7152, .0722]) for c in (color, colors.text_color(color))]
        assert (max(luminance) + .05) / (min(luminance) + .05) > 4.5  # WCAG's level AA
