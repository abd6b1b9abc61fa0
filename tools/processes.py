"""Processes of one job, side by side on this machine: started, watched, stopped together, and started again where that is asked for."""
import argparse
import collections
import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time

from blitznet_estimator.exit_codes import LOST, WRONG
from blitznet_estimator.platforms.atc import shell_line
from blitznet_estimator.stop_request import EXIT_CODES

GRACE = 10.  # seconds between asking processes to end and making them, where nothing says otherwise
_UNBLAMED = 2.  # seconds that are waited for the end of the process that those which lost another one are talking of
_LAST_LINES = 5  # of a log, that are shown of a process that failed
_PR_SET_PDEATHSIG = 1  # of Linux' prctl
# name: for messages, such as "worker 1". environment: variables beside those of this process. log: path. cores: numbers of the CPU's.
Process = collections.namedtuple('Process', 'name command environment log cores')


class Stopped(Exception):
    """A signal asks this process, and so the whole job, to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def parse_launch(parser, argv):
    """The parsed arguments of a launcher. Its own last ones are --dry_run and `command`, the words that come after --."""
    parser.add_argument('--dry_run', action='store_true', help='print what would be started, and stop')
    parser.add_argument('command', nargs=argparse.REMAINDER, help='-- and the flags of main.py, or a command')
    args = parser.parse_args(argv)
    args.command = args.command[1:] if args.command[:1] == ['--'] else args.command
    return args


def supervise(plan, restarts=0, grace=GRACE, clock=time.monotonic, wait=time.sleep):
    """Run a job until all of its processes have ended well, or one has not: then the others are stopped; returns that one's exit code, or 0.

    SIGTERM, SIGHUP and Ctrl-C are passed on to the processes, which have `grace` seconds to end; the exit code is that of the signal. Where
    this process is killed, Linux sends them SIGTERM.

    Args:
      plan: () -> the list of Processes. It is called at each start.
      restarts: how many times the whole job is started again after a failure that another start may not meet.
    """
    before = {number: signal.signal(number, _raise_stopped) for number in EXIT_CODES if signal.getsignal(number) != signal.SIG_IGN}
    try:
        for left in range(restarts, -1, -1):
            code = _run_once(plan(), grace, left, clock, wait)
            if code in (0, WRONG):  # a flag, a file or the data would be wrong at the next start, too
                return code
        return code
    except Stopped as stopped:
        return EXIT_CODES[stopped.number]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command_line(process):
    """The Process as a shell would start it."""
    words = ' '.join('%s=%s' % (name, shlex.quote(value)) for name, value in sorted(process.environment.items()))
    return '%s %s >> %s 2>&1' % (words, shell_line(process.command), shlex.quote(process.log))


def _raise_stopped(number, frame):
    raise Stopped(number)


def _run_once(planned, grace, restarts_left, clock, wait):
    """The exit code of one start of the job."""
    running, number, patience = [], signal.SIGTERM, min(grace, GRACE)  # nobody can finish a step of a job that lost a process
    try:
        for process in planned:
            running.append(_start(process))
        failed = _first_failure(running, clock, wait)
        if failed is None:
            return 0
        code = _exit_code(running[failed].returncode)
        end = ' The job starts again (%d more restarts).' % (restarts_left - 1) if restarts_left and code != WRONG else ''
        print('%s ended with code %d; the others are stopped.%s %s' % (planned[failed].name, code, end, _last_words(planned[failed].log)),
              file=sys.stderr, flush=True)
        return code
    except Stopped as stopped:
        number, patience = stopped.number, grace
        raise
    finally:
        _stop(running, number, patience, clock, wait)


def _first_failure(running, clock, wait):
    """Index of the process that failed first, once one has; None when all have ended well. One that only lost another is no culprit."""
    since = None
    while True:
        codes = [process.poll() for process in running]
        failed = [index for index, code in enumerate(codes) if code]
        culprits = [index for index in failed if codes[index] != LOST]
        if culprits:
            return culprits[0]
        if failed:
            since = clock() if since is None else since
            if clock() - since >= _UNBLAMED:
                return failed[0]
        elif None not in codes:
            return None
        wait(.2)


def _last_words(log):
    """Where a process's log is, and its last lines."""
    try:
        with open(log, 'rb') as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - (1 << 14)))
            lines = file.read().decode('utf-8', 'replace').splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    return 'Its log %s ends with:\n%s' % (log, '\n'.join('  ' + line for line in lines)) if lines else 'Its log %s is empty.' % log


def _start(process):
    prctl = getattr(ctypes.CDLL(None), 'prctl', None)  # not on macOS

    def prepare():
        os.setsid()  # a group of its own, so that its children are stopped with it
        if prctl:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if hasattr(os, 'sched_setaffinity') and process.cores:
            os.sched_setaffinity(0, process.cores)
    with open(process.log, 'ab') as output:
        return subprocess.Popen(process.command, env=dict(os.environ, **process.environment), stdout=output, stderr=subprocess.STDOUT,
                                preexec_fn=prepare)


def _exit_code(code):
    """As a shell has it: 128 + the signal that ended a process."""
    return code if code > 0 else 128 - code


def _stop(running, first, grace, clock, wait):
    """End what still runs: by the signal `first`, and after `grace` seconds by SIGKILL. A second signal to this process does so at once."""
    for number in (first, signal.SIGKILL):
        alive = [process for process in running if process.poll() is None]
        for process in alive:
            os.killpg(process.pid, number)
        deadline = clock() + grace
        try:
            while any(process.poll() is None for process in alive) and clock() < deadline:
                wait(.1)
        except Stopped:
            continue


def core_sets(count, cores):
    """`cores` in `count` equal parts, so that the processes' input pipelines do not get into each other's way."""
    share = len(cores) // count
    return [cores[i * share:(i + 1) * share] for i in range(count)] if share else [cores] * count
