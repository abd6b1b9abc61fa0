"""Signals of the processes that tests start, and of the tests' own."""
import contextlib
import signal

STOPPING = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def hear_all():
    """For a new process (preexec_fn): it hears what a shell's background jobs ignore, and what nohup does."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def heard():
    """This process hears them, too, within a `with` block."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    hear_all()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
