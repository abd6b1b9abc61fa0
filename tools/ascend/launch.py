"""Start a training process for each card: python -m tools.ascend.launch --devices=0,1,2,3 --log_dir=runs/logs -- --mode=train ...

What follows -- are flags of main.py, or a whole command that begins with a program. Each process gets its own RANK_ID, ASCEND_DEVICE_ID and
log file; all share JOB_ID, RANK_SIZE and RANK_TABLE_FILE. When one dies the others are stopped, and its exit code is returned.
"""
import argparse
import os
import shlex
import signal
import subprocess
import sys
import time

from blitznet_estimator import machine
from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import exit_code_of
from blitznet_estimator.platforms.atc import shell_line
from blitznet_estimator.platforms.rank_table import MOST, RankDevice, read_addresses, read_rank_table, write_rank_table
from tools import arguments

GRACE = 10.  # seconds between asking the others to end and making them
TABLE = 'rank_table.json'
MAIN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'main.py')


def parse_devices(text):
    """Device numbers of '0,1,2' or of '8', their count."""
    words = text.split(',')
    if not all(word.strip().isdigit() for word in words):
        raise UserError('--devices=%s must be a count or numbers separated by commas.' % text)
    devices = [int(word) for word in words] if len(words) > 1 else list(range(int(text)))
    if len(set(devices)) < len(devices) or not 1 <= len(devices) <= MOST:
        raise UserError('--devices=%s: HCCL joins 1 to %d different devices of a server.' % (text, MOST))
    return devices


def rank_devices(devices, addresses, server):
    """RankDevices of this server's devices; UserError for those without an address."""
    missing = [device for device in devices if not addresses.get(device)]
    if missing and len(devices) > 1:
        raise UserError('No address is known for device %s: give all by --device_ips, or name a table by --rank_table. '
                        '`hccn_tool -i <device> -ip -g` prints one; /etc/hccn.conf was looked at.' % ', '.join(map(str, missing)))
    return [RankDevice(rank, server, device, addresses.get(device, '')) for rank, device in enumerate(devices)]


def rank_environment(rank, size, device, table, job_id):
    """The variables of one process. A single card needs no table."""
    variables = {'JOB_ID': job_id, 'RANK_ID': str(rank), 'RANK_SIZE': str(size), 'ASCEND_DEVICE_ID': str(device), 'DEVICE_ID': str(device)}
    return dict(variables, RANK_TABLE_FILE=table) if size > 1 else variables


def core_sets(count, cores):
    """`cores` in `count` equal parts, so that the processes' input pipelines do not get into each other's way."""
    share = len(cores) // count
    return [cores[i * share:(i + 1) * share] for i in range(count)] if share else [cores] * count


def launch(commands, environments, logs, cores, clock=time.monotonic, wait=time.sleep):
    """Run the commands side by side until all have ended well, or one has not; returns that one's exit code, or 0.

    logs: path of each one's output. cores: each one's CPU cores.
    """
    processes = []
    try:
        for command, environment, log, own in zip(commands, environments, logs, cores):
            processes.append(_start(command, environment, log, own))
        while True:
            codes = [process.poll() for process in processes]
            failed = [code for code in codes if code]
            if failed or None not in codes:
                return _exit_code(failed[0]) if failed else 0
            wait(.2)
    finally:
        _stop(processes, clock, wait)


def _start(command, environment, log, cores):
    def prepare():
        os.setsid()  # a group of its own, so that its children are stopped with it
        if hasattr(os, 'sched_setaffinity'):
            os.sched_setaffinity(0, cores)
    with open(log, 'ab') as output:
        return subprocess.Popen(command, env=dict(os.environ, **environment), stdout=output, stderr=subprocess.STDOUT, preexec_fn=prepare)


def _exit_code(code):
    """As a shell has it: 128 + the signal that ended a process."""
    return code if code > 0 else 128 - code


def _stop(processes, clock, wait):
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [process for process in processes if process.poll() is None]
        for process in alive:
            os.killpg(process.pid, number)
        deadline = clock() + GRACE
        while any(process.poll() is None for process in alive) and clock() < deadline:
            wait(.1)


