"""Every early end is one sentence and its exit code."""
import errno
import os
import signal
import subprocess
import sys

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import exit_code_of
from tests.paths import ROOT
from tests.signals import hear_all, heard

FULL = 'error: The disk takes no more (%s): make room, or name another folder, and give the same command again.'


class OpError(Exception):
    """By its name like TensorFlow's, which this module does not load."""


class ResourceExhaustedError(OpError):
    """A full disk, to TensorFlow."""


class PermissionDeniedError(OpError):
    """A read-only disk, to TensorFlow."""


def raising(error):
    def work():
        raise error
    return work


@pytest.mark.parametrize('error, code, said', [
    (UserError('--x=1 is wrong.'), 2, 'error: --x=1 is wrong.'),
    (KeyboardInterrupt(), 130, 'Stopped by Ctrl-C.'),
    (PermissionError(errno.EACCES, 'Permission denied', 'there'), 2, 'error: there: Permission denied.'),
    (OSError(errno.EROFS, 'Read-only file system', 'there'), 2, 'error: there: Read-only file system.'),
    (OSError(errno.ENOSPC, 'No space left on device', 'there'), 2, FULL % 'there: No space left on device'),
    (OSError('240 requested and 24 written'), 2, FULL % '240 requested and 24 written'),  # numpy's
    (ResourceExhaustedError('there.tmp; No space left on device\nin an op'), 2, FULL % 'there.tmp; No space left on device'),
    (RuntimeError('write failed: File too large'), 2, FULL % 'write failed: File too large'),
    (PermissionDeniedError('there; Permission denied'), 2, 'error: there; Permission denied.'),
    (PermissionDeniedError('there; Read-only file system'), 2, 'error: there; Read-only file system.')])
def test_an_early_end_is_one_sentence(capsys, error, code, said):
    assert exit_code_of(raising(error)) == code
    assert capsys.readouterr().err == said + '\n'


def test_what_work_returns_is_the_code():
    assert exit_code_of(lambda: None) == 0 and exit_code_of(lambda: 3) == 3


@pytest.mark.parametrize('error', [ValueError('a bug'), OSError('of a library'), OpError('a bug'), RuntimeError('Permission denied')])
def test_what_is_no_fault_of_the_user_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        exit_code_of(raising(error))


WORKS = '''
import sys, time
from blitznet_estimator import files
from blitznet_estimator.exit_codes import exit_code_of

def work():
    with files.replacing(sys.argv[1]) as temporary, open(temporary, 'w') as file:
        file.write('half')
        file.flush()
        print('ready', flush=True)
        time.sleep(60)

sys.exit(exit_code_of(work))
'''


@pytest.mark.parametrize('number, code, said', [(signal.SIGTERM, 143, 'SIGTERM'), (signal.SIGHUP, 143, 'SIGHUP'), (signal.SIGINT, 130, 'Ctrl-C')])
def test_a_signal_ends_any_command_in_a_sentence_and_leaves_nothing(tmp_path, number, code, said):
    process = subprocess.Popen([sys.executable, '-c', WORKS, str(tmp_path / 'a')], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, preexec_fn=hear_all)
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    assert process.communicate() == ('', 'Stopped by %s.\n' % said)
    assert process.returncode == code and os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize('made', [ImportError('numpy failed'), UserError('TensorFlow cannot be imported'), SystemError('it was unreported')])
@pytest.mark.parametrize('number, code, said', [(signal.SIGTERM, 143, 'SIGTERM'), (signal.SIGINT, 130, 'Ctrl-C')])
def test_a_signal_that_others_make_an_error_of_is_still_a_signal(capsys, made, number, code, said):
    def work():
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt:  # as the import of a library's C++ code does
            raise made
    with heard():
        assert exit_code_of(work) == code
    assert capsys.readouterr().err == 'Stopped by %s.\n' % said


@pytest.mark.parametrize('last', ['', 'raise SystemExit(143)'])
def test_after_a_signal_nothing_can_crash_in_the_clean_up_of_python(last):
    code = """
import atexit, os, signal
from blitznet_estimator.exit_codes import exit_by
class Crash:
    def __del__(self):
        os.abort()
crash = Crash()
atexit.register(print, 'closed')
def work():
    print('done')
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        %s
        raise
exit_by(work)
""" % (last or 'pass')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, 'done\nclosed\n', '' if last else 'Stopped by SIGTERM.\n')


def test_a_child_that_is_forked_keeps_the_signals_of_its_own():
    code = """
import os, signal, time
from blitznet_estimator.exit_codes import exit_code_of
def work():
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(7)
    print(os.waitpid(child, 0)[1], flush=True)
    time.sleep(.1)
raise SystemExit(exit_code_of(work))
"""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], cwd=ROOT, capture_output=True, text=True)  # Python warns of fork
    assert (done.returncode, done.stdout, done.stderr) == (0, '%d\n' % signal.SIGTERM, '')


def test_a_closed_pipe_ends_quietly():
    code = "import sys; from blitznet_estimator.exit_codes import exit_code_of; sys.exit(exit_code_of(lambda: print('x' * 10 ** 6)))"
    process = subprocess.Popen([sys.executable, '-c', code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b'', 141)
    process.stderr.close()
