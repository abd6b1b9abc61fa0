"""The batch's contract: what the data says by hand, and that the module's text says the same."""
import numpy as np
import pytest

from blitznet_estimator import batch
from blitznet_estimator.batch import EVAL, PREDICT, TRAIN, batch_spec, prediction_spec
from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.heads import HEADS
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf

TITLES = {'FEATURES': 'features', 'LABELS': 'labels, in TRAIN and EVAL', 'PREDICTIONS': 'predictions, and the features source_id and size',
          'RAW_PREDICTIONS': 'raw predictions, and the features source_id and size'}
WORDS = {EVAL: 'EVAL', PREDICT: 'PREDICT', 'detect': 'detect', 'segment': 'segment'}
CONFIG = preset_config('tiny', network=dict(num_classes=4), data=dict(batch_size=3, eval_batch_size=5, max_boxes=7),
                       detection=dict(top_k_post_nms=9))


def table():
    """The lines of the module's table, made from its data."""
    lines = []
    for name, title in TITLES.items():
        lines.append(title)
        for key, row in getattr(batch, name).items():
            where = ', '.join(WORDS[word] for word in row.where)
            lines.append('  %-15s %-12s %-7s %-4d %s%s' % (key, '[%s]' % row.shape, row.dtype, row.padding, where and where + ': ', row.meaning))
    return lines


def test_the_text_says_what_the_data_says():
    assert '\n'.join(table()) in batch.__doc__, '\n'.join(table())


def test_modes_are_the_estimators():
    assert (TRAIN, EVAL, PREDICT) == (tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL, tf.estimator.ModeKeys.PREDICT)


@pytest.mark.parametrize('mode, size', [(TRAIN, 3), (EVAL, 5), (PREDICT, 5)])
def test_batches_by_hand(mode, size):
    """tiny: side 128, a decoder to stride 4, six anchors per cell of maps of 32, 16, 8, 4, 2 and 1 cells a side."""
    spec = batch_spec(CONFIG, mode)
    features = {'image': ((size, 128, 128, 3), 'float32', 0)}
    if mode != TRAIN:
        features.update(source_id=((size,), 'int64', -1), size=((size, 2), 'int32', 1))
    labels = {'match': ((size, CONFIG.network.num_anchors), 'int32', -2), 'boxes': ((size, 7, 4), 'float32', 0),
              'classes': ((size, 7), 'int32', 0), 'mask': ((size, 32, 32), 'int32', 255)}
    for part, expected in ((spec.features, features), (spec.labels, {} if mode == PREDICT else labels)):
        assert {key: (one.shape, one.dtype, one.padding) for key, one in part.items()} == expected
    assert set(spec.flat) == set(spec.features) | set(spec.labels)


def test_predictions_by_hand():
    whole = prediction_spec(CONFIG.network, CONFIG.detection, 2)
    assert {key: (one.shape, one.dtype) for key, one in whole.items()} == {
        'boxes': ((2, 9, 4), 'float32'), 'scores': ((2, 9), 'float32'), 'classes': ((2, 9), 'int32'), 'num_detections': ((2,), 'int32'),
        'segmentation': ((2, None, None), 'uint8')}
    raw = prediction_spec(CONFIG.network, CONFIG.detection, raw=True)
    anchors = CONFIG.network.num_anchors
    assert {key: one.shape for key, one in raw.items()} == {
        'confidence': (None, anchors, 4), 'location': (None, anchors, 4), 'segmentation': (None, 32, 32, 4)}


@pytest.mark.parametrize('head, keys', [('segment', {'boxes', 'scores', 'classes', 'num_detections'}), ('detect', {'segmentation'})])
def test_a_head_that_is_off_predicts_nothing(head, keys):
    assert set(prediction_spec(CONFIG.replace(network={head: False}).network, CONFIG.detection)) == keys


def test_the_host_finishes_raw_predictions_as_the_spec_says():
    raw = {key: np.zeros((2,) + one.shape[1:], one.dtype) for key, one in prediction_spec(CONFIG.network, CONFIG.detection, raw=True).items()}
    found = postprocess(raw, [[20, 30], [40, 10]], CONFIG.network, CONFIG.detection)
    found.pop('size')
    spec = prediction_spec(CONFIG.network, CONFIG.detection, 2)
    assert {key: value.dtype.name for key, value in found.items()} == {key: one.dtype for key, one in spec.items()}
    assert all(found[key].shape == one.shape for key, one in spec.items() if key != 'segmentation')
    assert found['segmentation'].shape == (2, 40, 30)


@pytest.mark.parametrize('name', sorted(HEADS))
def test_predictions_are_those_of_the_heads(name):
    head = HEADS[name]
    for rows, names in ((batch.PREDICTIONS, head.predictions), (batch.RAW_PREDICTIONS, head.raw_outputs)):
        assert tuple(key for key, row in rows.items() if row.where == (head.flag,)) == names
