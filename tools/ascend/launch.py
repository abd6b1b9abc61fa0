"""Start a training process for each card: python -m tools.ascend.launch --devices=0,1,2,3 --log_dir=runs/logs -- --mode=train ...

What follows -- are flags of main.py, or a whole command that begins with a program. Each process gets its own RANK_ID, ASCEND_DEVICE_ID and
log file; all share JOB_ID, RANK_SIZE and RANK_TABLE_FILE. When one dies the others are stopped, and its exit code is returned.
"""
import os
import sys

from blitznet_estimator import machine
from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import exit_by
from blitznet_estimator.platforms.rank_table import MOST, RankDevice, read_addresses, read_rank_table, write_rank_table
from tools import arguments
from tools.processes import Process, command_line, core_sets, parse_launch, supervise

TABLE = 'rank_table.json'
MAIN = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'main.py')


def parse_devices(text):
    """Device numbers of '0,1,2' or of '8', their count."""
    words = text.split(',')
    if not all(word.strip().isdecimal() for word in words):
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
    parser.add_argument('--restarts', type=int, default=0, help='times that all are started again where one fails (default: 0)')
    return parse_launch(parser, argv)


def plan(args):
    """The Processes, one for each device."""
    devices = parse_devices(args.devices)
    table, size = _table(args, devices), args.rank_size or len(devices)
    command = _command(args.command)
    ranks = range(args.rank_offset, args.rank_offset + len(devices))
    return [Process('rank %d' % rank, command, rank_environment(rank, size, device, table, args.job_id),
                    os.path.join(args.log_dir, 'rank_%d.log' % rank), cores)
            for rank, device, cores in zip(ranks, devices, core_sets(len(devices), machine.cores()))]


def main(argv):
    """Entry point; returns the exit code."""
    args = _parse(argv)
    processes = plan(args)
    if args.dry_run:
        print('\n'.join(table_lines(args, parse_devices(args.devices)) + ['Processes:']))
    for process in processes:
        print(command_line(process), flush=True)
    if args.dry_run:
        return 0
    os.makedirs(args.log_dir, exist_ok=True)
    return supervise(lambda: processes, args.restarts)


if __name__ == '__main__':
    exit_by(lambda: main([arguments.at_home(word) for word in sys.argv[1:]]))
