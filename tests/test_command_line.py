"""The words of the command line: help, the version, and sentences for what is no flag or no value of one."""
import importlib.util
import os
import re
import subprocess
import sys

import pytest
from absl import flags as absl_flags

import flags
from blitznet_estimator import other_flags
from blitznet_estimator.errors import UserError
from blitznet_estimator.version import VERSION
from tests.paths import ROOT


def _main(*words):
    done = subprocess.run([sys.executable, 'main.py'] + list(words), capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


def test_help_is_in_groups_with_every_flag_once():
    code, text, _ = _main('--helpfull')
    assert code == 0
    titles = [title for title, _ in flags.GROUPS] + ['Ascend NPUs']
    assert [line[:-1] for line in text.splitlines() if line.endswith(':') and not line.startswith(' ')] == titles
    for setting in flags.SETTINGS:
        assert len(re.findall(r'^  --(?:\[no\])?%s\b' % setting.flag, text, re.M)) == 1, setting.flag
    assert '--npu_precision_mode' in text and max(map(len, text.splitlines())) <= 120


def _page(*words):
    return flags.help_page(['main.py'] + list(words), 'Introduction.', flag_values=absl_flags.FLAGS)


def _shown(text):
    return re.findall(r'^  --(?:\[no\])?(\w+)', text, re.M)


def test_help_shows_the_common_flags_first(make):
    code, text, _ = _main('--help')
    shown = _shown(text)
    assert code == 0 and 20 <= len(shown) <= 30 and shown == [name for _, names in flags.COMMON for name in names]
    assert '--helpfull shows all' in text and shown == _shown(_main('-h')[1]) == _shown(_page())


@pytest.mark.parametrize('words, batch_size, steps, rate', [
    ((), 16, 1600, '0.004'), (('--preset=blitznet300',), 32, 40000, '0.0001'), (('--preset=blitznet512', '--dataset=voc07+12'), 32, 65000, '0.0001'),
    (('--learning_rate=0.5', '--help'), 16, 1600, '0.5'), (('--preset=wrong',), 16, 1600, '0.004'), (('--set=train.train_steps=7',), 16, 7, '0.004')])
def test_help_has_the_defaults_that_hold(make, words, batch_size, steps, rate):
    text = ' '.join(_page(*words).split())
    assert 'on each device. Default: %d.' % batch_size in text and 'included. Default: %d.' % steps in text
    assert 'after the warm-up. Default: %s.' % rate in text


@pytest.mark.parametrize('words', [('--mode=predict',), ('predict',), ('--mode', 'predict')])
def test_help_of_a_mode_has_the_flags_of_that_mode(make, words):
    shown = _shown(_page(*words))
    assert shown == [setting.flag for setting in flags.SETTINGS if 'predict' in setting.modes]
    assert 'input' in shown and 'learning_rate' not in shown


def test_a_tool_may_stand_in_the_place_of_a_mode(tmp_path):
    words = [sys.executable, os.path.join(ROOT, 'main.py'), 'score', '--detection=x']
    done = subprocess.run(words, capture_output=True, text=True, cwd=str(tmp_path))
    assert done.returncode == 2 and done.stderr.startswith('error: --detection is no argument here. Nearest: --detections')
    commands = [name[:-len('.py')] for name in os.listdir(os.path.join(ROOT, 'tools')) if name.endswith('.py') and name != 'arguments.py']
    assert set(flags.TOOLS) == set(commands) - {'__init__', 'document_flags', 'predictions', 'processes'} | {'report'}
    assert all(importlib.util.find_spec(module) for module in flags.TOOLS.values())


@pytest.mark.parametrize('words, sentence', [
    (['reprot'], 'error: reprot is no mode and no tool. Nearest: report'),
    (['predikt', '--x4'], 'error: predikt is no mode and no tool. Nearest: predict')])
def test_a_first_word_that_is_none(words, sentence):
    code, _, text = _main(*words)
    assert code == 2 and text.startswith(sentence)


def test_version():
    assert _main('--version')[:2] == (0, 'BlitzNet for the Estimator %s\n' % VERSION)
    done = subprocess.run([sys.executable, '-m', 'blitznet_estimator', '--version'], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith(VERSION + '\n')


@pytest.mark.parametrize('word, sentence', [
    ('--batchsize=3', 'error: --batchsize is no flag. Nearest: --batch_size'), ('--batch_size=abc', 'error: --batch_size=abc is not a whole number.'),
    ('--nox4=true', 'error: --nox4 takes no value: write --nox4 or --x4.'),
    ('--no-x4', 'error: --no-x4 is no flag: it is written --nox4.'),
    ('--batch-size=3', 'error: --batch-size is no flag: it is written --batch_size.'),
    ('---x4', 'error: ---x4 is no flag: it is written --x4.'), ('--no_x4', 'error: --no_x4 is no flag: it is written --nox4.'),
    ('--img-size=3', 'error: --img_size is no flag. Nearest: --image_size'), ('--flagfile', 'error: --flagfile needs a value: --flagfile=VALUE.'),
    ('--flagfile=gone.txt', 'error: --flagfile=gone.txt cannot be read: No such file or directory.'),
    ('--learning_rate=x', 'error: --learning_rate=x is not a number.'), ('--x4=maybe', 'error: --x4=maybe is not yes or no: --x4 or --nox4.')])
def test_wrong_words_are_sentences(word, sentence):
    code, _, text = _main(word)
    assert code == 2 and text.startswith(sentence) and len(text.splitlines()) == 1


@pytest.mark.parametrize('words, sentence', [
    (['--obs_dir=x'], 'error: --obs_dir is no flag. Here: tools/ascend/modelarts.py'),
    (['--run_name=x'], 'error: --run_name is no flag. Here: --model_dir'),
    (['--weights_path=x'], '--warm_start_from'), (['--batch_eval'], '--checkpoints=all'), (['--result_dir=x'], '--model_dir')])
def test_former_flags_are_answered(words, sentence):
    code, _, text = _main(*words)
    assert code == 2 and sentence in text and len(text.splitlines()) == 1


def test_the_published_command_line_says_the_one_that_works():
    published = ('--dataset=voc12-train --trunk=resnet50 --x4 --batch_size=32 --optimizer=adam --detect --segment --max_iterations=40000 '
                 '--lr_decay 25000 35000')
    code, _, text = _main(*published.split())
    assert code == 2 and '--preset=blitznet300 ' + published.replace(' 25000 35000', '=25000,35000') in text  # which its defaults are
    assert other_flags.with_commas(['--lr_decay', '1', '2', '--x4', 'word', '3']) == ['--lr_decay=1,2', '--x4', 'word', '3']


PORT = ('--data_dir=DATA/Datasets --weights_path=DATA/Weights_imagenet --result_dir=./result --run_name=BlitzNet300_x4_VOC12_detsegaug '
        '--dataset=voc12-train --trunk=resnet50 --x4 --batch_size=16 --optimizer=adam --detect --segment --max_iterations=40000 '
        '--lr_decay 25000 35000')
HERE = ('--preset=blitznet300 --data_dir=DATA/Datasets --warm_start_from=DATA/Weights_imagenet/resnet50_full.ckpt '
        '--model_dir=runs/BlitzNet300_x4_VOC12_detsegaug --dataset=voc12-train-seg --trunk=resnet50 --x4 --batch_size=16 --optimizer=adam '
        '--detect --segment --max_iterations=40000 --lr_decay=25000,35000')


def test_the_ports_command_line_says_the_one_that_works(make):
    """As its acceptance script has it, word for word: all former flags at once, and the whole line."""
    with pytest.raises(UserError) as caught:
        flags.read(['main.py'] + PORT.split(), absl_flags.FLAGS)
    assert str(caught.value).endswith('The whole line is here: %s.' % HERE)
    assert all('--%s is no flag. Here: ' % name in str(caught.value) for name in ('weights_path', 'result_dir', 'run_name'))
    assert flags.read(['main.py'] + HERE.split(), absl_flags.FLAGS) == ['main.py']


@pytest.mark.parametrize('words, line', [
    (['--run_name', 'X', '--no_seg_gt', '--x4'], ['--model_dir=runs/X', '--x4']), (['--weights_path=a/b.ckpt'], ['--warm_start_from=a/b.ckpt']),
    (['--obs_dir=obs://b', '--random_trunk_init', '--lr_decay', '1', '2'], ['--warm_start_from=', '--lr_decay=1,2']),
    (['--run_name=X', '--dataset=voc12-train'], ['--model_dir=runs/X', '--dataset=voc12-train']),  # the first code's means the split
    (['train', '--run_name=X', '--trunk=vgg16'], ['train', '--preset=ssd300', '--model_dir=runs/X', '--trunk=vgg16']),
    (['--no_seg_gt', '--trunk=resnet50', '--image_size=512'], ['--preset=blitznet512', '--trunk=resnet50', '--image_size=512'])])
def test_a_line_of_the_first_code_becomes_one_of_this(words, line):
    assert other_flags.translated(words) == line


def test_what_former_flags_are_answered_by_exists():
    names = {setting.flag for setting in flags.SETTINGS}
    for name, answer in other_flags.INSTEAD.items():
        assert name not in names
        assert set(re.findall(r'--(\w+)', answer)) <= names | {'data_url', 'train_url'}, name


@pytest.mark.parametrize('word', ['lr', 'imgsz', 'source', 'device', 'weights', 'workers', 'conf', 'iou', 'format', 'resume', 'name',
                                  'project'])
def test_a_flag_of_other_projects_is_answered_with_ours(make, word):
    with pytest.raises(UserError) as caught:
        flags.read(['main.py', '--%s=1' % word], absl_flags.FLAGS)
    named = re.findall(r'--(\w+)', str(caught.value))[1:]
    assert str(caught.value).startswith('--%s is no flag. Here: ' % word) and named and all(name in absl_flags.FLAGS for name in named)


def test_a_mode_may_stand_first_without_a_flag(make):
    assert flags.parse(['main.py', 'export'], '') == ['main.py'] and absl_flags.FLAGS.mode == 'export'


def test_a_flag_without_its_value(make):
    with pytest.raises(UserError, match='--batch_size needs a value: --batch_size=VALUE'):
        flags.read(['main.py', '--batch_size'], absl_flags.FLAGS)
