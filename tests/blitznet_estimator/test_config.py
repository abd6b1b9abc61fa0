"""The configuration: sections, presets, JSON and back; and a flag for every field."""
import dataclasses
import json

import pytest

import flags
from blitznet_estimator.config import Config
from blitznet_estimator.presets import PRESETS, preset_config

# Fields that no flag of their own sets: the dataset gives the names, --class_weights the pixels' weights, --seed sets both
# seeds, --preset the name and much else.
DERIVED = {('data', 'class_names'), ('train', 'pixel_weights'), ('data', 'seed'), ('network', 'preset')}
SECTIONS = {field.name: field.default for field in dataclasses.fields(Config) if field.name != 'npu'}


def test_every_field_has_a_flag_and_every_flag_a_field():
    fields = {(section, field.name) for section, default in SECTIONS.items() for field in dataclasses.fields(default)}
    of_flags = {(setting.section, setting.field) for setting in flags.SETTINGS}
    assert not fields - of_flags - DERIVED, 'no flag sets these'
    assert not of_flags - fields, 'these flags set nothing'
    assert not DERIVED - fields and not DERIVED & of_flags


def test_no_two_flags_set_one_field():
    settings = [(setting.section, setting.field) for setting in flags.SETTINGS]
    names = [setting.flag for setting in flags.SETTINGS]
    assert len(set(settings)) == len(settings) and len(set(names)) == len(names)


def test_a_changed_copy():
    config = Config()
    changed = config.replace(network=dict(num_classes=21), run=dict(threads=3), npu={'npu_hcom_parallel': True})
    assert (changed.network.num_classes, changed.run.threads, changed.npu) == (21, 3, {'npu_hcom_parallel': True})
    assert config == Config() and changed.train == config.train
    with pytest.raises(dataclasses.FrozenInstanceError):
        changed.run.threads = 4


@pytest.mark.parametrize('sections', [dict(network=dict(colour='red')), dict(weather=dict(num_classes=2))])
def test_an_unknown_field_or_section_is_an_error(sections):
    with pytest.raises((TypeError, AttributeError)):
        Config().replace(**sections)


@pytest.mark.parametrize('limit, expected', [(0, 9), (4, 4), (9, 9), (10, 9)])
def test_how_many_images_are_evaluated(limit, expected):
    assert Config().replace(run=dict(eval_limit=limit)).run.num_evaluated(9) == expected


@pytest.mark.parametrize('images, expected', [(0, 1), (1, 1), (3, 3), (17, 16)])
def test_batches_are_no_larger_than_there_are_images(images, expected):
    data = Config().replace(data=dict(eval_batch_size=16)).with_batches_of(images).data
    assert (data.eval_batch_size, data.batch_size) == (expected, Config().data.batch_size)


@pytest.mark.parametrize('preset', sorted(PRESETS))
def test_json_and_back(preset):
    config = preset_config(preset, network=dict(num_classes=4), train=dict(lr_decay=(5, 7)), npu={'npu_dump_step': '1'},
                           data=dict(class_names=('cat', 'dog', 'äöü'), train_files=('a', 'b')))
    assert Config.from_json(config.to_json()) == config


def test_json_of_another_version():
    """A field that this version does not know is left out; one that the file lacks has its default."""
    values = json.loads(Config().replace(network=dict(image_size=96)).to_json())
    values['network'].update(colour='red')
    values['weather'] = {'rain': True}
    del values['run'], values['data']['cache']
    config = Config.from_json(json.dumps(values))
    assert config.network.image_size == 96 and config.run == Config().run and config.data.cache == 'none'


@pytest.mark.parametrize('preset, expected', [
    ('tiny', dict(trunk='tiny', image_size=128, x4=True, segment=True)),
    ('lite0', dict(trunk='lite0', image_size=320, x4=True, segment=True)),
    ('mobile', dict(trunk='mobilenet_v2', image_size=320, x4=True, segment=True)),
    ('resnet18', dict(trunk='resnet18', image_size=320, x4=True, segment=True)),
    ('blitznet300', dict(trunk='resnet50', image_size=300, x4=True, segment=True)),
    ('blitznet512', dict(trunk='resnet50', image_size=512, x4=False, segment=True)),
    ('ssd300', dict(trunk='vgg16', image_size=300, x4=False, segment=False)),
])
def test_presets(preset, expected):
    network = preset_config(preset).network
    assert network.preset == preset and {name: getattr(network, name) for name in expected} == expected


def test_a_given_setting_wins_over_the_preset():
    assert preset_config('blitznet300', network=dict(image_size=400)).network.image_size == 400


@pytest.mark.parametrize('preset, options, sides, segmentation', [
    ('blitznet300', {}, [75, 38, 19, 10, 5, 3, 1], 75), ('blitznet300', dict(x4=False), [38, 19, 10, 5, 3, 1], 38),
    ('blitznet512', {}, [64, 32, 16, 8, 4, 2, 1], 64), ('ssd300', {}, [37, 18, 9, 5, 3, 1], None), ('tiny', {}, [32, 16, 8, 4, 2, 1], 32),
    ('lite0', {}, [80, 40, 20, 10, 5, 3, 1], 80)])
def test_sides_of_the_detection_maps(preset, options, sides, segmentation):
    network = preset_config(preset, network=options).network
    assert list(network.grids) == [(side, side) for side in sides]
    assert segmentation in (None, network.segmentation_size)
