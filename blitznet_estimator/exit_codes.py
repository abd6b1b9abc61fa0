"""How a command ends: one sentence on the standard error where it must end early, and its exit code.

| exit code | what happened |
|---|---|
| 0 | all was done |
| 2 | a flag, a file or the data is wrong; the sentence names it |
| 3 | predict is done, but for images or videos that it could not read, which it lists |
| 4 | another process of a job that trains together was lost |
| 130, 143 | Ctrl-C, or SIGTERM and SIGHUP |
| 141 | nobody reads the output any more, as in `... | head` |
"""
import errno
import os
import sys

from blitznet_estimator.errors import UserError

WRONG, INCOMPLETE, LOST, INTERRUPTED, UNREAD = 2, 3, 4, 130, 141


def exit_code_of(work):
    """Call work(), which returns an exit code or None for 0; returns the exit code of the process."""
    try:
        code = work() or 0
        sys.stdout.flush()
        return code
    except UserError as error:
        return _say('error: %s' % error, getattr(error, 'exit_code', WRONG))
    except KeyboardInterrupt as interrupt:
        return _say(str(interrupt) or 'Stopped by Ctrl-C.', getattr(interrupt, 'exit_code', INTERRUPTED))
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _unread()
        if not error.strerror:  # it is of a library, not of the system
            raise
        return _say('error: %s%s.' % ('%s: ' % error.filename if error.filename else '', error.strerror), WRONG)


def _say(sentence, code):
    print(sentence, file=sys.stderr)
    return code


def _unread():
    """What is still to be written goes nowhere, so that Python does not complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return UNREAD
