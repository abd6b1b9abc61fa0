"""Runs the works that were asked for, on both sides, and gathers one report."""
import functools
import platform
import time

from blitznet_estimator.formats import description
from blitznet_estimator.machine import available_cores
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tools.benchmarks import engines, growth, limits, ours, peers, reference, statistics, workspace
from tools.benchmarks.rounds import alternate, text_of

# Of a work on the command line: (work of the runners, label, batch size or None for --batch_size, whether the reference has it). The parts
# that are measured alone beside the whole of the reference say how fast the whole here could be at most.
PARTS = {
    'input': [('input', 'input pipeline', None, True), ('input_unavoidable', 'input, decoding, resizing, matching alone', None, True),
              ('input_stages', 'input, by stage', None, False)],
    'storage': [('storage', 'reading from slow storage', None, False)],
    'train': [('train', 'training step', None, True), ('train_with_input', 'training with input', None, True)],
    'predict': [('forward', 'network, B=1', 1, True), ('forward', 'network, B=%d', None, True),
                ('predict', 'bytes to boxes and mask, B=1', 1, True), ('predict_parts', 'by part, B=1', 1, False)],
    'eval': [('eval', 'evaluation', None, True), ('eval_network', 'evaluation, decoding and network alone', None, True)],
    'export': [('export', 'exported, B=1', 1, False)],
    'memory': [('train_with_input', 'training with input', None, True), ('predict', 'bytes to boxes and mask, B=1', 1, True),
               ('eval', 'evaluation', None, True)],
}

TOLERANCE = {'fp32': 1e-3, 'mixed': .1}  # between the two sides' raw outputs, as a share of the largest: bfloat16 has 8 bits


class Bench:
    """The pictures, the weights and both sides, ready to measure."""

    def __init__(self, config, data_config, folder, size, args):
        self.args = args
        source = open_dataset(data_config, 'eval')
        self.workspace = workspace.write(folder, read_samples(source), source.class_names, size, args.num_images)
        self.config = ours.benchmark_config(config, self.workspace)
        self.copied = reference.copy(args.reference, self.workspace) if args.reference else None
        self.checkpoint = ''

    def limits(self):
        """What the machine can do."""
        jpegs = [open(path, 'rb').read() for path in self.workspace.images[:32]]
        threads = self.args.threads or available_cores()
        session_config = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
        return limits.measure(self.args.precision, self.args.batch_size, min(self.args.seconds, 1), threads, session_config, jpegs)

    def alternate(self, work, batch_size, in_reference, tell, until):
        """{side: results} of one work. tell, until: as of `rounds.alternate`."""
        seconds, args = self.args.seconds, self.args
        starters = {'ours': ours.starter(work, self.config, self.workspace, batch_size, seconds, self.checkpoint)}
        if args.other_python:
            starters['other'] = ours.starter(work, self.config, self.workspace, batch_size, seconds, self.checkpoint, python=args.other_python)
        if in_reference and self.copied:
            starters['reference'] = reference.starter(
                work, self.copied, self.config, self.workspace, args.reference_python, batch_size, seconds, self.checkpoint)
        return alternate(starters, args.rounds, tell, until)

    def engines(self, batch_size, tell, until):
        """{engine and precision: results} of the files of --export. tell, until: as of `rounds.alternate`."""
        return alternate(self._engines(batch_size), self.args.rounds, tell, until)

    def peers(self, batch_size, tell, until):
        """{engine and precision, or (peer, half): results} of the files of --export and of all peers. tell, until: as of `rounds.alternate`."""
        args, side = self.args, description.config_of(description.find(self.args.export)).network.image_size
        theirs = peers.starters(self.workspace, side, batch_size, args.seconds, args.threads)
        return alternate({**self._engines(batch_size), **theirs}, args.rounds, tell, until)

    def _engines(self, batch_size):
        return {name: ours.starter('engine', config, self.workspace, batch_size, self.args.seconds, file=file)
                for name, (config, file) in engines.sides(self.args.export, self.config).items()}

    def check_outputs(self):
        """The largest difference of the two sides' raw outputs; UserError where they do not compute the same."""
        starters = (ours.starter('outputs', self.config, self.workspace, 1, 0, self.checkpoint),
                    reference.starter('outputs', self.copied, self.config, self.workspace, self.args.reference_python, 1, 0, self.checkpoint))
        facts = []
        for start in starters:
            worker = start()
            worker.kill()
            facts.append(worker.facts['outputs'])
        return reference.compare_outputs(*facts, tolerance=TOLERANCE[self.args.precision])

    def make_weights(self):
        """Write the checkpoint that prediction and evaluation of both sides use."""
        worker = ours.starter('checkpoint', self.config, self.workspace, self.args.batch_size, 0)()
        worker.kill()
        self.checkpoint = worker.facts['checkpoint']


