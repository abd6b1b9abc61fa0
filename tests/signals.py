"""Signals of the processes that tests start."""
import signal


def hear_all():
    """For a new process (preexec_fn): it hears what a shell's background jobs ignore, and what nohup does."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
