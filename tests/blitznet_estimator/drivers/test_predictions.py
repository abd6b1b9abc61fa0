"""Predictions image by image: their times, and what a batch's masks take."""
import tracemalloc

import numpy as np
import pytest

from blitznet_estimator.config import Config
from blitznet_estimator.drivers.predictions import _Share, finished


def test_two_batches_that_come_together_share_their_time():
    """By hand: the start and 4 images in 8 s; then two batches of 4, both after 12 s; then 2 images after 13 s."""
    share = _Share()
    assert share.of(4, 8.) == 2.
    assert [share.of(4, 12.), share.of(4, 12.)] == [1., .5]
    assert share.of(2, 13.) == pytest.approx(1 / 6)


def test_no_mask_is_padded_to_another_images_size():
    """As one array these two take 7.2 GB."""
    sizes = np.array([(1, 60000), (9, 9), (60000, 1)], np.int32)
    batch = {'segmentation': np.random.RandomState(0).rand(3, 4, 4, 2), 'size': sizes, 'source_id': np.array([7, -1, 5])}
    tracemalloc.start()
    found = list(finished(batch, Config()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(one['source_id'], one['segmentation'].shape) for one in found] == [(7, (1, 60000)), (5, (60000, 1))] and peak < 100e6
