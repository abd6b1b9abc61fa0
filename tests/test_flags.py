"""The command line: presets, explicit flags, lists, recipes, and sentences for what can't be."""
import os
import re
import subprocess
import sys

import pytest

import flags
from blitznet_estimator import config as config_module
from blitznet_estimator import given_paths, heads, presets
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
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


def test_a_recipe_changes_how_a_preset_is_trained(make):
    published, modern, own = make('--preset=lite0'), make('--preset=lite0', '--recipe=modern'), make(
        '--preset=lite0', '--recipe=modern', '--ema_decay=0', '--set', 'data.scale_jitter=0.5,1.5')
    assert (published.train.ema_decay, published.data.scale_jitter) == (0, ())
    assert (modern.train.ema_decay, modern.train.clip_gradients, modern.train.warmup_step) == (.998, 10, 0)
    assert modern.train.lr_decay == published.train.lr_decay and modern.data.scale_jitter == (.7, 2.) and modern.network == published.network
    assert (own.train.ema_decay, own.data.scale_jitter) == (0, (.5, 1.5))  # a flag wins
    assert presets.recipe_of(modern).train == modern.train and presets.recipe_of(own).train.ema_decay == .998
    assert presets.describe_recipe(modern) == 'the modern recipe of lite0'
    with pytest.raises(UserError, match='--recipe=modrn is unknown. Nearest: modern'):
        make('--recipe=modrn')


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


@pytest.mark.parametrize('words, jitter', [
    ((), (.7, 2.)), (('--noaugment',), ()), (('--augment',), (.7, 2.)), (('--zoomout_prob=0.5',), ()), (('--zoomout_prob=0',), (.7, 2.)),
    (('--zoomout_prob=0.5', '--scale_jitter=0.5,1'), (.5, 1.)), (('--scale_jitter=',), ()),
    (('--recipe=modern', '--preset=lite0', '--noaugment'), ())])
def test_given_augmentation_takes_the_place_of_the_preset_s(make, words, jitter):
    assert make(*words).data.scale_jitter == jitter


@pytest.mark.parametrize('words, warning', [
    (['--mode=export', '--learning_rate=9'], '--learning_rate does nothing in --mode=export: it is for train.'),
    (['--mode=export', '--noaugment'], '--augment does nothing in --mode=export: it is for train.'),
    (['--mode=export', '--metrics=miou'], '--metrics does nothing in --mode=export: it is for train, eval.'),
    (['--set', 'run.mode=eval', '--learning_rate=9'], '--learning_rate does nothing in --mode=eval'),
    (['--mode=export', '--set', 'train.learning_rate=9'], '--set train.learning_rate does nothing in --mode=export: it is for train.'),
    (['--mode=export', '--set', 'network.top_fm=64'], ''),
    (['--platform=cpu', '--npu_deterministic'], '--npu_deterministic does nothing with --platform=cpu: it is for NPUs.'),
    (['--npu_deterministic'], ''),
    (['--output_dir=x'], '--output_dir does nothing in --mode=train: it is for predict, export.'),
    (['--reevaluate'], '--reevaluate does nothing in --mode=train: it is for eval.'),
    (['--train_steps=100'], '--train_steps=100 ends before the learning rate drops at 1120,1480, as the recipe has it (--lr_decay=1120,1480). '
     'Give --lr_decay=70,92, at the same parts of the training, or --lr_decay= for none.'),
    (['--train_steps=1400'], '--train_steps=1400 ends before the learning rate drops at 1480, as'),
    (['--train_steps=9000'], '--train_steps=9000 outlives the drops of the learning rate: the last 7520 steps are at 0.01 of it, as'),
    (['--train_steps=40000', '--dataset=coco-train', '--preset=blitznet300'],
     '--train_steps=40000 ends before the learning rate drops at 400000,550000'),
    (['--train_steps=100', '--lr_decay='], ''), (['--train_steps=100', '--lr_decay=50'], ''), (['--train_steps=1600'], ''),
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


def test_every_flag_has_help_and_a_field():
    for setting in flags.SETTINGS:
        assert setting.help.endswith('.'), setting.flag
        assert hasattr(getattr(Config(), setting.section), setting.field)
    assert len({setting.flag for setting in flags.SETTINGS}) == len(flags.SETTINGS)


@pytest.mark.parametrize('word, message', [
    ('--preset=tiney', 'error: --preset=tiney is unknown. Nearest: tiny, lite0.'),
    ('--warm_start_from=gone.ckpt', 'error: --warm_start_from=gone.ckpt: there is no such checkpoint.')])
def test_wrong_flags_stop_before_anything_slow_is_loaded_and_without_traceback(tmp_path, word, message):
    program = ('import sys, runpy; sys.argv = [%r, sys.argv[1]]; sys.path.insert(0, %r)\n'
               'try:\n    runpy.run_path(sys.argv[0], run_name="__main__")\nexcept SystemExit as stop:\n    code = stop.code\n'
               'assert not {"tensorflow", "numpy", "cv2", "tqdm"} & set(sys.modules)\nsys.exit(code)' % (os.path.join(ROOT, 'main.py'), ROOT))
    done = subprocess.run([sys.executable, '-c', program, word], capture_output=True, cwd=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.decode().startswith(message)
