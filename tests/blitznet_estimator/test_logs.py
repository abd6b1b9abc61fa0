import glob
import os
import re
import subprocess
import sys

from tests.paths import ROOT

FOLDERS = 'blitznet_estimator', 'input_fn', 'model_fn', 'hooks', 'tools'
PROGRAM = '''
import logging, sys, warnings
from blitznet_estimator import logs
logs.setup()
import absl.logging
from blitznet_estimator.runtime import tf
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
    modules = [path for folder in FOLDERS for path in glob.glob(os.path.join(ROOT, folder, '**', '*.py'), recursive=True)]
    modules += [os.path.join(ROOT, name) for name in ('main.py', 'flags.py')]
    others = re.compile(r'absl import logging|absl\.logging|(?:tf\.)?logging\.(?:debug|info|warn|warning|error)\(')
    assert len(modules) > 100
    assert [path for path in modules if others.search(open(path).read())] == []


def test_only_what_matters_is_printed():
    done = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ['ours 1', 'warning: mind this', 'error: an error']
    assert done.stdout == ''
