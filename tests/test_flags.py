"""The command line: presets, explicit flags, lists, saved configurations, and sentences for what can't be."""
import os
import re
import subprocess
import sys
import time

import pytest
from absl import flags as absl_flags

import flags
from blitznet_estimator import config as config_module
from blitznet_estimator import given_paths, heads, presets, saved_config
from blitznet_estimator.config import OWN_SCORES, Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from tests.input_fn.datasets import trees
from tests.paths import ROOT

pytestmark = pytest.mark.usefixtures('flags_defined')


def test_no_flag_is_the_embedded_default(make):
    config = make()
    assert (config.run.mode, config.network.preset, config.network.image_size, config.data.dataset) == ('train', 'tiny', 128, 'shapes')
    assert config.run.model_dir == 'runs/tiny-shapes'


@pytest.mark.parametrize('preset, image_size, x4', [('blitznet300', 300, True), ('blitznet512', 512, False), ('ssd300', 300, False)])
def test_a_preset_sets_several_fields(make, preset, image_size, x4):
    network = make('--preset=' + preset).network
    assert (network.preset, network.image_size, network.x4) == (preset, image_size, x4)


def test_an_explicit_flag_wins_over_the_preset(make):
    network = make('--preset=blitznet300', '--nox4', '--image_size=512', '--nosegment').network
    assert (network.x4, network.image_size, network.segment, network.trunk) == (False, 512, False, 'resnet50')


@pytest.mark.parametrize('arguments', [
    ['--nosegment', '--best_metric=mAP_voc07'], ['--nodetect', '--best_metric=pixel_accuracy'], ['--nosegment'], ['--nodetect'],
    ['--nodetect', '--metrics=miou'], ['--nosegment', '--metrics=coco,miou', '--best_metric=mAP_coco']])
def test_one_task_has_its_own_metrics(make, arguments):
    assert make(*arguments).run.metrics


def test_lists_and_aliases(make):
    config = make('--lr_decay=25000,35000', '--max_iterations=40000', '--seed=7')
    assert config.train.lr_decay == (25000, 35000)
    assert config.train.train_steps == 40000
    assert (config.run.seed, config.data.seed) == (7, 7)


def test_weights_of_losses(make):
    train = make('--loss_weights=class=0.5,bbox=2').train
    assert train.loss_weights == (('class', .5), ('bbox', 2.))
    assert [train.weight_of(name) for name in heads.LOSSES] == [.5, 2, 1]
    assert Config.from_json(Config(train=train).to_json()).train == train


@pytest.mark.parametrize('dataset, steps, drops', [
    ('voc12-train-seg-aug', 40000, (25000, 35000)), ('voc07+12-seg', 65000, (40000, 50000)), ('coco-trainval35k', 700000, (400000, 550000)),
    ('folder', 40000, (25000, 35000))])
def test_a_preset_brings_the_published_recipe(make, dataset, steps, drops):
    config = make('--preset=blitznet300', '--dataset=' + dataset)
    train = config.train
    assert (train.train_steps, train.lr_decay, train.optimizer, train.learning_rate, config.data.batch_size) == (steps, drops, 'adam', 1e-4, 32)
    assert make('--preset=blitznet300', '--dataset=' + dataset, '--train_steps=100', '--lr_decay=50').train.train_steps == 100


def test_the_schedule_scales_only_when_asked(make):
    words = '--preset=blitznet300', '--dataset=voc12-train', '--batch_size=8', '--warmup_step=100'
    assert make(*words).train.train_steps == 40000
    train = make(*words, '--scale_schedule').train
    assert (train.train_steps, train.lr_decay, train.warmup_step) == (160000, (100000, 140000), 400)
    assert make(*words, '--scale_schedule', '--iterations_per_loop=300', '--summary_every=300').train.train_steps == 159900  # whole loops