def _table(args, devices):
    """Path of the job's rank table: the given one, checked, or one written into the log folder; '' for a single card."""
    if args.rank_table:
        count, size = len(read_rank_table(args.rank_table)), args.rank_size or len(devices)
        if count != size:
            raise UserError('--rank_table=%s is for %d ranks, but --%s.'
                            % (args.rank_table, count, 'rank_size=%d' % size if args.rank_size else 'devices names %d' % size))
        return os.path.abspath(args.rank_table)
    if len(devices) == 1:
        return ''
    path = os.path.join(os.path.abspath(args.log_dir), TABLE)
    if not args.dry_run:
        table = rank_devices(devices, _addresses(args, devices), args.server_id)
        os.makedirs(args.log_dir, exist_ok=True)
        write_rank_table(path, table)
    return path


def _addresses(args, devices):
    """{device: address of its network card}, as far as they are known here."""
    return dict(zip(devices, args.device_ips.split(','))) if args.device_ips else read_addresses()


def table_lines(args, devices):
    """What a dry run says of the table: where it comes from, and what this machine lacks for it."""
    if args.rank_table or len(devices) == 1:
        return ['Rank table: %s' % (args.rank_table or 'none, for a single card')]
    addresses = _addresses(args, devices)
    return ['Rank table: %s, written at the start:' % os.path.join(args.log_dir, TABLE)] + [
        '  rank %d = device %d, address %s' % (rank, device, addresses.get(device) or 'unknown here (--device_ips, or /etc/hccn.conf)')
        for rank, device in enumerate(devices)]


def _command(words):
    """What to run: main.py with flags, or the words themselves."""
    if not words:
        raise UserError('Say what to run after --, such as: -- --mode=train --platform=npu')
    return [sys.executable, MAIN, '--platform=npu'] + words if words[0].startswith('-') else words


def _parse(argv):
    parser = arguments.Parser('python -m tools.ascend.launch', description=__doc__)
    parser.add_argument('--devices', default='8', help='count, or numbers of the cards, comma-separated (default: 8)')
    parser.add_argument('--log_dir', default='runs/logs', help='folder of rank_<n>.log and of the rank table (default: runs/logs)')
    parser.add_argument('--rank_table', help='an existing rank table; default: one is written for the devices of this server')
    parser.add_argument('--rank_size', type=int, default=0, help='ranks of all servers together, with --rank_table (default: those here)')
    parser.add_argument('--rank_offset', type=int, default=0, help='rank of the first device here, with --rank_table (default: 0)')
    parser.add_argument('--device_ips', help='addresses of the devices, comma-separated; default: from /etc/hccn.conf')
    parser.add_argument('--server_id', default='127.0.0.1', help='address of this server in the written table (default: 127.0.0.1)')
    parser.add_argument('--job_id', default='10086', help='any text, the same for all ranks (default: 10086)')
    parser.add_argument('--dry_run', action='store_true', help='print what would be started, and stop')
    parser.add_argument('command', nargs=argparse.REMAINDER, help='-- and the flags of main.py, or a command')
    args = parser.parse_args(argv)
    args.command = args.command[1:] if args.command[:1] == ['--'] else args.command
    return args


def plan(args):
    """[(command, environment, log file)] of each process."""
    devices = parse_devices(args.devices)
    table, size = _table(args, devices), args.rank_size or len(devices)
    command = _command(args.command)
    return [(command, rank_environment(args.rank_offset + index, size, device, table, args.job_id),
             os.path.join(args.log_dir, 'rank_%d.log' % (args.rank_offset + index))) for index, device in enumerate(devices)]


def main(argv):
    """Entry point; returns the exit code."""
    args = _parse(argv)
    commands, environments, logs = zip(*plan(args))
    if args.dry_run:
        print('\n'.join(table_lines(args, parse_devices(args.devices)) + ['Processes:']))
    for command, environment, log in zip(commands, environments, logs):
        words = ' '.join('%s=%s' % (name, shlex.quote(value)) for name, value in sorted(environment.items()))
        print('%s %s >> %s 2>&1' % (words, shell_line(command), shlex.quote(log)), flush=True)
    if args.dry_run:
        return 0
    os.makedirs(args.log_dir, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the processes are stopped
    code = launch(commands, environments, logs, core_sets(len(commands), machine.cores()))
    if code:
        print('A rank ended with code %d; the others were stopped. See %s.' % (code, ', '.join(logs)), file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(exit_code_of(lambda: main([arguments.at_home(word) for word in sys.argv[1:]])))
