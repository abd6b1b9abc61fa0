"""Memory of a long run: how its growth is judged, and that it stays under a megabyte per cycle of training and evaluation."""
import pytest

from blitznet_estimator.presets import preset_config
from input_fn.classes import with_classes
from tools.benchmarks import growth

CYCLES = 20  # of the slope of 6 sizes, one in some runs was 1.1 MB; that of 16 is steadier


def test_the_slope_is_that_of_most_pairs():
    assert growth.slope([700.]) == 0  # one cycle is no trend
    assert growth.slope([700., 702., 704., 706.]) == 2
    assert growth.slope([700., 702., 750., 706., 708.]) == 2  # one that kept more is given back
    assert growth.slope([700., 701., 700., 701., 640., 639.]) < 0


@pytest.mark.slow
def test_a_long_run_grows_by_less_than_a_megabyte_per_cycle(tmp_path):
    """A graph that stays, or what it registered, is many megabytes per cycle. Less is left of it where there are no boxes, and a cycle takes half.

    With a graph that stays it is 60 MB.
    """
    config = preset_config('tiny', network=dict(image_size=64, top_fm=16, n_base_channels=8, detect=False),
                           data=dict(dataset='shapes_small', data_dir=str(tmp_path / 'data'), batch_size=2, eval_batch_size=2),
                           run=dict(model_dir=str(tmp_path / 'model'), platform='cpu', progress=False, max_pictures=0, eval_limit=2))
    found = growth.measure(with_classes(config), str(tmp_path), cycles=CYCLES)
    assert len(found['resident_mb']) == CYCLES and min(found['resident_mb']) > 50
    assert found['mb_a_cycle'] < 1, found
