import pytest

from blitznet_estimator import checkpoint_selection
from blitznet_estimator.errors import UserError

STEPS = [0, 500, 1000, 1500, 2000]


@pytest.mark.parametrize('text, chosen, missing', [
    ('all', STEPS, []),
    ('last', [2000], []),
    ('1000', [1000], []),
    ('500..1500', [500, 1000, 1500], []),
    ('0..2000:1000', [0, 1000, 2000], []),
    ('500..3000:1000', [500, 1500], [2500]),  # 500, 1500, 2500
    ('700..900', [], []),
    ('700', [], [700]),
    ('last,500,500..1000', [500, 1000, 2000], []),
])
def test_selections(text, chosen, missing):
    checkpoint_selection.check(text)
    assert checkpoint_selection.select(text, STEPS) == (chosen, missing)


def test_where_there_is_no_checkpoint():
    assert checkpoint_selection.select('last', []) == checkpoint_selection.select('all', []) == ([], [])


@pytest.mark.parametrize('text, message', [
    ('lst', '"lst" is none of all, last, STEP'), ('5..', '"5.." is none of'), ('', '"" is none of'), ('-3', '"-3" is none of'),
    ('1,all,x', '"x" is none of'), ('9..3', 'ends before it begins'), ('1..9:0', '0 apart')])
def test_what_is_no_selection(text, message):
    with pytest.raises(UserError, match=message):
        checkpoint_selection.check(text)
