"""Serves an exported SavedModel over HTTP, by TensorFlow Serving's REST API.

  python -m tools.serve --model=runs/tiny/export              # a folder of numbered versions: the newest is served, and new ones swap in
  python -m tools.serve --model=runs/tiny/export/1700000000   # one version
  python -m tools.serve --model=runs/tiny/export --engine=openvino  # by another engine than TensorFlow
  curl http://127.0.0.1:8501/v1/models/blitznet

A browser shows what the model finds at http://127.0.0.1:8501. --samples=photos/ lets it offer pictures to try.

Requests that wait at the same time are run as one batch. SIGTERM ends the server when all that was sent is answered. Nobody but this
machine is served unless --host says so: there is no password. docs/serving.md has the API, and clients.
"""
import importlib.util
import os
import sys

from blitznet_estimator.engines import choice
from blitznet_estimator.engines import registry as engines
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log
from tools import arguments
from tools.serving import hosts, versions

PACKAGES = ('flask', 'waitress', 'prometheus_client')
SPARE_THREADS = 4  # for questions about the server's health, and for saying that it is full
LOST = 1  # exit code where requests got no answer
NOTICE_S = 1  # between saying that the server ends and refusing connections


def parse(argv):
    """Parsed and checked arguments."""
    parser = arguments.Parser('python -m tools.serve', description=__doc__)
    parser.add_argument('--model', required=True, help='folder of numbered versions of a SavedModel, or one version')
    parser.add_argument('--engine', default=engines.DEFAULT, help='what runs it: %s (default: %s)' % (', '.join(engines.ENGINES), engines.DEFAULT))
    parser.add_argument('--name', default='blitznet', help='of the model, in /v1/models/NAME (default: blitznet)')
    parser.add_argument('--host', default='127.0.0.1', help='address to serve at; 0.0.0.0 = all of this machine (default: 127.0.0.1)')
    parser.add_argument('--port', type=int, default=8501, help="0 = any free one (default: 8501, TensorFlow Serving's)")
    parser.add_argument('--allowed_hosts', default='', help='names, comma-separated, that clients may call the server by, beside localhost and '
                        '--host; those of a proxy, for example (default: none, or any where --host is reached from elsewhere)')
    parser.add_argument('--samples', default='', help='pictures for the web page: files, folders and globs, comma-separated, or a split of the '
                        "model's dataset, such as val. Whoever reaches the server sees them (default: none)")
    group = parser.add_argument_group('batches')
    group.add_argument('--max_batch', type=int, default=8, help='most pictures that are run as one (default: 8)')
    group.add_argument('--batch_wait_ms', type=float, default=5, help='how long the first of a batch waits for others (default: 5)')
    group = parser.add_argument_group('limits')
    group.add_argument('--max_queue', type=int, default=64, help='requests that may wait; others are answered 503 (default: 64)')
    group.add_argument('--timeout_s', type=float, default=30, help='seconds after which a request is answered 504 (default: 30)')
    group.add_argument('--drain_s', type=float, default=60, help='longest time from SIGTERM to the end (default: 60)')
    group.add_argument('--max_body_mb', type=float, default=32, help='of a request (default: 32)')
    group.add_argument('--max_pictures', type=int, default=256, help='pictures, or other entries, of a request (default: 256)')
    group.add_argument('--max_pixels', type=int, default=50 * 10 ** 6,
                       help='of a picture, by its header, and of all that are decoded at once (default: 50000000)')
    group.add_argument('--max_numbers', type=int, default=10 ** 7,
                       help='of the values in a request, and of the arrays in an answer (default: 10000000)')
    parser.add_argument('--poll_s', type=float, default=1, help='seconds between two looks for new versions; 0 = never (default: 1)')
    args = parser.parse_args(argv)
    _check(args)
    return args


def _check(args):
    """UserError for a value that the server cannot have."""
    for name, low in (('port', 0), ('max_batch', 1), ('batch_wait_ms', 0), ('max_queue', 1), ('timeout_s', .001), ('drain_s', 0),
                      ('max_body_mb', .001), ('max_pictures', 1), ('max_pixels', 1), ('max_numbers', 1), ('poll_s', 0)):
        if not getattr(args, name) >= low:
            raise UserError('--%s=%s is too small: at least %s.' % (name, getattr(args, name), low))
    if args.port > 65535:
        raise UserError('--port=%d is too large: at most 65535.' % args.port)
    if not args.name or set(args.name) & set('/:?#'):
        raise UserError('--name=%s: the name of a model is in its address, and has none of / : ? #.' % args.name)
    engines.check(args.engine)


def check_packages():
    """UserError where what the server is made of is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError('The server needs %s: run "pip install -r requirements-serve.txt".' % ', '.join(missing))


def make_service(args):
    """A Service that serves the newest version."""
    from blitznet_estimator import memory
    from tools.serving.limits import Limits
    from tools.serving.service import Service
    memory.limit_malloc_arenas()
    bounds = Limits(int(args.max_body_mb * 2 ** 20), args.max_pixels, args.max_numbers, args.max_pictures)
    service = Service(args.name, args.model, args.max_batch, args.batch_wait_ms / 1000, args.max_queue, args.timeout_s, bounds,
                      args.engine)
    service.versions.refresh()
    if service.versions.serving is None:
        service.close()
        raise UserError('--model=%s: no version there can be loaded. What is above says why.' % args.model)
    return service


def _say_faster(args, number):
    """Name the faster engine of a version, if it has one."""
    folder = versions.numbers_in(args.model, description.NAME).get(number)
    text = choice.hint(folder, choice.of_path(folder, args.engine)[1]) if folder else ''
    if text:
        log.info('%s', text)


def main(argv):
    """Serve until SIGTERM or Ctrl-C."""
    args = parse(argv)
    versions.check_folder(args.model, versions.version_file(args.engine))
    check_packages()
    from tools.serving import samples
    pictures = samples.load(args.samples.split(','), args.model) if args.samples else []
    service = make_service(args)
    from tools.serving.app import create_app
    from tools.serving.server import Server
    app = create_app(service, pictures, hosts.allowed(args.host, [name for name in args.allowed_hosts.split(',') if name]))
    server = Server(app, args.host, args.port, service.places + SPARE_THREADS, service.bounds.max_body)
    if not hosts.is_loopback(args.host):
        log.warning('Whoever reaches --host=%s can use this server: there is no password.', args.host)
    if args.poll_s:
        service.versions.watch(args.poll_s)
    log.info('Look at it: %s', server.url)
    print('Serving %s version %d at %s/v1/models/%s' % (args.model, service.versions.serving, server.url, args.name), flush=True)

    _say_faster(args, service.versions.serving)

    def drain():
        service.draining = True

    server.stop_on_signals()
    is_answered, left = server.run(drain, NOTICE_S, args.drain_s)
    if service.close(left):
        log.info('Stopped.')
    else:
        _end_at_once(0 if is_answered else LOST)


def _end_at_once(code):
    """End the process. Threads that are in a model's runtime could keep it from ending, or crash as it does."""
    log.warning('Stopped while the model ran.')
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == '__main__':
    arguments.run(main)
