import json
import os

import pytest
from absl import flags as absl_flags

from blitznet_estimator import config_file, saved_config
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config


def _write(folder, text, name='settings.yaml'):
    (folder / name).write_text(text)
    return '--config=%s' % (folder / name)


def test_a_saved_configuration_is_read_back(make, tmp_path):
    words = '--preset=blitznet300', '--dataset=voc12-train', '--learning_rate=0.003', '--lr_decay=10,20', '--loss_weights=bbox=2', '--nosegment'
    asked = make(*words, '--metrics=voc12', '--model_dir=%s' % (tmp_path / 'a'), '--npu_hcom_parallel')
    saved_config.write(asked.replace(data=dict(class_names=('cat', 'dog')), network=dict(num_classes=3), train=dict(pixel_weights=(1., 2., 3.))))
    assert make('--config=%s' % (tmp_path / 'a' / 'config.json')) == asked


def test_yaml_of_a_part_of_it(make, tmp_path):
    word = _write(tmp_path, 'network: {preset: blitznet300, top_fm: 256}\ntrain:\n  learning_rate: 1e-3  # for YAML a text\n'
                            '  lr_decay: [10, 20]\n  loss_weights: {bbox: 2}\ndata:\n  class_file:\nrun:\n  metrics: voc12,miou\n')
    config = make(word)
    assert (config.network.preset, config.network.image_size, config.network.top_fm) == ('blitznet300', 300, 256)
    assert (config.train.learning_rate, config.train.lr_decay, config.train.loss_weights) == (1e-3, (10, 20), (('bbox', 2.),))
    assert config.run.metrics == ('voc12', 'miou') and config.data.class_file == ''
    absl_flags.FLAGS.unparse_flags()
    assert make(word, '--top_fm=64', '--set=train.learning_rate=.5').network.top_fm == 64


def test_a_setting_by_its_place(make):
    config = make('--set=network.top_fm=256', '--set', 'train.lr_decay=5,7', '--set=data.augment=no', '--set=run.metrics=voc12')
    assert (config.network.top_fm, config.train.lr_decay, config.data.augment, config.run.metrics) == (256, (5, 7), False, ('voc12',))


def test_the_later_wins(make, tmp_path):
    word = _write(tmp_path, json.dumps({'network': {'top_fm': 32}, 'train': {'epochs': 9, 'train_steps': 40}}), 'a.json')
    assert make(word).train.epochs == 9
    config = make(word, '--set=network.top_fm=64', '--train_steps=50', '--lr_decay=')
    assert (config.network.top_fm, config.train.train_steps, config.train.epochs) == (64, 50, 0)
    assert make(word, '--set=network.top_fm=64', '--top_fm=128').network.top_fm == 128


def test_a_schedule_is_scaled_once(make, tmp_path):
    asked = make('--preset=blitznet300', '--batch_size=8', '--scale_schedule', '--model_dir=%s' % (tmp_path / 'a'))
    saved_config.write(asked)
    assert asked.train.train_steps == 160000
    absl_flags.FLAGS.unparse_flags()
    for name in absl_flags.FLAGS:
        absl_flags.FLAGS[name].unparse()
    assert make('--config=%s' % (tmp_path / 'a' / 'config.json')).train.train_steps == 160000


def test_what_a_command_did_is_not_done_again(make, tmp_path):
    saved = preset_config('tiny', run=dict(mode='eval', watch=True, checkpoint_path='x', output_dir='y', model_dir=str(tmp_path)))
    config = make(_write(tmp_path, saved.to_json(), 'a.json'), '--mode=train')
    assert (config.run.watch, config.run.checkpoint_path, config.run.output_dir) == (False, '', '')


