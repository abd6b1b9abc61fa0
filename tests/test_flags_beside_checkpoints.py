"""The configuration that is saved beside a checkpoint: what it brings, and which flags may differ from it."""
import os
import time

import pytest
from absl import flags as absl_flags

from blitznet_estimator import saved_config
from blitznet_estimator.config import OWN_SCORES, Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from tests.paths import ROOT


def test_a_trained_model_keeps_its_network(make, tmp_path):
    saved = Config().replace(network=dict(preset='blitznet300', image_size=300, trunk='resnet50', num_classes=21),
                             data=dict(dataset='folder', data_dir='pictures'),
                             run=dict(metrics=('voc12', 'coco'), best_metric='mAP_coco', threads=3))
    (tmp_path / 'config.json').write_text(saved.to_json())
    config = make('--mode=eval', '--model_dir=%s' % tmp_path, '--conf_thresh=0.05')
    assert config.network == saved.network and config.data == saved.data
    assert (config.run.mode, config.detection.conf_thresh, config.run.model_dir) == ('eval', .05, str(tmp_path))
    assert config.run.metrics == ('voc12', 'coco') and config.run.best_metric == 'mAP_coco' and config.run.threads == 0
    assert make('--mode=eval', '--model_dir=%s' % tmp_path, '--metrics=miou').run.metrics == ('miou',)
    with pytest.raises(UserError, match='trained with --image_size=300'):
        make('--mode=eval', '--model_dir=%s' % tmp_path, '--image_size=512')
    with pytest.raises(UserError, match='trained with --preset=blitznet300'):
        make('--mode=eval', '--model_dir=%s' % tmp_path, '--preset=tiny')


CARS = Config().replace(network=dict(preset='blitznet300', image_size=300, trunk='resnet50', num_classes=3),
                        data=dict(dataset='folder', class_names=('car', 'bus'), data_dir='cars'), run=dict(metrics=('voc12',)))


@pytest.fixture
def run(tmp_path):
    """A run's folder with two checkpoints, one among the best."""
    folder = tmp_path / 'run'
    (folder / 'best').mkdir(parents=True)
    (folder / 'config.json').write_text(CARS.to_json())
    for name in ('checkpoint', 'model.ckpt-9.index', 'best/checkpoint', 'best/model.ckpt-5.index'):
        (folder / name).write_text('')
    return folder


@pytest.mark.parametrize('path', ['', 'model.ckpt-9', 'model.ckpt-9.index', 'best', 'best/', 'best/model.ckpt-5'])
@pytest.mark.parametrize('mode', [['eval'], ['predict', '--input=%s' % ROOT], ['export']])
def test_a_checkpoint_comes_with_the_configuration_beside_it(make, run, path, mode):
    config = make('--checkpoint_path=%s' % os.path.join(str(run), path), '--mode=' + mode[0], *mode[1:])
    assert (config.data.class_names, config.network, config.run.metrics) == (('car', 'bus'), CARS.network, ('voc12',))
    assert config.run.model_dir == str(run)


def test_best_has_a_configuration_of_its_own_where_it_is_moved(make, run, tmp_path, monkeypatch):
    (run / 'best' / 'config.json').write_text(CARS.replace(data=dict(class_names=('van', 'bus'))).to_json())
    config = make('--mode=export', '--checkpoint_path=%s' % (run / 'best'))
    assert (config.data.class_names, config.run.model_dir) == (('van', 'bus'), str(run))
    monkeypatch.chdir(str(run / 'best'))
    assert make('--mode=export', '--checkpoint_path=model.ckpt-5').data.class_names == ('van', 'bus')
    (run / 'best').rename(tmp_path / 'moved')
    moved = make('--mode=export', '--checkpoint_path=%s' % (tmp_path / 'moved'))
    assert (moved.data.class_names, moved.run.model_dir) == (('van', 'bus'), str(tmp_path / 'moved'))


def test_the_configuration_beside_the_checkpoint_wins_over_that_in_the_model_directory(make, run, tmp_path):
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'config.json').write_text(Config().replace(data=dict(class_names=('cat',))).to_json())
    words = '--mode=export', '--checkpoint_path=%s' % (run / 'model.ckpt-9'), '--model_dir=%s' % (tmp_path / 'other')
    config = make(*words)
    assert (config.data.class_names, config.run.model_dir) == (('car', 'bus'), str(tmp_path / 'other'))
    with pytest.raises(UserError, match='--image_size=512, but the model in .*run was trained with --image_size=300'):
        make(*words, '--image_size=512')


@pytest.mark.parametrize('word', ['best', 'latest'])
def test_words_for_checkpoints_are_of_the_model_directory(make, run, word):
    config = make('--mode=eval', '--checkpoint_path=' + word, '--model_dir=%s' % run)
    assert (config.run.checkpoint_path, config.run.model_dir, config.data.class_names) == (word, str(run), ('car', 'bus'))