def test_the_recipe_is_one_line(make):
    config = make('--preset=blitznet300', '--dataset=voc07+12', '--learning_rate=0.001', '--batch_size=16')
    assert presets.describe_recipe(config) == (
        'the recipe of blitznet300 on VOC 2007 and 2012 (the README of the public BlitzNet code)')
    assert presets.recipe_of(config).data.batch_size == 32 and presets.recipe_of(config).train.train_steps == 65000
    assert presets.describe_recipe(make()) == 'the recipe of tiny'
    scaled = make('--preset=blitznet300', '--dataset=voc12-train', '--batch_size=16', '--scale_schedule')
    assert presets.describe_recipe(scaled).endswith(', its steps scaled to the batch size')
    assert presets.recipe_of(scaled).train == scaled.train


def test_given_flags_as_words(make):
    make('--preset=blitznet300', '--nox4', '--max_iterations=200', '--lr_decay=100,150', '--npu_hcom_parallel', '--platform=npu', '--dry_run')
    words = flags.given_words(without=('platform', 'dry_run'))
    assert words == ['--preset=blitznet300', '--nox4', '--train_steps=200', '--lr_decay=100,150', '--npu_hcom_parallel']
    make('--set=network.top_fm=64', '--set=train.train_steps=9')
    assert flags.given_words() == ['--set=network.top_fm=64', '--set=train.train_steps=9']
    config = make(*words)
    assert (config.network.x4, config.train.train_steps, config.npu) == (False, 200, {'npu_hcom_parallel': True})


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


@pytest.mark.parametrize('words, warning', [
    (['--mode=export', '--learning_rate=9'], '--learning_rate does nothing in --mode=export: it is for train.'),
    (['--mode=export', '--noaugment'], '--augment does nothing in --mode=export: it is for train.'),
    (['--mode=export', '--metrics=miou'], '--metrics does nothing in --mode=export: it is for train, eval.'),
    (['--output_dir=x'], '--output_dir does nothing in --mode=train: it is for predict, export.'),
    (['--reevaluate'], '--reevaluate does nothing in --mode=train: it is for eval.'),
    (['--train_steps=100'], '--train_steps=100 ends before the learning rate drops at 1700,2200, as the recipe has it (--lr_decay=1700,2200): '
     'give an --lr_decay that goes with it, or --lr_decay= for none.'),
    (['--train_steps=2000'], '--train_steps=2000 ends before the learning rate drops at 2200, as'),
    (['--train_steps=9000'], '--train_steps=9000 outlives the drops of the learning rate: the last 6800 steps are at 0.01 of it, as'),
    (['--train_steps=40000', '--dataset=coco-train', '--preset=blitznet300'],
     '--train_steps=40000 ends before the learning rate drops at 400000,550000'),
    (['--train_steps=100', '--lr_decay='], ''), (['--train_steps=100', '--lr_decay=50'], ''), (['--train_steps=2400'], ''),
    (['--mode=eval', '--train_steps=100'], '--train_steps does nothing in --mode=eval'),
    (['--mode=export', '--conf_thresh=0.1', '--platform=gpu', '--nosegment', '--precision=mixed'], '')])
def test_flags_without_effect_are_warned_about(make, caplog, words, warning):
    make(*words)
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == bool(warning) and ''.join(found).startswith(warning)


def test_every_setting_has_modes_and_every_path_a_check():
    for setting in flags.SETTINGS:
        assert setting.modes and set(setting.modes) <= set(config_module.MODES), setting.flag
        assert setting.path is None or setting.path in given_paths.CHECKS, setting.flag
        assert setting.path or not re.search('(_dir|_path|_file|_files|_from|input)$', setting.flag), setting.flag


