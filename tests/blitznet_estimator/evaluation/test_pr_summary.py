"""TensorBoard's precision-recall curves: the counts, and that TensorBoard's own plugin understands them."""
import numpy as np
from tensorboard.plugins.pr_curve import metadata
from tensorboard.util import tensor_util

from blitznet_estimator.evaluation.detection_ap import Curve
from blitznet_estimator.evaluation.pr_summary import NUM_THRESHOLDS, pr_curve_values, threshold_counts

# Of 4 objects: right at .9, wrong at .5, right at .5 and at .255.
CURVE = Curve(np.array([.25, .25, .5, .75]), np.array([1, .5, 2 / 3, .75]), np.array([.9, .5, .5, .255]))


def test_counts():
    counts = threshold_counts(CURVE, 4)
    assert counts.shape == (6, NUM_THRESHOLDS)
    assert counts[:, 0].tolist() == counts[:, 25].tolist() == [3, 1, 0, 1, .75, .75]
    np.testing.assert_allclose(counts[:, 26], [2, 1, 0, 2, 2 / 3, .5])
    np.testing.assert_allclose(counts[:, 50], [2, 1, 0, 2, 2 / 3, .5])
    assert counts[:, 51].tolist() == counts[:, 90].tolist() == [1, 0, 0, 3, 1, .25]
    assert counts[:, 91].tolist() == counts[:, 100].tolist() == [0, 0, 0, 4, 1, 0]


def test_without_detections():
    nothing = Curve(np.zeros(0), np.zeros(0), np.zeros(0))
    assert threshold_counts(nothing, 2)[:, 50].tolist() == [0, 0, 0, 2, 1, 0]


def test_tensorboard_reads_them():
    values = pr_curve_values({'cat': (CURVE, 4, 0), 'dog': (CURVE, 0, 3)})
    assert [value.tag for value in values] == ['pr/cat']
    assert values[0].metadata.plugin_data.plugin_name == metadata.PLUGIN_NAME
    assert metadata.parse_plugin_metadata(values[0].metadata.plugin_data.content).num_thresholds == NUM_THRESHOLDS
    np.testing.assert_allclose(tensor_util.make_ndarray(values[0].tensor), threshold_counts(CURVE, 4))