def test_a_checkpoint_of_no_run_needs_its_flags(make, tmp_path):
    (tmp_path / 'published.ckpt.index').write_text('')
    (tmp_path / 'classes.txt').write_text('car')
    words = '--mode=export', '--checkpoint_path=%s' % (tmp_path / 'published.ckpt')
    for some in ([], ['--preset=tiny'], ['--dataset=voc07-test']):
        with pytest.raises(UserError, match='published.ckpt has no config.json beside it.*--preset, and its classes with --dataset or --class_file'):
            make(*(words + tuple(some)))
    config = make(*words, '--preset=ssd300', '--dataset=voc07-test')
    assert (config.network.trunk, config.data.dataset) == ('vgg16', 'voc07-test')
    assert make(*words, '--preset=ssd300', '--class_file=%s' % (tmp_path / 'classes.txt')).data.class_file == str(tmp_path / 'classes.txt')
    assert make(*words, '--preset=ssd300', '--num_classes=9').data.dataset == 'records'  # whose classes are numbers, not circles
    (tmp_path / 'checkpoint').write_text('')
    with pytest.raises(UserError, match='has no config.json beside it'):
        make('--mode=eval', '--model_dir=%s' % tmp_path)


def test_a_folder_of_the_best_alone_brings_its_configuration(make, run, tmp_path):
    (run / 'best' / 'config.json').write_text(CARS.to_json())
    (tmp_path / 'copy').mkdir()
    (run / 'best').rename(tmp_path / 'copy' / 'best')
    config = make('--mode=export', '--model_dir=%s' % (tmp_path / 'copy'))
    assert (config.data.class_names, config.network, config.run.model_dir) == (('car', 'bus'), CARS.network, str(tmp_path / 'copy'))
    assert saved_config.beside(str(tmp_path / 'copy')) == (CARS, str(tmp_path / 'copy'))


@pytest.mark.parametrize('name', ['checkpoint', 'model.ckpt-9.index', 'best/checkpoint', 'best/model.ckpt-9.index'])
def test_a_copied_folder_without_its_list_is_of_no_run_either(make, tmp_path, name):
    """Else its boxes would get the names of the default dataset's classes."""
    (tmp_path / 'best').mkdir()
    (tmp_path / name).write_text('')
    with pytest.raises(UserError, match='has no config.json beside it'):
        make('--mode=predict', '--model_dir=%s' % tmp_path, '--input=%s' % ROOT)
    words = '--checkpoint_path=%s' % (tmp_path / name).parent, '--mode=export', '--preset=tiny', '--num_classes=3'
    assert make(*words).network.num_classes == 3


def test_a_start_from_a_model_of_another_trunk(make, run):
    with pytest.raises(UserError, match='--warm_start_from=.*model.ckpt-9 is of a network with --trunk=resnet50, and this one has --trunk=tiny'):
        make('--warm_start_from=%s' % (run / 'model.ckpt-9'))
    assert make('--warm_start_from=%s' % (run / 'model.ckpt-9'), '--preset=blitznet512').network.trunk == 'resnet50'


def test_a_damaged_saved_configuration_is_named(make, tmp_path):
    (tmp_path / 'config.json').write_text('{"network": ')
    with pytest.raises(UserError, match='config.json is not a configuration'):
        make('--mode=eval', '--model_dir=%s' % tmp_path)


def test_a_watcher_takes_the_settings_of_a_training_that_begins_later(make, tmp_path, monkeypatch):
    def begin(seconds):
        saved_config.write(preset_config('blitznet300', data=dict(dataset='voc07-test'), run=dict(model_dir=str(tmp_path))))

    monkeypatch.setattr(saved_config.wait, '__defaults__', (0., time.time, begin))
    words = '--mode=eval', '--watch', '--watch_timeout=5', '--model_dir=%s' % tmp_path
    assert make(*words, '--dry_run').network.preset == 'tiny'  # which does not wait
    absl_flags.FLAGS.unparse_flags()
    config = make(*words)
    assert (config.network.preset, config.data.dataset, config.run.watch) == ('blitznet300', 'voc07-test', True)


def test_predict_skips_bad_images_unless_it_is_told_otherwise(make, tmp_path):
    saved_config.write(preset_config('tiny', data=dict(on_bad_record='error'), run=dict(model_dir=str(tmp_path), min_score=.7)))
    words = '--model_dir=%s' % tmp_path, '--input=val'  # a split, which is no path
    config = make('--mode=predict', *words)
    assert (config.data.on_bad_record, config.run.input_paths, config.run.min_score) == ('skip', ('val',), OWN_SCORES)
    absl_flags.FLAGS.unparse_flags()
    assert make('--mode=predict', '--on_bad_record=error', *words).data.on_bad_record == 'error'
    absl_flags.FLAGS.unparse_flags()
    assert make('--mode=eval', words[0]).data.on_bad_record == 'error'
