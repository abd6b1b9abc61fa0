"""The command lines of the tools: help and wrong arguments are there before TensorFlow, in words, with the exit code that fits."""
import glob
import json
import os
import re
import subprocess
import sys

import pytest

from blitznet_estimator import dataset_names
from blitznet_estimator.errors import UserError
from tests.paths import ROOT
from tools import arguments, prepare_data
from tools.preparation import convert


def _is_command(path):
    with open(path, encoding='utf-8') as file:
        return "if __name__ == '__main__':" in file.read()


MODULES = ['report'] + sorted(os.path.relpath(path, os.path.join(ROOT, 'tools'))[:-len('.py')].replace(os.sep, '.') for pattern in ('*', 'ascend/*')
                              for path in glob.glob(os.path.join(ROOT, 'tools', pattern + '.py')) if _is_command(path))
# A parser that shows its help says first, on standard error, what it and the parsers of its commands take: each option with its help
TOLD = """
import argparse, json, sys
def told(parser):
    of_commands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    inner = [one for action in of_commands for one in action.choices.values()]
    own = [[action.option_strings or [action.metavar or action.dest], action.help] for action in parser._actions if action not in of_commands]
    return [[parser.format_help(), own]] + [one for other in inner for one in told(other)]
def print_help(self, file=None):
    print(json.dumps(told(self)), file=sys.stderr)
    print(self.format_help())
argparse.ArgumentParser.print_help = print_help
"""


def start(module, *words, before=''):
    """(exit code, standard output, standard error) of a tool, which ends with `assert` where it loaded TensorFlow. before: code."""
    program = before + (
        'import runpy, sys\nsys.argv = sys.argv[1:]\ntry:\n    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)\n'
        'finally:\n    assert "tensorflow" not in sys.modules and "matplotlib" not in sys.modules\n')
    done = subprocess.run([sys.executable, '-c', program, 'tools.' + module] + list(words), capture_output=True, cwd=str(ROOT), text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('module', MODULES)
def test_help_is_complete_and_comes_before_tensorflow(module):
    code, out, told = start(module, '--help', before=TOLD)
    assert code == 0 and 'usage:' in out
    parsers = json.loads(told)
    for text, options in parsers:
        assert [names for names, help_text in options if not help_text or len(help_text) < 4] == []
        assert [names for names, _ in options if not all(name in text for name in names)] == []
    assert len(re.sub(r'\s+', ' ', parsers[0][0].partition('usage:')[2])) > 100  # it also says what the command is for


def test_all_commands_are_asked():
    assert {'launch', 'benchmark', 'inspect', 'serve', 'report', 'ascend.launch', 'ascend.modelarts'} < set(MODULES) and len(MODULES) > 15


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
