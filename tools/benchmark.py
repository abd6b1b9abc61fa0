"""Measures speed and peak memory, beside the machine's own limits and, with --reference, beside the public implementation.

  python -m tools.benchmark all                                           # the default preset on the drawn dataset
  python -m tools.benchmark input train --preset=blitznet300 --batch_size=8
  python -m tools.benchmark all --preset=blitznet300 --reference=BLITZNET_CHECKOUT --reference_python=PYTHON_WITH_TENSORFLOW_1.15
  python -m tools.benchmark engines --export=runs/tiny-shapes/export
  python -m tools.benchmark peers --export=runs/camvid/export
  python -m tools.benchmark chart fp32/benchmark.json mixed/benchmark.json --output_dir=docs

Benchmarks: limits of the machine; input (images/s, and the cost of each stage); storage (reading
where each record takes 10 ms to come, by 1 to 8 open files); train (the step alone, and with input); predict (the
network alone; image bytes to boxes and mask, by parts); eval; export (a SavedModel); engines (the files of an export, --export, each by
its engine, at batch 1 and --batch_size); peers (the same files beside two networks of torchvision and of ultralytics, one for boxes and
one for masks, where these packages are installed); memory (peak, of training with input, prediction and evaluation); growth (resident
memory over cycles of training and evaluation in one process). Both sides of a comparison run in turn, in processes of their own, on the
same pictures and, but for peers, weights. benchmark.json is written after each part. All of it takes --minutes, but for what a side needs
to start: the public implementation fills a queue of 2048 pictures first, which can take minutes.
"""
import os
import shutil
import tempfile

from blitznet_estimator import files
from blitznet_estimator.checks import check_config, require_one_of
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log
from blitznet_estimator.presets import PRESETS, preset_config
from tools import arguments
from tools.benchmarks import peers

BENCHMARKS = ('limits', 'input', 'storage', 'train', 'predict', 'eval', 'export', 'engines', 'peers', 'memory', 'growth')


def parse(argv):
    """Parsed arguments."""
    parser = arguments.Parser('python -m tools.benchmark', description=__doc__)
    parser.add_argument('benchmarks', nargs='+',
                        help='what to measure: %s or all (without peers); or chart and the JSON files to draw' % ', '.join(BENCHMARKS))
    parser.add_argument('--preset', default='tiny', help='as in main.py (default: tiny)')
    parser.add_argument('--batch_size', type=int, default=8, help='of input, training and evaluation (default: 8)')
    parser.add_argument('--precision', default='fp32', choices=('fp32', 'mixed'), help='as in main.py (default: fp32)')
    parser.add_argument('--recompute', action='store_true', help='of training, as in main.py')
    parser.add_argument('--cache', default='none', choices=('none', 'memory', 'disk'), help='of decoded images, as in main.py (default: none)')
    parser.add_argument('--export', default='', help='an export to measure the engines on, as --mode=export writes it; its network is measured')
    parser.add_argument('--threads', type=int, default=0, help='cores and threads to use; 0 = all (default)')
    parser.add_argument('--num_images', type=int, default=256, help='pictures to work on (default: 256)')
    parser.add_argument('--picture_size', default='500x375', help='WIDTHxHEIGHT the pictures are brought to, or own (default: 500x375)')
    parser.add_argument('--reference', help='a checkout of the public BlitzNet (dvornikita/blitznet) to measure beside it')
    parser.add_argument('--reference_python', help='the Python that runs it, with TensorFlow 1.15 (default: this one)')
    parser.add_argument('--other_python', default='', help='another Python, with another TensorFlow, that runs this project beside this one')
    parser.add_argument('--rounds', type=int, default=5, help='rounds of each side (default: 5)')
    parser.add_argument('--seconds', type=float, default=3, help='of a round, at least (default: 3)')
    parser.add_argument('--minutes', type=float, default=10, help='time for all of it: what is slow does fewer rounds, one at least (default: 10)')
    parser.add_argument('--output_dir', default='runs/benchmark', help='of benchmark.json and benchmark.png (default: runs/benchmark)')
    arguments.add_data_arguments(parser)
    return parser.parse_args(argv)


def picture_size(text):
    """(width, height) of '500x375', None of 'own'."""
    if text == 'own':
        return None
    parts = text.split('x')
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UserError('--picture_size=%s is not WIDTHxHEIGHT, as in 500x375, nor own.' % text)
    return int(parts[0]), int(parts[1])


def make_config(args):
    """The checked Config of parsed arguments."""
    require_one_of('--preset', args.preset, sorted(PRESETS))
    for name, low in (('rounds', 1), ('num_images', 1), ('threads', 0), ('seconds', 0), ('minutes', 0)):
        if getattr(args, name) < low:
            raise UserError('--%s=%s is too small: at least %s.' % (name, getattr(args, name), low))
    config = preset_config(args.preset, data=dict(batch_size=args.batch_size, eval_batch_size=args.batch_size, cache=args.cache),
                           train=dict(precision=args.precision, recompute=args.recompute), run=dict(threads=args.threads, progress=False))
    check_config(config)
    return config


def check(args):
    """UserError where `args` cannot be measured."""
    for name in args.benchmarks:
        require_one_of('benchmark', name, BENCHMARKS + ('all',))
    make_config(args)
    picture_size(args.picture_size)
    if args.export:
        description.find(args.export, '--export=')
    for name in ('engines', 'peers'):
        if name in args.benchmarks and not args.export:
            raise UserError('%s measures the files of an export: name one by --export=FOLDER, as main.py --mode=export writes it.' % name)
    if 'peers' in args.benchmarks:
        peers.check()
    if args.other_python and not shutil.which(args.other_python):
        raise UserError('--other_python=%s: there is no such program.' % args.other_python)


def benchmark(args):
    """Measure what `args` asks for; the report as a dict. It is written after each part, so that what was measured stays whatever comes."""
    names = [name for name in BENCHMARKS if name != 'peers'] if 'all' in args.benchmarks else args.benchmarks  # peers: where asked for
    config, size = make_config(args), picture_size(args.picture_size)
    from tools.benchmarks import measure
    folder, path = tempfile.mkdtemp(prefix='blitznet-benchmark-'), os.path.join(args.output_dir, 'benchmark.json')

    def save(found):
        files.write_json(path, found)
    try:
        found = measure.measure(names, config, arguments.data_config(args), folder, size, args, save)
    except KeyboardInterrupt:
        log.warning('Stopped: %s', 'what was measured until then is in %s.' % path if os.path.exists(path) else 'nothing was measured yet.')
        raise
    finally:
        shutil.rmtree(folder)
    save(found)
    return found


def main(argv):
    """Entry point."""
    args = parse(argv)
    chart = os.path.join(args.output_dir, 'benchmark.png')
    if args.benchmarks[0] != 'chart':
        check(args)
    from tools.benchmarks import report
    if args.benchmarks[0] == 'chart':
        return report.draw_chart(chart, [report.read(path) for path in args.benchmarks[1:]])
    found = benchmark(args)
    print(report.format_table(found))
    if found['ratios']:
        report.draw_chart(chart, [found])


if __name__ == '__main__':
    arguments.run(main)
