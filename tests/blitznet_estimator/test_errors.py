import pytest

from blitznet_estimator.errors import SHOWN, listed, nearest


@pytest.mark.parametrize('name, known, expected', [
    ('resnet5', ['tiny', 'resnet50'], 'Nearest: resnet50. Known: tiny, resnet50.'),
    ('qqq', ['tiny', 'resnet50'], 'Known: tiny, resnet50.'),
    ('x', [], 'Known: none.'),
])
def test_the_known_names(name, known, expected):
    assert nearest(name, known) == expected


def test_a_list_of_names():
    assert listed((), 2) == 'none' and listed(['a', 1], 2) == 'a, 1' and listed(iter('abcd'), 2) == 'a, b and 2 more'


def test_a_long_list_is_cut():
    assert nearest('', range(1000)).endswith(', %d and %d more.' % (SHOWN - 1, 1000 - SHOWN))