def test_home_is_found(make, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    _write(tmp_path, '{"run": {"model_dir": "~/run"}}', 'a.json')
    assert make('--config=~/a.json').run.model_dir == os.path.join(str(tmp_path), 'run')


@pytest.mark.parametrize('text, message', [
    ('{"network": {"top_fn": 3}}', 'network=top_fn is unknown. Nearest: top_fm'), ('{"nettwork": {}}', 'nettwork is no section. Nearest: network'),
    ('{"network": {"top_fm": "many"}}', 'network.top_fm=many is not a whole number'), ('{"network": {"top_fm": 2.5}}', 'top_fm=2.5 is not a whole'),
    ('{"network": {"x4": 1}}', 'network.x4=1 is not true or false'), ('{"network": {"top_fm": true}}', 'top_fm=True is not a whole number'),
    ('{"network": [1]}', 'section network holds no settings'), ('[1]', 'no list of sections'), ('{"train": ', 'cannot be read'),
    ('{"train": {"lr_decay": [[1]]}}', 'lr_decay holds'), ('{"train": {"loss_weights": [3]}}', 'loss_weights holds "3"'),
    ('{"train": {"optimizer": "sgd"}}', '--optimizer=sgd is unknown'), ('{"run": {"metrics": ["map"]}}', '--metrics=map is unknown'),
    ('{"data": {"data_dir": {"a": 1}}}', 'data_dir=.* is not a text'), ('{"train": {"learning_rate": null}}', 'learning_rate=None is not a number'),
    ('{"run": {"metrics": [["voc12"]]}}', 'a list in a list'), ('{"npu": {"npu_nothing": 1}}', 'npu_nothing')])
def test_what_is_wrong_is_a_sentence(make, tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        make(_write(tmp_path, text, 'a.json'))


def test_files_that_are_none(make, tmp_path):
    with pytest.raises(UserError, match='--config=gone.yaml cannot be read: No such file'):
        make('--config=gone.yaml')
    (tmp_path / 'a.json').write_bytes(b'\xff\xfe')
    with pytest.raises(UserError, match='no text in UTF-8'):
        make('--config=%s' % (tmp_path / 'a.json'))
    with pytest.raises(UserError, match='too large'):
        make(_write(tmp_path, ' ' * (config_file.LARGEST + 1), 'b.json'))
    with pytest.raises(UserError, match='is no readable YAML file'):
        make(_write(tmp_path, 'a: [1'))
    for text in ('run: !!python/object/apply:os.getcwd []', 'a: !!bool maybe', 'a: !!timestamp x'):
        with pytest.raises(UserError, match='is no readable YAML file'):
            make(_write(tmp_path, text))


def test_the_schedule_of_a_run_is_not_scaled_again_and_that_of_a_person_is(make, tmp_path):
    text = '{"train": {"train_steps": 90, "scale_schedule": true}, "data": {"batch_size": 8}%s}'
    assert make(_write(tmp_path, text % '', 'own.json')).train.train_steps == 180  # the preset's batch has 16
    assert make(_write(tmp_path, text % ', "version": "0.2.0"', 'run.json')).train.train_steps == 90


@pytest.mark.parametrize('words, message', [
    (['--set=top_fm=3'], '--set=top_fm=3 is no SECTION.FIELD=VALUE'), (['--set=network.top_fm'], 'is no SECTION.FIELD=VALUE'),
    (['--set=net.top_fm=3'], '--set: section=net is unknown. Nearest: network'), (['--set=network.top_fm=a'], 'network.top_fm=a is not a whole'),
    (['--epochs=3', '--train_steps=10'], '--epochs=3 and --train_steps=10 both say'), (['--epochs=3', '--set=train.train_steps=9'], 'both say')])
def test_wrong_names_and_contradictions(make, words, message):
    with pytest.raises(UserError, match=message):
        make(*words)


def test_a_preset_beside_a_file_of_another(make, tmp_path):
    word = _write(tmp_path, '{"network": {"preset": "ssd300"}}', 'a.json')
    assert make(word).network.trunk == 'vgg16'
    with pytest.raises(UserError, match='--preset=tiny, but --config=.* is of the preset ssd300'):
        make(word, '--preset=tiny')
