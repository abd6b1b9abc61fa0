"""Train with several processes of this machine: python -m tools.launch --workers=4 -- --mode=train ...

What follows -- are flags of main.py, or a whole command that begins with a program. Each process gets a TF_CONFIG with free ports on 127.0.0.1,
and a log of its own. When one fails the others are stopped, its last lines are shown, and its exit code is returned. With --restarts the job
then starts again, from its last checkpoint. SIGTERM and Ctrl-C are passed on: training saves its step, and ends.
Several machines get their TF_CONFIG from Kubernetes or Slurm: see docs/distribution.md.
"""
import json
import os
import socket
import sys

from blitznet_estimator import machine
from blitznet_estimator.config import MODES
from blitznet_estimator.errors import UserError
from blitznet_estimator.exit_codes import exit_by
from tools import arguments
from tools.processes import Process, command_line, core_sets, parse_launch, supervise

HOST = '127.0.0.1'
MAIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'main.py')


def free_ports(count):
    """Numbers of ports of this machine that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def tf_config(cluster, kind, index):
    """TF_CONFIG of one process, as text. cluster: {type: addresses}."""
    return json.dumps({'cluster': cluster, 'task': {'type': kind, 'index': index}})


def plan(args):
    """The Processes: the workers, of which the first is the chief, and the evaluator and the parameter servers where they are asked for."""
    addresses = ['%s:%d' % (HOST, port) for port in free_ports(args.workers + args.ps)]
    cluster = {'worker': addresses[:args.workers]}
    if args.ps:
        cluster['ps'] = addresses[args.workers:]
    tasks = [('worker', index) for index in range(args.workers)] + [('evaluator', 0)] * args.evaluator + [('ps', index) for index in range(args.ps)]
    processes = []
    for number, ((kind, index), cores) in enumerate(zip(tasks, core_sets(len(tasks), machine.cores()))):
        environment = {'TF_CONFIG': tf_config(cluster, kind, index)}
        if args.gpus_per_worker:
            first = number * args.gpus_per_worker
            own = range(first, first + args.gpus_per_worker) if kind != 'ps' else ()
            environment['CUDA_VISIBLE_DEVICES'] = ','.join(map(str, own))
        log = os.path.join(args.log_dir, '%s_%d.log' % (kind, index))
        processes.append(Process('%s %d' % (kind, index), _command(args.command), environment, log, cores))
    return processes


def _command(words):
    """What to run: main.py with flags, or the words themselves."""
    if not words:
        raise UserError('Say what to run after --, such as: -- --mode=train --batch_size=8')
    return [sys.executable, MAIN] + words + ['--noprogress'] if words[0].startswith('-') or words[0] in MODES else words


def _parse(argv):
    parser = arguments.Parser('python -m tools.launch', description=__doc__)
    parser.add_argument('--workers', type=int, default=2, help='processes that train together, each with batches of its own (default: 2)')
    parser.add_argument('--ps', type=int, default=0, help='parameter servers, processes that hold the weights: the workers then make steps of their '
                        'own (default: 0, each worker holds the weights)')
    parser.add_argument('--evaluator', action='store_true', help='one more process, which evaluates each checkpoint')
    parser.add_argument('--gpus_per_worker', type=int, default=0, help='GPUs that each process sees, its own ones (default: 0, all see all)')
    parser.add_argument('--log_dir', default='runs/logs', help='folder of worker_<n>.log and ps_<n>.log (default: runs/logs)')
    parser.add_argument('--restarts', type=int, default=0, help='times that the job is started again where a process fails (default: 0)')
    parser.add_argument('--grace', type=float, default=60., help='seconds from asking a process to end to killing it (default: 60)')
    args = parse_launch(parser, argv)
    for name, least in (('workers', 1), ('ps', 0), ('gpus_per_worker', 0), ('restarts', 0), ('grace', 0)):
        if getattr(args, name) < least:
            raise UserError('--%s=%s is too small: at least %s.' % (name, getattr(args, name), least))
    return args


def main(argv):
    """Entry point; returns the exit code."""
    args = _parse(argv)
    for process in plan(args) if args.dry_run else ():
        print(command_line(process))
    if args.dry_run:
        return 0
    os.makedirs(args.log_dir, exist_ok=True)

    def start():
        processes = plan(args)
        for process in processes:
            print('%s: its log is %s' % (process.name, process.log), flush=True)
        return processes
    return supervise(start, args.restarts, args.grace)


if __name__ == '__main__':
    exit_by(lambda: main([arguments.at_home(word) for word in sys.argv[1:]]))
