"""How a command ends: one sentence on the standard error where it must end early, and its exit code.

| exit code | what happened |
|---|---|
| 0 | all was done |
| 2 | a flag, a file or the data is wrong; the sentence names it |
| 3 | predict is done, but for images or videos that it could not read, which it lists |
| 130, 143 | Ctrl-C, or SIGTERM and SIGHUP |
| 138 | another process of a job that trains together was lost, or its port is taken: another start may go on |
| 141 | nobody reads the output any more, as in `... | head` |
"""
import atexit
import contextlib
import errno
import os
import re
import sys

from blitznet_estimator.errors import DISK_IS_FULL, UserError
from blitznet_estimator.stop_request import EXIT_CODES, StopRequest

WRONG, INCOMPLETE, LOST, INTERRUPTED, UNREAD = 2, 3, 138, 130, 141  # Kubernetes' TFJob starts again from 128 on
_REFUSED = re.compile(r'Read-only file system|Permission denied|Input/output error')  # as TensorFlow says it, whose errors have no number
_WAITING = 'The command ends when the call that runs now lets it. A second signal ends it at once.'


def exit_code_of(work):
    """Call work(), which returns an exit code or None for 0; returns the exit code of the process.

    SIGTERM and SIGHUP end it as Ctrl-C does, so that nothing half-written stays, where work does not take them itself.
    """
    try:
        with StopRequest(waiting=_WAITING):
            code = work() or 0
            sys.stdout.flush()
            return code
    except UserError as error:
        return _say('error: %s' % error, getattr(error, 'exit_code', WRONG))
    except KeyboardInterrupt as interrupt:
        return _say(str(interrupt) or 'Stopped by Ctrl-C.', getattr(interrupt, 'exit_code', INTERRUPTED))
    except Exception as error:
        if getattr(error, 'errno', None) == errno.EPIPE:
            return _unread()
        sentence = _of_disk(error)
        if not sentence:
            raise
        return _say('error: ' + sentence, WRONG)


def exit_by(work):
    """Call work() as `exit_code_of`, and end the process with that code.

    After a signal it ends without Python's own clean-up, in which what a library was stopped at would now and then crash it.
    """
    try:
        code = exit_code_of(work)
    except SystemExit as ended:  # of a tool, or of absl, that ran inside
        code = ended.code
    if code in EXIT_CODES.values():
        atexit._run_exitfuncs()
        for stream in sys.stdout, sys.stderr:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _of_disk(error):
    """A sentence for an error of the disk or the system, with the file where it is known; '' for any other error."""
    text, known = (str(error).strip().splitlines() or [''])[0].rstrip('.'), isinstance(error, OSError) and error.strerror
    if known:
        text = '%s%s' % ('%s: ' % error.filename if error.filename else '', error.strerror)
    if DISK_IS_FULL.search(text):
        return 'The disk takes no more (%s): make room, or name another folder, and give the same command again.' % text
    return text + '.' if known or _is_of_system(error) and _REFUSED.search(text) else ''


def _is_of_system(error):
    """Whether an error is the system's, or TensorFlow's, which need not be loaded."""
    return isinstance(error, OSError) or 'OpError' in [one.__name__ for one in type(error).__mro__]


def _say(sentence, code):
    print(sentence, file=sys.stderr)
    return code


def _unread():
    """What is still to be written goes nowhere, so that Python does not complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return UNREAD