def measure(works, config, data_config, folder, size, args, save=lambda found: None):
    """The report of `works`: dict of machine, settings, limits, results and ratios. A bar shows what is measured, and what is waited for.

    Each part gets an equal share of what is left of --minutes: it does a round at least, and no more than --rounds. save(report so far) is
    called after each part.

    With a reference, first of all: UserError unless both sides give the same raw outputs; the report's outputs_differ_by says how nearly.
    """
    end = time.monotonic() + 60 * args.minutes
    if args.reference:
        reference.check(args.reference, config)
    bench = Bench(config, data_config, folder, size, args)
    parts = _parts(works, args)
    found = dict(machine=machine(), settings=settings(args), limits={}, results=[], ratios=[])
    with Progress('Measuring', 1 + bool(bench.copied) + len(parts), unit='parts') as progress:
        progress.say('limits of the machine')
        found['limits'] = bench.limits()
        progress.advance()
        if bench.copied:
            progress.say('whether both sides compute the same')
            bench.make_weights()
            found['outputs_differ_by'] = bench.check_outputs()
            progress.advance()
        for number, (label, run) in enumerate(parts):
            def tell(text, label=label):
                progress.say('%s: %s' % (label, text))
            now = time.monotonic()
            run(bench, found, tell, now + max(end - now, 0) / (len(parts) - number))
            save(found)
            progress.advance()
    return found


def _parts(works, args):
    """[(label, function (bench, report, tell, until), which adds to the report)], once each, in order."""
    parts = []
    for part in {part: None for work in works for part in PARTS.get(work, ())}:
        work, label, batch_size, in_reference = part
        batch_size = batch_size or args.batch_size
        label = label % batch_size if '%d' in label else label
        entry = label, functools.partial(_add_sides, label, work, batch_size, in_reference)
        if label not in [known for known, _ in parts]:
            parts.append(entry)
    for batch_size in sorted({1, args.batch_size}) if 'engines' in works and args.export else ():
        parts.append(('engines, B=%d' % batch_size, functools.partial(_add_engines, batch_size)))
    for batch_size in sorted({1, args.batch_size}) if 'peers' in works and args.export else ():
        parts.append(('peers, B=%d' % batch_size, functools.partial(_add_peers, batch_size)))
    if 'growth' in works:
        parts.append(('growth of memory', _add_growth))
    return parts


def _add_sides(label, work, batch_size, in_reference, bench, found, tell, until):
    if work in ('forward', 'predict', 'predict_parts', 'eval', 'eval_network', 'export') and not bench.checkpoint:
        tell('weights are made')
        bench.make_weights()
    sides = bench.alternate(work, batch_size, in_reference, tell, until)
    found['results'] += [result(label, work, side, measured, found['limits']) for side, measured in sides.items()]
    if 'other' in sides:
        peer = 'TensorFlow %s of --other_python' % sides['other']['facts']['tensorflow']
        found.setdefault('shares', []).append(dict(statistics.share(sides['ours']['rounds'], [sides['other']['rounds']]), side=label, peer=peer,
                                                   memory=sides['ours']['peak_mb'] / sides['other']['peak_mb']))
    if 'reference' in sides:
        found['ratios'].append(dict(compare(label, sides), part=work in reference.WHOLE))


def _add_engines(batch_size, bench, found, tell, until):
    found['results'] += [result('pictures to boxes and masks, B=%d' % batch_size, 'engine', side, measured, found['limits'])
                         for side, measured in bench.engines(batch_size, tell, until).items()]


def _add_peers(batch_size, bench, found, tell, until):
    sides = bench.peers(batch_size, tell, until)
    for side, measured in sides.items():
        found['results'].append(result('pictures to boxes or masks, B=%d' % batch_size, 'engine', text_of(side), measured, found['limits']))
    found.setdefault('shares', []).extend(dict(share, side='%s, B=%d' % (share['side'], batch_size)) for share in peers.shares(sides))


def _add_growth(bench, found, tell, until):
    tell('cycles of training and evaluation')
    found['growth'] = growth.measure(bench.config, bench.workspace.folder, seconds=max(until - time.monotonic(), 0))


def machine():
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as info:
            name = next(line.split(':')[1].strip() for line in info if line.startswith('model name'))
    except (OSError, StopIteration):
        pass
    return dict(processor=name, cores=available_cores(), system=platform.platform(), tensorflow=tf.__version__,
                python=platform.python_version())


def settings(args):
    """The arguments that shape the figures."""
    return {name: getattr(args, name) for name in ('preset', 'batch_size', 'precision', 'cache', 'threads', 'num_images', 'picture_size')}


def result(label, work, side, measured, machine_limits):
    """One side's figures of one work."""
    stages = statistics.stages(measured['rounds'])
    values = dict(label=label, work=work, side=side, rounds=len(measured['rounds']), stages=stages, peak_mb=measured['peak_mb'],
                  facts=measured['facts'])
    rate = stages['total']['images_per_second']
    if 'gflop' in measured['facts']:
        values['of_limit'] = measured['facts']['gflop'] * rate / machine_limits['fastest convolution, GFLOP/s']
    elif work == 'input':
        values['of_limit'] = rate / machine_limits['JPEG decoding, images/s']
    return values


def compare(label, sides):
    """How this project's side compares with the reference's."""
    speed = statistics.ratio(sides['ours']['rounds'], sides['reference']['rounds'])
    return dict(speed, label=label, memory=sides['ours']['peak_mb'] / sides['reference']['peak_mb'])
