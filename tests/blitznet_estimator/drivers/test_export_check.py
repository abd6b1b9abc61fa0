"""What a file of an export may differ from the checkpoint by, and what int8 may lose."""
import logging
import types

import numpy as np
import pytest

from blitznet_estimator.drivers import export_check
from blitznet_estimator.drivers.export_check import Differences
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.host_postprocess import postprocess
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.presets import preset_config

CONFIG = preset_config('tiny', network=dict(image_size=64, num_classes=3))
RAW = Exported('model.onnx', 'onnx', 'raw', 'float32')
COMPLETE = RAW._replace(outputs='complete')
PICTURE = np.zeros([40, 60, 3], np.uint8)


def raw_outputs():
    """Boxes of class 1 at two anchors, and a mask whose left half is of class 1."""
    anchors, side = CONFIG.network.num_anchors, CONFIG.network.segmentation_size
    raw = {'confidence': np.zeros([1, anchors, 3], np.float32), 'location': np.zeros([1, anchors, 4], np.float32),
           'segmentation': np.zeros([1, side, side, 3], np.float32)}
    raw['confidence'][..., 0] = 10
    raw['confidence'][0, [200, 900], 1] = 20
    raw['segmentation'][:, :, :side // 2, 1] = 1
    return raw


def compare(exported, found):
    return export_check.compare(CONFIG, exported, [PICTURE], [raw_outputs()], [found])


def test_equal_outputs_do_not_differ():
    assert compare(RAW, raw_outputs()) == Differences(0, 0, 0)
    finished = postprocess(raw_outputs(), [(40, 60)], CONFIG.network, CONFIG.detection)
    assert compare(COMPLETE, finished) == Differences(None, 0, 0)


def test_a_box_without_area_is_found_where_it_is():
    raw = raw_outputs()
    raw['location'][0, 900, 1] = 1000  # so far to the right that the picture's border is left of it
    finished = postprocess(raw, [(40, 60)], CONFIG.network, CONFIG.detection)
    height, width = (finished['boxes'][0, :2, 2:] - finished['boxes'][0, :2, :2]).T
    assert sorted(height * width)[0] == 0 < sorted(height * width)[1] and (finished['scores'][0, :2] > .9).all()
    assert export_check.compare(CONFIG, RAW, [PICTURE], [raw], [raw]) == Differences(0, 0, 0)
    lost = dict(raw, confidence=raw_outputs()['confidence'])
    lost['confidence'][0, 900, 1] = 0
    assert export_check.compare(CONFIG, RAW, [PICTURE], [raw], [lost]).boxes == .5


def test_each_difference_is_measured():
    found = raw_outputs()
    found['confidence'][0, 900, 1] = 0  # one of two boxes is lost: 20 of at most 20
    found['segmentation'][:, :4, :, 2] = 5  # in 4 of 16 rows
    differences = compare(RAW, found)
    assert differences.raw == 5 and differences.boxes == .5  # 5 of at most 1
    assert differences.mask == pytest.approx(.25, abs=.03)


@pytest.mark.parametrize('differences', [Differences(.01, 0, 0), Differences(0, .2, 0), Differences(None, 0, .01), Differences(np.nan, 0, 0)])
def test_too_much_is_an_error(differences):
    with pytest.raises(UserError, match='model.onnx differs from the checkpoint by too much.* Leave it out of --export_formats'):
        export_check.check(RAW, differences)
    with pytest.raises(UserError, match='differs from the checkpoint by too much.* Export without --quantize'):
        export_check.check(RAW._replace(precision='int8'), Differences(.7, 0, 0))
    export_check.check(RAW, Differences(1e-4, .05, None))
    export_check.check(RAW._replace(precision='dynamic'), Differences(.01, .2, .01))


def test_what_int8_loses(caplog):
    exported = RAW._replace(precision='int8')
    plain = {'mAP_voc12': .5, 'mAP_voc07': .49, 'mIoU': .7, 'pixel_accuracy': None}
    with caplog.at_level(logging.INFO):
        lost = export_check.check_loss(exported, plain, dict(plain, mAP_voc12=.495))
    assert lost == {'mAP_voc12': pytest.approx(.005), 'mAP_voc07': 0, 'mIoU': 0}
    assert 'model.onnx loses 0.0050 of mAP_voc12 0.5000' in caplog.text
    with pytest.raises(UserError, match='loses 0.020 of mIoU by --quantize=int8'):
        export_check.check_loss(exported, plain, dict(plain, mIoU=.68))
    with pytest.raises(UserError, match='What model.onnx loses by --quantize=int8 cannot be measured'):
        export_check.check_loss(exported, {'mIoU': None}, {'mIoU': None})


def test_pictures_are_of_the_split_or_drawn_where_it_cannot_be_read(caplog):
    samples = [types.SimpleNamespace(image=lambda number=number: number) for number in range(5)]
    assert export_check.some_pictures(lambda: samples, 3, 64) == [0, 1, 2]

    def absent():
        raise UserError('no such folder.')
    large = np.zeros((40, 90, 3), np.uint8)
    assert export_check.fitting(large, 3600) is large and export_check.fitting(large, 900).shape == (20, 45, 3)
    for drawn in (export_check.some_pictures(absent, 3, 64), export_check.some_pictures(None, 0, 64)):
        assert [pixels.shape for pixels in drawn] == [(64, 64, 3), (104, 64, 3)] and all(len(np.unique(pixels)) > 9 for pixels in drawn)
    assert 'compared on drawn pictures, as the evaluation split cannot be read: no such folder.' in caplog.text
