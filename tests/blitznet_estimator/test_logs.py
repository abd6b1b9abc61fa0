import logging
import subprocess
import sys

from blitznet_estimator import logs

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


def test_what_the_project_says_by_other_loggers_is_shown():
    for path, shown in ((logs.__file__, True), (logging.__file__, False)):
        assert logs._is_ours_or_an_error(logging.LogRecord('absl', logging.WARNING, path, 1, '', (), None)) == shown


def test_only_what_matters_is_printed():
    done = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ['ours 1', 'warning: mind this', 'error: an error']
    assert done.stdout == ''