def test_a_home_directory_is_found(make, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    for name in ('a.tfrecord', 'b.tfrecord', 'resnet.ckpt', 'classes.txt'):
        (tmp_path / name).write_text('car')
    config = make('--dataset=records', '--train_files=~/a.tfrecord,~/b.tfrecord', '--class_file=~/classes.txt', '--model_dir=~/run',
                  '--warm_start_from=~/resnet.ckpt')
    assert config.data.train_files == (str(tmp_path / 'a.tfrecord'), str(tmp_path / 'b.tfrecord'))
    assert (config.data.class_file, config.run.model_dir) == (str(tmp_path / 'classes.txt'), str(tmp_path / 'run'))
    assert config.train.warm_start_from == str(tmp_path / 'resnet.ckpt')


@pytest.mark.parametrize('words, message', [
    (['--warm_start_from={}/no.ckpt'], '--warm_start_from=.*no.ckpt: there is no such checkpoint; .* has published.ckpt'),
    (['--warm_start_from={}'], '--warm_start_from=.* is a folder without a list of checkpoints'),
    (['--mode=eval', '--checkpoint_path={}/no.ckpt'], '--checkpoint_path=.*no.ckpt: there is no such checkpoint'),
    (['--dataset=folder', '--data_dir={}/no'], '--data_dir=.*no: there is no such folder'),
    (['--dataset=records', '--train_files={}/no*.tfrecord'], r'--train_files=.*no\*.tfrecord: no such file, folder or glob'),
    (['--mode=predict', '--input={}/no.jpg'], '--input=.*no.jpg: no such file, folder or glob'),
    (['--class_file={}/no.txt'], '--class_file=.*no.txt: there is no such file'),
    (['--model_dir={}/published.ckpt.index'], '--model_dir=.*index: .*index is no folder'),
    (['--model_dir={}/published.ckpt.index/run'], '--model_dir=.*run: .*index is no folder'),
    (['--prepared_dir={}/published.ckpt.index'], '--prepared_dir=.* is no folder'),
    (['--dataset=shapes', '--data_dir={}/published.ckpt.index'], '--data_dir=.* is no folder'),  # which are drawn there
])
def test_paths_are_looked_at_first(make, tmp_path, words, message):
    (tmp_path / 'published.ckpt.index').write_text('')
    with pytest.raises(UserError, match=message):
        make(*[word.format(tmp_path) for word in words])


def test_the_layout_of_the_data_is_the_dataset_of_a_training(make, tmp_path, caplog):
    trees.write(tmp_path, 'pets/JPEGImages/a.jpg', b'')
    with caplog.at_level('INFO', 'blitznet'):
        config = make('--data_dir=%s/pets' % tmp_path)
    assert config.data.dataset == 'folder' and config.run.model_dir == 'runs/tiny-folder'
    assert '--data_dir=%s/pets has a folder JPEGImages: --dataset=folder.' % tmp_path in caplog.text
    assert make('--dataset=auto', '--data_dir=%s/pets' % tmp_path, '--mode=export', '--preset=tiny').data.dataset == 'folder'
    assert make('--dataset=shapes', '--data_dir=%s/pets' % tmp_path).data.dataset == 'shapes' == make().data.dataset
    with pytest.raises(UserError, match='--data_dir=gone: there is no such folder. To draw shapes there, give --dataset=shapes'):
        make('--data_dir=gone')
    assert make('--data_dir=gone', '--dry_run').data.dataset == 'shapes'


def test_a_dry_run_is_of_another_machine(make):
    assert make('--dry_run', '--warm_start_from=gone.ckpt', '--dataset=folder', '--data_dir=gone').data.data_dir == 'gone'


def test_paths_that_are_not_needed_yet_or_any_more(make, tmp_path):
    words = '--model_dir=%s' % (tmp_path / 'a' / 'b'), '--warm_start_from=%s' % (tmp_path / 'gone.ckpt')
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    (tmp_path / 'a' / 'b' / 'checkpoint').write_text('')
    assert make(*words).train.warm_start_from  # the checkpoint in --model_dir wins
    assert make('--model_dir=%s' % (tmp_path / 'new' / 'one'), '--warm_start_from=gs://bucket/resnet.ckpt').train.warm_start_from


def test_published_weights_and_files_of_other_libraries(make, tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'')
    assert make('--preset=blitznet300', '--warm_start_from=imagenet').train.weights_dir == 'data/weights'
    assert make('--preset=lite0', '--warm_start_from=%s' % (tmp_path / 'a.pth')).network.trunk == 'lite0'
    with pytest.raises(UserError, match='--warm_start_from=imagenet: the trunk tiny has no published weights'):
        make('--warm_start_from=imagenet')
    with pytest.raises(UserError, match='a.pth is a file of PyTorch, and the trunk resnet50 takes none: torchvision.*strides.*=imagenet'):
        make('--preset=blitznet300', '--warm_start_from=%s' % (tmp_path / 'a.pth'))
    with pytest.raises(UserError, match='--warm_start_from=gone.h5: there is no such file'):
        make('--preset=blitznet300', '--warm_start_from=gone.h5')


def test_a_start_from_a_model_of_another_trunk(make, run):
    with pytest.raises(UserError, match='--warm_start_from=.*model.ckpt-9 is of a network with --trunk=resnet50, and this one has --trunk=tiny'):
        make('--warm_start_from=%s' % (run / 'model.ckpt-9'))
    assert make('--warm_start_from=%s' % (run / 'model.ckpt-9'), '--preset=blitznet512').network.trunk == 'resnet50'


@pytest.mark.parametrize('arguments, message', [
    (['--preset=blitznet30'], r'--preset=blitznet30 is unknown. Nearest: blitznet300'),
    (['--trunk=resnet5'], 'Nearest: resnet50'),
    (['--mode=evaluate'], r'--mode=evaluate is unknown. Nearest: eval'),
    (['--nodetect', '--nosegment'], '--nodetect and --nosegment together'),
    (['--preset=ssd300', '--segment'], 'add --nosegment'),
    (['--preset=ssd300', '--x4'], 'add --nox4'),
    (['--preset=ssd300', '--head=shared'], 'leave out --head=shared'),
    (['--image_size=12'], '--image_size=12 is too small for --trunk=tiny: at least 16'),
    (['--det_kernel=2'], '--det_kernel=2: it is 1 or 3'),
    (['--num_classes=1'], 'background alone'),
    (['--batch_size=0'], '--batch_size=0 is too small'),
    (['--zoomout_prob=1.5'], 'zoomout_prob=1.5 is not in'),
    (['--scale_jitter=small,2'], '--scale_jitter holds "small", which is not a number'),
    (['--scale_jitter=2,1'], 'the smaller one first'),
    (['--lr_decay=300,200'], 'the steps must grow'),
    (['--lr_decay=3oo'], '--lr_decay holds "3oo"'),
    (['--lr_decay', '25000', '35000'], 'Unexpected words on the command line: 35000'),
    (['--loss_scale=0.5'], '--loss_scale=0.5'),
    (['--loss_weights=clas=1'], '--loss_weights=clas is unknown. Nearest: class. Known: class, bbox, segmentation'),
    (['--loss_weights=segmentation=1', '--nosegment'], '--loss_weights=segmentation is unknown. Known: class, bbox'),
    (['--loss_weights=class'], '--loss_weights holds "class", which is not NAME=NUMBER'),
    (['--loss_weights=class=-1'], 'the weight -1.0 of class is not 0 or more'),
    (['--loss_weights=class=1,class=2'], '--loss_weights names a loss twice: class, class'),
    (['--loss_weights=class=0,bbox=0', '--nosegment'], '--loss_weights leaves no loss'),
    (['--preset=ssd300', '--image_size=271'], '--image_size=271 is too small for --trunk=vgg16: at least 272'),
    (['--learning_rate=0'], 'must be above 0'),
    (['--train_files=a.tfrecord'], '--train_files goes with --dataset=records'),
    (['--class_file=missing.txt'], '--class_file=missing.txt'),
    (['--iterations_per_loop=300', '--train_steps=4000'], r'--train_steps=4000 \(nearest: 3900 or 4200\)'),
    (['--mode=predict'], '--mode=predict needs images'),
    (['--input=a.png'], '--input goes with --mode=predict'),
    (['--metrics=voc07,voc2012'], r'--metrics=voc2012 is unknown. Nearest: voc12'),
    (['--metrics='], '--metrics is empty'),
    (['--best_metric=miou'], '--best_metric=miou is unknown. Nearest: mIoU'),
    (['--best_metric=mAP_coco'], '--best_metric=mAP_coco needs coco in --metrics=voc07,voc12,miou'),
    (['--best_metric=mIoU', '--nosegment'], '--best_metric=mIoU: a network with --nosegment has no such metric'),
    (['--best_metric=pixel_accuracy', '--preset=ssd300'], '--best_metric=pixel_accuracy: a network with --nosegment'),
    (['--best_metric=mAP_voc07', '--nodetect'], '--best_metric=mAP_voc07: a network with --nodetect'),
    (['--best_metric=mIoU', '--nosegment', '--mode=eval'], 'a network with --nosegment'),
    (['--best_metric=mIoU', '--metrics=voc12'], '--best_metric=mIoU needs miou in --metrics=voc12'),
    (['--metrics=miou', '--nosegment'], '--metrics=miou has nothing for a network with --nosegment'),
    (['--metrics=voc07,coco', '--nodetect'], '--metrics=voc07,coco has nothing for a network with --nodetect'),
    (['--checkpoint_path=best'], '--checkpoint_path goes with --mode=eval, predict and export: a training starts'),
    (['--checkpoints=all'], '--checkpoints goes with --mode=eval, not --mode=train'),
    (['--mode=eval', '--checkpoints=first'], '--checkpoints=first: "first" is none of all, last'),
    (['--mode=eval', '--checkpoints=all', '--watch'], '--checkpoints and --watch: give one'),
    (['--watch_poll=0', '--mode=eval'], '--watch_poll=0'),
    (['--profile_steps=100'], '--profile_steps=100: it takes two steps'),
    (['--profile_steps=110,100'], '--profile_steps=110,100'),
    (['--profile_steps=a,b'], '--profile_steps holds "a"'),
])
def test_what_cannot_be_is_a_sentence(make, arguments, message):
    with pytest.raises(UserError, match=message):
        make(*arguments)


def test_a_damaged_saved_configuration_is_named(make, tmp_path):
    (tmp_path / 'config.json').write_text('{"network": ')
    with pytest.raises(UserError, match='config.json is not a configuration'):
        make('--mode=eval', '--model_dir=%s' % tmp_path)


def test_every_flag_has_help_and_a_field():
    for setting in flags.SETTINGS:
        assert setting.help.endswith('.'), setting.flag
        assert hasattr(getattr(Config(), setting.section), setting.field)
    assert len({setting.flag for setting in flags.SETTINGS}) == len(flags.SETTINGS)


@pytest.mark.parametrize('word, message', [
    ('--preset=tiney', 'error: --preset=tiney is unknown. Nearest: tiny, lite0.'),
    ('--warm_start_from=gone.ckpt', 'error: --warm_start_from=gone.ckpt: there is no such checkpoint.')])
def test_wrong_flags_stop_before_tensorflow_and_without_traceback(word, message):
    program = ('import sys, runpy; sys.argv = ["main.py", sys.argv[1]]\n'
               'try:\n    runpy.run_path("main.py", run_name="__main__")\nexcept SystemExit as stop:\n    code = stop.code\n'
               'assert "tensorflow" not in sys.modules\nsys.exit(code)')
    done = subprocess.run([sys.executable, '-c', program, word], capture_output=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(message)


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
