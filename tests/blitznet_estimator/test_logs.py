import ast
import glob
import io
import os
import re
import subprocess
import sys

from blitznet_estimator import logs
from tests.paths import ROOT

FOLDERS = 'blitznet_estimator', 'input_fn', 'model_fn', 'hooks', 'tools'
MODULES = [path for folder in FOLDERS for path in glob.glob(os.path.join(ROOT, folder, '**', '*.py'), recursive=True)]
MODULES += [os.path.join(ROOT, name) for name in ('main.py', 'flags.py')]
PROGRAM = '''
import logging, sys, warnings
from blitznet_estimator import logs
logs.setup()
import absl.logging
from blitznet_estimator.runtime import load, tf
load()
from tensorflow.python.util import deprecation
logs.log.info('ours %d', 1)
logs.log.warning('mind this')
warnings.warn('noise: python')
tf.logging.warning('noise: a library, by TensorFlow')
logging.getLogger('absl').warning('noise: a library, by absl')
tf.logging.error('an error')

@deprecation.deprecated(None, 'noise')
def old():
    pass

old()
with tf.Session() as session:
    session.run(tf.constant(1))
'''


def test_the_project_speaks_by_one_logger():
    """Another logger's warnings would be taken for a library's noise, and not be shown."""
    others = re.compile(r'absl import logging|absl\.logging|(?:tf\.)?logging\.(?:debug|info|warn|warning|error)\(')
    assert len(MODULES) > 100
    assert [path for path in MODULES if others.search(open(path, encoding='utf-8').read())] == []


def test_only_what_matters_is_printed():
    done = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ['ours 1', 'warning: mind this', 'error: an error']
    assert done.stdout == ''


def test_a_terminal_that_cannot_show_a_name_does_not_end_a_run(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    monkeypatch.setattr(sys, 'stdout', terminal)
    logs.setup()
    print('猫', flush=True)
    assert terminal.buffer.getvalue() == b'\\u732b\n'


def test_text_files_are_opened_in_an_encoding_that_no_locale_changes():
    guesses = []
    for path in MODULES:
        with open(path, encoding='utf-8') as file:
            tree = ast.parse(file.read())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'open'):
            binary = len(call.args) > 1 and 'b' in ast.literal_eval(call.args[1])
            if not binary and 'encoding' not in [keyword.arg for keyword in call.keywords]:
                guesses.append('%s:%d' % (path, call.lineno))
    assert guesses == []
