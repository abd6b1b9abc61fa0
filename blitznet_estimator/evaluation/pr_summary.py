"""Precision-recall curves for TensorBoard's PR CURVES tab."""
import numpy as np

from blitznet_estimator.runtime import tf

NUM_THRESHOLDS = 101  # 0, .01, ... 1


def pr_curve_values(curves):
    """Summary values 'pr/<class>' of DetectionScorer.curves(); classes without objects are left out."""
    return [_value('pr/' + name, threshold_counts(curve, count)) for name, (curve, count, _) in curves.items() if count]


def threshold_counts(curve, num_objects):
    """[6, NUM_THRESHOLDS]: true and false positives, true and false negatives, precision and recall of scores from each threshold on.

    A detector has no true negatives; they are 0. Where nothing is detected precision is 1, as the curve begins.
    """
    kept = np.searchsorted(-curve.scores, -np.linspace(0, 1, NUM_THRESHOLDS), side='right')  # detections from each threshold on
    right = np.append(0, np.round(curve.recall * num_objects))[kept]
    precision = np.where(kept > 0, right / np.maximum(kept, 1), 1.)
    return np.stack([right, kept - right, np.zeros(NUM_THRESHOLDS), num_objects - right, precision, right / num_objects])


def _value(tag, counts):
    """The form that TensorBoard's plugin reads: version 0 (left out, as protobuf does with 0), then the number of thresholds."""
    metadata = tf.SummaryMetadata(plugin_data=tf.SummaryMetadata.PluginData(plugin_name='pr_curves', content=b'\x10%c' % NUM_THRESHOLDS))
    return tf.Summary.Value(tag=tag, metadata=metadata, tensor=tf.make_tensor_proto(counts.astype(np.float32)))
