import types

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.samples import sample_of


def test_samples_are_found_in_their_order():
    samples = (types.SimpleNamespace(source_id=i) for i in range(5))
    assert [sample_of(samples, i).source_id for i in (0, 3, 4)] == [0, 3, 4]


def test_a_missing_sample_is_named_with_the_reason():
    with pytest.raises(UserError, match='ends before image 2 of the split: its files changed since the run began; start it again[.]$'):
        sample_of(iter(()), 2)
    with pytest.raises(UserError, match='ends before image 2 of the split: another reason[.]$'):
        sample_of(iter(()), 2, 'another reason.')
