"""Converters as processes: a line now and then while one runs, and its last words where it fails. None outlives this process's interest in it."""
import subprocess
import time

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

LINE_EVERY = 10.  # seconds between two lines of progress
LAST_LINES = 8  # of what a failed process printed, in the message


def run(command, output, title, **options):
    """Run a command to its end. UserError, with the last lines that it printed, where it fails.

    output: path of a file for what it prints. title: of the lines of progress. options: of subprocess.Popen.
    """
    with open(output, 'wb') as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, **options)
        try:
            code = waited(process, title)
        finally:
            process.kill()
            process.wait()
    if code:
        with open(output, errors='replace', encoding='utf-8') as file:
            raise UserError('%s failed:\n%s' % (title, ''.join(file.readlines()[-LAST_LINES:]).rstrip()))


def waited(process, title):
    """The exit code of a process, with a line now and then until it ends."""
    begin = time.monotonic()
    while True:
        try:
            code = process.wait(LINE_EVERY)
        except subprocess.TimeoutExpired:
            log.info('%s: %d s so far', title, time.monotonic() - begin)
        else:
            log.info('%s: %.1f s', title, time.monotonic() - begin)
            return code
