"""The command lines of the tools: help and wrong arguments are there before TensorFlow, in words, with the exit code that fits."""
import re
import subprocess
import sys

import pytest

from blitznet_estimator import dataset_names
from blitznet_estimator.errors import UserError
from tests.paths import ROOT
from tools import arguments, prepare_data
from tools.preparation import convert

MODULES = ('benchmark', 'client', 'convert_weights', 'document_flags', 'inspect', 'prepare_data', 'report', 'score', 'serve', 'ascend.acceptance',
           'ascend.evaluate_om', 'ascend.freeze', 'ascend.launch', 'ascend.make_inputs', 'ascend.modelarts')


def start(module, *words):
    """(exit code, standard output, standard error) of a tool, which ends with `assert` where it loaded TensorFlow."""
    program = ('import runpy, sys\nsys.argv = sys.argv[1:]\ntry:\n    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)\n'
               'finally:\n    assert "tensorflow" not in sys.modules and "matplotlib" not in sys.modules\n')
    done = subprocess.run([sys.executable, '-c', program, 'tools.' + module] + list(words), capture_output=True, cwd=str(ROOT), text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('module', MODULES)
def test_help_comes_before_tensorflow(module):
    code, out, _ = start(module, '--help')
    assert code == 0 and 'usage:' in out


@pytest.mark.parametrize('module, words, message', [
    ('score', ['--detection=x'], 'error: --detection is no argument here. Nearest: --detections'),
    ('inspect', ['cost', '--image_size=abc'], 'error: --image_size=abc is not a whole number'),
    ('prepare_data', ['--format=png'], 'error: --format=png is none of ascend_raw, reference_jpeg'),
    ('prepare_data', ['--dataset=foldr'], 'error: --dataset=foldr is unknown. Nearest: folder'),
    ('ascend.freeze', ['--output=a.pb'], 'error: --checkpoint_path is missing'),
    ('serve', ['--model=x', '--max_batch=0'], 'error: --max_batch=0 is too small: at least 1.'),
    ('serve', ['--model=nowhere'], 'error: --model=nowhere: there is no such folder.'),
    ('client', ['--url=localhost', 'x.jpg'], 'error: --url=localhost is no address'),
    ('client', ['--url=http://localhost', 'x.jpg'], 'error: x.jpg: no such file'),
    ('benchmark', ['everything'], 'error: benchmark=everything is unknown')])
def test_wrong_arguments_are_a_sentence_before_tensorflow(module, words, message):
    code, _, text = start(module, *words)
    assert code == 2 and text.startswith(message) and len(text.splitlines()) == 1


def test_a_value_that_stands_alone():
    with pytest.raises(UserError, match='unexpected words: b'):
        arguments.Parser('tool').parse_args(['b'])


def test_the_help_lists_every_kind_of_dataset(capsys):
    with pytest.raises(SystemExit):
        prepare_data.parse(['--help'])
    names = re.split(r'[,\s]+', capsys.readouterr().out.split('datasets:')[1].strip())
    assert set(names) == {dataset_names.AUTO, 'tfds:NAME', 'datumaro:FORMAT'} | set(dataset_names.NAMES)


def test_the_formats_are_those_of_the_conversion():
    assert set(prepare_data.FORMATS) == set(convert.FORMATS)
