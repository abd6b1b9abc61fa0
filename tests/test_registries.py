"""The choices of the flags are the entries of the registries, and every entry has all that goes with its name."""
import pytest

import flags
import main
from blitznet_estimator import config as config_module
from blitznet_estimator import dataset_names, heads, presets
from blitznet_estimator.drivers import prediction_forms, video_forms
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import host_postprocess, metrics
from blitznet_estimator.formats import registry as formats
from blitznet_estimator.trunks import TRUNKS
from blitznet_estimator.video import codecs
from input_fn.datasets import coco, registry, voc
from model_fn.network import heads as network_heads
from model_fn.network import ops, trunks
from model_fn.predictions import postprocess, tta
from model_fn.training import losses, optimizer


def test_choices_are_those_of_the_registries():
    choices = {setting.field: setting.choices for setting in flags.SETTINGS if setting.choices}
    assert {field: set(found) for field, found in choices.items()} == {field: set(found) for field, found in {
        'mode': main.MODES, 'platform': config_module.PLATFORMS, 'distribution': config_module.DISTRIBUTIONS,
        'trunk': TRUNKS, 'head': config_module.HEAD_SHARINGS,
        'resize': ops.RESIZE_METHODS, 'cache': config_module.CACHES, 'on_bad_record': config_module.BAD_RECORD_ACTIONS,
        'class_loss': losses.CLASS_LOSSES, 'box_loss': losses.BOX_LOSSES, 'lr_schedule': optimizer.SCHEDULES,
        'optimizer': optimizer.OPTIMIZERS, 'freeze': ('trunk', 'batch_norm') + tuple(network_heads.BUILD),
        'precision': config_module.PRECISIONS, 'recipe': presets.RECIPES, 'metrics': metrics.METRICS,
        'best_metric': metrics.BEST_METRICS, 'export_formats': formats.FORMATS, 'engine': engines.ENGINES, 'quantize': formats.QUANTIZATIONS,
        'save': prediction_forms.FORMS, 'video_codec': codecs.CODECS, 'nms': postprocess.NMS}.items()}
    assert set(config_module.VIDEO_FORMS) == set(video_forms.FORMS)
    assert set(losses.LOSSES) == set(losses.NORMALISERS) == set(heads.LOSSES) and {loss.head for loss in heads.LOSSES.values()} <= set(heads.HEADS)
    of_heads = network_heads.BUILD, postprocess.FINISH, tta.MERGE, host_postprocess.FINISH, host_postprocess.OF_IMAGE, host_postprocess.PAD
    assert [set(found) for found in of_heads] == [set(heads.HEADS)] * len(of_heads)
    for name, trunk in TRUNKS.items():
        module = trunks.module_of(trunk)
        assert callable(module.build)
        assert not trunk.published or trunk.published.framework in module.CONVERT, name


def test_an_unknown_dataset_is_said_before_tensorflow(make):
    with pytest.raises(UserError, match='--dataset=foldr is unknown. Nearest: folder'):
        make('--dataset=foldr')
    assert {'voc': voc.NAMES, 'coco': coco.NAMES} == {name: dataset_names.MODULES[name] for name in ('voc', 'coco')}
    assert set(dataset_names.NAMES) == set(registry.dataset_names())
