"""Ctrl-C, SIGTERM and SIGHUP: a request to save and to end, and at the second signal the end at once."""
import os
import select
import signal
import socket
import sys
import threading

CTRL_C = {signal.SIGINT: 'Ctrl-C'}
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
if hasattr(signal, 'SIGHUP'):  # the terminal is gone; not on Windows
    EXIT_CODES[signal.SIGHUP] = 143
PATIENCE = 2.  # seconds after which a user is told that the running step is waited for
WAITING = 'Training ends after the running step, and saves it. A second signal ends it at once, without saving.'


class Stopped(KeyboardInterrupt):
    """A signal ended the run. Its text is one sentence for the user; `exit_code` is that of the process."""

    def __init__(self, number, text):
        super().__init__(text)
        self.exit_code = EXIT_CODES[number]


class StopRequest:
    """A context manager that takes the signals over. It does nothing outside of the main thread, where Python cannot.

    A signal raises Stopped at once, but not between `defer` and `release`: there it sets `number`, and `release` raises. A signal that
    the caller ignores stays ignored, as under nohup. Inside its block a second one, or any other handler, may take the signals in turn.
    Code of others may make another error of Stopped, as an import of TensorFlow makes an ImportError: at the end of the block it is Stopped again.
    Where it is lost, as in a __del__ or another place of which Python drops the errors, it is raised once more.
    """

    def __init__(self, describe=lambda: '', waiting=WAITING):
        """describe: () -> what was saved, as sentences that follow the reason. waiting: said where the end takes a while."""
        self._describe, self._waiting = describe, waiting
        self.number = None
        self._deferred, self._watch, self._before = False, None, {}
        self._stopped = None  # what was raised

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._watch = _Watch(self._waiting, self._handle, lambda: self._stopped is not None)
            self._before = {number: signal.signal(number, self._handle) for number in EXIT_CODES if signal.getsignal(number) != signal.SIG_IGN}
        return self

    def __exit__(self, kind, error, trace):
        if self._watch is not None:
            self._watch.close()  # first: it knows our signals by their handler
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: it was not set by Python
        self._before, self._watch = {}, None
        if self._stopped is not None and isinstance(error, Exception):
            raise self._stopped

    def defer(self):
        """From here on work would be lost: a signal is a request."""
        self._deferred = True

    def release(self):
        """The work is saved. Raises Stopped where a signal came meanwhile."""
        self._deferred = False
        if self.number is not None:
            self._stop()

    def cancel(self):
        """As release, but the work ended by an error, which is what the user hears of."""
        self._deferred = False

    def _handle(self, number, frame):
        """Python calls this in the main thread, once that is out of TensorFlow's code."""
        self.number = number
        if number not in (signal.SIGINT, signal.SIGTERM):
            _leave_terminal()
        if not self._deferred and not _is_handled(self._stopped):
            self._stop()

    def _stop(self):
        reason = 'Stopped by %s.' % (CTRL_C.get(self.number) or signal.Signals(self.number).name)
        self._stopped = Stopped(self.number, ' '.join(filter(None, [reason, self._describe()])))
        raise self._stopped


def _is_handled(stopped):
    """Whether what the main thread is doing just now is to handle the error `stopped`, or one that came of it."""
    error, seen = sys.exc_info()[1], set()
    while error is not None and error is not stopped and id(error) not in seen:
        seen.add(id(error))
        error = error.__context__
    return error is not None and error is stopped


class _Watch:
    """A thread that hears of signals while the main thread is inside TensorFlow, where no handler of Python runs.

    It says what is waited for, and ends the process at the second signal. Where the handler has raised, and nothing ends, it calls it again.
    """

    def __init__(self, waiting, handler, has_raised):
        """handler: of the signals that it hears. Those that have another by now are that one's. has_raised: () -> whether the handler has."""
        self._waiting, self._handler, self._has_raised = waiting, handler, has_raised
        self._heard = False  # whether one of our signals came
        self._repeated = 0  # signals of its own that it has not heard yet
        self._ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self._theirs = theirs
        self._before = signal.set_wakeup_fd(theirs.fileno())
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self):
        """End the thread."""
        signal.set_wakeup_fd(self._before)
        self._theirs.close()
        self._thread.join()
        self._ours.close()

    def _listen(self):
        number, second = self._signal(), 0
        if number and not self._hears(PATIENCE):
            _say(self._waiting)
        while number and second == 0:
            second = self._signal(PATIENCE)
            if second == 0 and self._has_raised() and not self._repeat(number):
                return
        if second:
            os._exit(EXIT_CODES[second])  # the main thread may be in the middle of a step, where it hears nothing

    def _repeat(self, number):
        """Send a signal once more; returns whether it is still one of ours."""
        is_ours = signal.getsignal(number) == self._handler
        self._repeated += is_ours
        os.kill(os.getpid(), number)
        return is_ours

    def _is_ours(self, number):
        """Whether our handler gets a signal, or got the first one before another handler took its place."""
        return signal.getsignal(number) == self._handler or not self._heard and self._has_raised()

    def _hears(self, seconds):
        return bool(select.select([self._ours], [], [], seconds)[0])

    def _signal(self, seconds=None):
        """The next of our signals; 0 where nothing is heard for so many seconds, and None when it is over.

        Others, such as a child's end, are passed over.
        """
        while seconds is None or self._hears(seconds):
            byte = self._ours.recv(1)
            if not byte:
                return None
            if byte[0] in EXIT_CODES and self._is_ours(byte[0]):
                if not self._repeated:
                    self._heard = True
                    return byte[0]
                self._repeated -= 1
        return 0


def _forget():
    """A child that is forked, as by multiprocessing, has the signals as they were before: what it hears is not for this process."""
    for number in EXIT_CODES:
        if isinstance(getattr(signal.getsignal(number), '__self__', None), StopRequest):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            signal.set_wakeup_fd(-1)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget)


def _leave_terminal():
    """After SIGHUP each write to the terminal that is gone is an error, which would end training before it saves."""
    with open(os.devnull, 'w', encoding='utf-8') as nowhere:
        for descriptor in (1, 2):
            if os.isatty(descriptor) or not _is_writable(descriptor):
                os.dup2(nowhere.fileno(), descriptor)


def _is_writable(descriptor):
    try:
        os.write(descriptor, b'')
    except OSError:
        return False
    return True


def _say(text):
    try:
        sys.stderr.write('%s\n' % text)
        sys.stderr.flush()
    except (OSError, ValueError):  # the terminal is gone, as it is after SIGHUP
        pass
