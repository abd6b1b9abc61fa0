"""Every early end is one sentence and its exit code."""
import errno
import subprocess
import sys

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import exit_code_of
from tests.paths import ROOT


def raising(error):
    def work():
        raise error
    return work


@pytest.mark.parametrize('error, code, said', [
    (UserError('--x=1 is wrong.'), 2, 'error: --x=1 is wrong.'),
    (KeyboardInterrupt(), 130, 'Stopped by Ctrl-C.'),
    (PermissionError(errno.EACCES, 'Permission denied', 'there'), 2, 'error: there: Permission denied.'),
    (OSError(errno.ENOSPC, 'No space left on device'), 2, 'error: No space left on device.')])
def test_an_early_end_is_one_sentence(capsys, error, code, said):
    assert exit_code_of(raising(error)) == code
    assert capsys.readouterr().err == said + '\n'


def test_what_work_returns_is_the_code():
    assert exit_code_of(lambda: None) == 0 and exit_code_of(lambda: 3) == 3


@pytest.mark.parametrize('error', [ValueError('a bug'), OSError('of a library')])
def test_what_is_no_fault_of_the_user_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        exit_code_of(raising(error))


def test_a_closed_pipe_ends_quietly():
    code = "import sys; from blitznet_estimator.exit_codes import exit_code_of; sys.exit(exit_code_of(lambda: print('x' * 10 ** 6)))"
    process = subprocess.Popen([sys.executable, '-c', code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b'', 141)
    process.stderr.close()
