"""The time of each image that a prediction reports."""
import pytest

from blitznet_estimator.drivers.predictions import _Share


def test_two_batches_that_come_together_share_their_time():
    """By hand: the start and 4 images in 8 s; then two batches of 4, both after 12 s; then 2 images after 13 s."""
    share = _Share()
    assert share.of(4, 8.) == 2.
    assert [share.of(4, 12.), share.of(4, 12.)] == [1., .5]
    assert share.of(2, 13.) == pytest.approx(1 / 6)
