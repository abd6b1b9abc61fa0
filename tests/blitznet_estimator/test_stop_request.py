"""Signals to this very process, which the context manager takes over and gives back."""
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest

from blitznet_estimator import stop_request
from blitznet_estimator.stop_request import Stopped, StopRequest
from tests.signals import hear_all

SIGNALS = [(signal.SIGINT, 'Ctrl-C', 130), (signal.SIGTERM, 'SIGTERM', 143), (signal.SIGHUP, 'SIGHUP', 143)]


@pytest.fixture(autouse=True)
def plain_handlers():
    """Whatever a test leaves behind, and however this process was started."""
    before = {number: signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
              for number, _, _ in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('number, name, code', SIGNALS)
def test_with_nothing_to_save_it_stops_at_once(number, name, code):
    with pytest.raises(Stopped) as stopped, StopRequest(lambda: 'Step 7 is saved.'):
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert (str(stopped.value), stopped.value.exit_code) == ('Stopped by %s. Step 7 is saved.' % name, code)


class Deaf:
    """Python drops the errors of a __del__, and so the one that a signal raises there."""

    def __init__(self, number):
        self._number = number

    def __del__(self):
        os.kill(os.getpid(), self._number)
        time.sleep(.01)


def wait(seconds):
    """Until then, with many places where a handler can be called."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(.01)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
@pytest.mark.parametrize('number, name, code', SIGNALS)
def test_a_stop_that_is_lost_is_raised_again(number, name, code, monkeypatch):
    monkeypatch.setattr(stop_request, 'PATIENCE', .05)
    with pytest.raises(Stopped, match=name) as stopped, StopRequest():
        Deaf(number)
        wait(10)
    assert stopped.value.exit_code == code


@pytest.mark.parametrize('of_another', [False, True])
def test_what_is_done_because_of_a_stop_is_not_disturbed(of_another, monkeypatch):
    monkeypatch.setattr(stop_request, 'PATIENCE', .02)
    done = []
    with pytest.raises(Stopped), StopRequest():
        try:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                wait(10)
            except Stopped:
                if of_another:
                    raise ImportError
                raise
        finally:
            wait(.3)
            done.append(True)
    assert done


def test_a_stop_that_is_lost_reaches_a_handler_that_was_set_since(monkeypatch):
    monkeypatch.setattr(stop_request, 'PATIENCE', .2)
    heard = []
    with StopRequest():
        Deaf(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        wait(1)
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize('number, name, code', SIGNALS)
def test_while_there_is_work_to_save_it_waits(number, name, code):
    done = []
    with pytest.raises(Stopped, match=name) as stopped, StopRequest() as request:
        request.defer()
        os.kill(os.getpid(), number)
        done.append(request.number)
        request.release()
    assert done == [number] and stopped.value.exit_code == code


def test_an_error_meanwhile_is_what_is_told():
    with pytest.raises(ValueError), StopRequest() as request:
        request.defer()
        os.kill(os.getpid(), signal.SIGTERM)
        request.cancel()
        raise ValueError


def test_the_handlers_are_given_back():
    before = [signal.getsignal(number) for number, _, _ in SIGNALS], threading.active_count()
    with StopRequest() as request:
        assert signal.getsignal(signal.SIGTERM) == request._handle
        request.defer()
        request.release()
    assert ([signal.getsignal(number) for number, _, _ in SIGNALS], threading.active_count()) == before
    assert signal.set_wakeup_fd(-1) == -1


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    with StopRequest():
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_another_thread_takes_nothing_over():
    seen = []

    def use():
        with StopRequest() as request:
            request.defer()
            request.release()
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


# A long step: the main thread stays inside a call of C, and Python's handlers do not run. (The second sleep: the first may be cut short.)
BUSY = '''
import ctypes
from blitznet_estimator import stop_request
stop_request.PATIENCE = .1
wait = ctypes.CDLL(None).sleep
with stop_request.StopRequest() as request:
    request.defer()
    print('ready', flush=True)
    wait(30)
    wait(30)
'''


@pytest.mark.parametrize('number, code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_it_at_once_whatever_runs(number, code):
    process = subprocess.Popen([sys.executable, '-c', BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    assert process.stderr.readline() == stop_request.WAITING + '\n'
    process.send_signal(number)
    assert process.wait(10) == code
    assert process.stderr.read() == ''
    process.stdout.close()
    process.stderr.close()


def test_a_handler_that_is_set_inside_has_the_signals_for_itself():
    """As a server's: the outer one neither speaks nor ends the process at the second signal."""
    code = """
import os, signal, time
from blitznet_estimator import stop_request
stop_request.PATIENCE = .05
heard = []
with stop_request.StopRequest():
    signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(.1)
print(len(heard))
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, '3\n', '')


HUNG_UP = '''
import os, signal, sys, time
from blitznet_estimator import stop_request
with stop_request.StopRequest() as request:
    request.defer()
    os.write(1, b'ready')
    while request.number is None:
        time.sleep(.01)
    sys.stderr.write('a bar')  # an error where the terminal is gone
    sys.stderr.flush()
    open(sys.argv[1], 'w').close()  # as a checkpoint is saved
    try:
        request.release()
    except stop_request.Stopped as stopped:
        sys.exit(stopped.exit_code)
'''


def test_a_terminal_that_is_gone_ends_nothing_before_the_save(tmp_path):
    master, terminal = pty.openpty()
    process = subprocess.Popen([sys.executable, '-c', HUNG_UP, str(tmp_path / 'saved')], stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True, preexec_fn=hear_all)
    os.close(terminal)
    assert os.read(master, 5) == b'ready'
    os.close(master)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 143 and (tmp_path / 'saved').exists()
