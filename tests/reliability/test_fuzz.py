"""Files that the product reads back, damaged in every way: each reader gives what is whole, or one sentence."""
import json
import random

import pytest

from blitznet_estimator import checks, saved_config
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import best_checkpoints, checkpoints, metrics_file, metrics_table
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from tests.reliability.damage import damaged_bytes, damaged_json

TRIES = 300


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode('utf-8'))


def variants(text):
    dice = random.Random(0)
    for _ in range(TRIES):
        yield damaged_bytes(text.encode('utf-8'), dice)
    if text[0] in '[{':
        for _ in range(TRIES):
            yield json.dumps(damaged_json(json.loads(text), dice))


def test_config(tmp_path):
    text = preset_config('blitznet300', train=dict(lr_decay=(5, 9)), data=dict(class_names=('a', 'b'))).to_json()
    read = refused = 0
    for variant in variants(text):
        write(tmp_path / 'config.json', variant)
        try:
            config = saved_config.read(str(tmp_path))
        except UserError as error:
            assert 'config.json is not a configuration' in str(error)
            continue
        read += 1
        assert Config.from_json(config.to_json()) == config
        try:
            checks.check_config(config)
        except UserError as error:
            assert '--' in str(error)  # the flag
            refused += 1
    assert read > TRIES / 10 and refused > 5


@pytest.mark.parametrize('section, field, value', [
    ('data', 'batch_size', '16'), ('data', 'batch_size', None), ('data', 'batch_size', True), ('train', 'lr_decay', [1.5]), ('train', 'lr_decay', 3),
    ('network', 'trunk', 'resnet'), ('train', 'learning_rate', []), ('run', 'model_dir', 3), ('train', 'loss_weights', [['class']])])
def test_a_value_of_another_type_is_named(section, field, value):
    values = json.loads(Config().to_json())
    values[section][field] = value
    with pytest.raises(ValueError, match=r'%s\.%s is' % (section, field)):
        Config.from_json(json.dumps(values))


ROWS = [dict({name: 'x' for name in metrics_table.FIRST}, global_step=str(step), checkpoint='model.ckpt-%d' % step, mAP_voc12='0.%d' % step, mIoU='')
        for step in (2, 4)]


def test_metrics_table(tmp_path):
    names = list(ROWS[0])
    text = '\n'.join(','.join(row) for row in [names] + [[row[name] for name in names] for row in ROWS]) + '\n'
    write(tmp_path / metrics_table.NAME, text)
    assert metrics_table.read(str(tmp_path)) == ROWS
    for variant in variants(text):
        write(tmp_path / metrics_table.NAME, variant)
        best_checkpoints.ranked(metrics_table.read(str(tmp_path)), 'mAP_voc12')


@pytest.mark.parametrize('path, read, value', [
    ('best/best.json', checkpoints.best_index, {'metric': 'mIoU', 'checkpoints': [
        {'checkpoint': 'model.ckpt-2', 'global_step': 2, 'value': .5, 'weights': 'ab'}]}),
    ('metrics.json', metrics_file.read, {'global_step': 2, 'mIoU': .5, 'per_class': {'cat': {'IoU': None}}})])
def test_json_of_evaluations(tmp_path, path, read, value):
    write(tmp_path / path, json.dumps(value))
    assert read(str(tmp_path)) == value
    for variant in variants(json.dumps(value)):
        write(tmp_path / path, variant)
        found = read(str(tmp_path))
        assert found is None or isinstance(found, dict)
        metrics_file.evaluated_step(str(tmp_path))
        for entry in checkpoints.best_index(str(tmp_path))['checkpoints']:
            assert isinstance(entry['checkpoint'] + entry.get('weights', ''), str) and isinstance(entry.get('value', 0) + 1, (int, float))
