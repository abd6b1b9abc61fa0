"""--dry_run: every setting, variable and command that a run would use, and a scan of its graphs, with no device at hand."""
import glob
import os
import textwrap

from blitznet_estimator import cadence, saved_config
from blitznet_estimator.batch import batch_spec, raw_output_shapes
from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan, scan_merged
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import find_adapter, npu_job, npu_options, npu_settings
from blitznet_estimator.platforms.atc import atc_command, shell_line
from blitznet_estimator.platforms.broadcast import broadcast_state
from blitznet_estimator.platforms.counted_optimizer import CountedOptimizer
from blitznet_estimator.platforms.local import loss_scaled
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.published_weights import IMAGENET
from blitznet_estimator.runtime import tf

Modes = tf.estimator.ModeKeys
GRAPH = 'om/blitznet.pb'
CHIP = '910'  # whose kernels a training needs; the chips that came later have them too


def run(config, model_fn, input_fn=None, environ=None, words=(), show=print):
    """Show what a run would use, and scan the graphs of training and of the raw outputs.

    Args:
      input_fn: an Estimator's, for TRAIN; None takes placeholders of the batch's shapes, for which no data is needed.
      environ: mapping; None is the process's own.
      words: the flags of this command that one for several cards needs too.

    Raises:
      UserError: cadences, options or environment are wrong, or the graphs hold what an NPU does not take.
    """
    cadence.check_cadences(config)
    if config.train.epochs:
        log.warning('--epochs=%g: how many steps that is depends on the data, which --dry_run does not read. It shows the %d steps of the '
                    'recipe.', config.train.epochs, config.train.train_steps)
    _section(show, 'Configuration', describe(config))
    if config.run.platform == 'npu':
        for title, lines in npu_sections(config, os.environ if environ is None else environ, words):
            _section(show, title, lines)
    scanned = config.replace(train=dict(warm_start_from=''))  # the checkpoint changes no operation, and may be on another machine
    problems = scan_training(scanned, model_fn, input_fn) + scan_raw_outputs(scanned, model_fn)
    _section(show, 'Graph scan (unknown sizes, strings, operations that an NPU does not take)', problems or ['nothing found'])
    if problems:
        raise UserError('The graph holds %d things that an NPU does not take; the first: %s.' % (len(problems), problems[0]))


def describe(config):
    """The effective configuration as lines of text, a section after the other."""
    lines = []
    for name, section in vars(config).items():
        settings = section or {} if name == 'npu' else vars(section)
        text = ' '.join('%s=%s' % (field, saved_config.text(value)) for field, value in sorted(settings.items()))
        lines += textwrap.wrap(text, 118, initial_indent='%-10s' % name, subsequent_indent=' ' * 10,
                               break_long_words=False, break_on_hyphens=False)
    return lines


def npu_sections(config, environ, words=()):
    """[(title, lines)] of what is particular to the NPU."""
    options, job = npu_options.asked_options(config.npu), npu_job.read_job(environ)
    settings = npu_settings.run_config_settings(config, options, job.rank == 0)
    sections = [
        ('NPURunConfig (what is not listed is left to the adapter)',
         ['%s=%r' % pair for pair in sorted(settings.items())] + ['session_config: allow_soft_placement, remapping off']),
        ('Optimizer, from the inside out', _optimizer_lines(config, npu_options.precision_mode(config.train.precision, options), job.size)),
        ('Steps', _step_lines(config)),
        ('Environment', _variable_lines(environ, job, options)),
        ('Data', _data_lines(config, job)),
    ]
    if job.size == 1:
        command = 'python3 -m tools.ascend.launch --devices=8 -- ' + shell_line(words or ['--mode=' + config.run.mode])
        sections.append(('The same on eight cards (with --dry_run before the -- it shows each process)', [command]))
    return sections + [('Offline inference of this network', _conversion_lines(config))]


def _optimizer_lines(config, mode, size):
    train = config.train
    scaled = train.scale_learning_rate and size > 1
    lines = ['%s, learning rate %g%s' % (train.optimizer, train.learning_rate, ' x %d ranks' % size if scaled else '')]
    if size > 1:
        lines.append('NPUDistributedOptimizer: the mean of %d ranks; batch-norm statistics, slots and step from rank 0' % size)
    if mode in npu_options.FLOAT16_MODES:
        npu_options.parse_loss_scale(train.loss_scale)
        lines.append('NPULossScaleOptimizer: loss_scale %s; skipped steps are counted' % train.loss_scale)
    return lines


def _step_lines(config):
    run, steps, every = config.run, config.train.train_steps, cadence.eval_steps(config)
    return ['%d steps in %d session runs of %d' % (steps, steps // run.iterations_per_loop, run.iterations_per_loop),
            'a checkpoint every %d steps, scalars for TensorBoard every %d' % (cadence.save_steps(config), run.summary_every),
            'an evaluation %s' % ('every %d steps, and at the end' % every if every else 'at the end')]


def _variable_lines(environ, job, options):
    ours = dict(job.added)
    lines = ['%s=%s%s' % (name, ours.get(name, value), ' (set by this program)' if name in ours else '')
             for name, value in npu_job.describe(environ) if value or name in ours]
    lines += ['%s=%s (set by this program)' % pair for pair in sorted(npu_settings.environment(options).items())]
    return lines + (['ASCEND_DEVICE_ID is not set: the adapter takes device 0'] if job.device is None else [])


def _data_lines(config, job):
    lines = ['rank %d of %d reads 1/%d of the records, none of them another rank\'s' % (job.rank, job.size, job.size)
             if job.size > 1 else 'one card reads all records']
    train = config.train
    start = ('weights_dir', train.weights_dir) if train.warm_start_from == IMAGENET else ('warm_start_from', train.warm_start_from)
    paths = ('data_dir', config.data.data_dir), start
    return lines + ['--%s=%s%s' % (flag, path, '' if glob.glob(glob.escape(path) + '*') else ': not on this machine') for flag, path in paths if path]


def _conversion_lines(config):
    network = config.network
    return ['python3 -m tools.ascend.freeze --checkpoint_path=%s --output=%s' % (config.run.model_dir, GRAPH),
            shell_line(atc_command(GRAPH, [1, network.image_size, network.image_size, 3], list(raw_output_shapes(network))))]


def scan_training(config, model_fn, input_fn=None):
    """Problems between the batch and the training step, with the optimizer of the NPU; of its first values; and of what rank 0 sends."""
    with tf.Graph().as_default() as graph:
        features, labels = _iterate(input_fn) if input_fn else _placeholders(config, Modes.TRAIN)
        platform = ModelParams(wrap_optimizer=_npu_optimizer(config), folds_constants=False)
        spec = model_fn(features, labels, Modes.TRAIN, {'config': config, 'platform': platform})
        start, broadcasts = list(features.values()) + list(labels.values()), Broadcasts()
        ends = [spec.train_op, spec.loss, tf.global_variables_initializer(), broadcast_state(broadcasts)]
        return scan(graph, start, ends, CHIP) + scan_merged(broadcasts.merged())


def _npu_optimizer(config):
    """The function that wraps an optimizer: the adapter's where it is installed; else TensorFlow's own loss scaling stands in its place."""
    if config.run.platform == 'npu' and find_adapter():
        from blitznet_estimator.platforms.npu import NpuPlatform
        return NpuPlatform(config).model_params().wrap_optimizer
    mode = npu_options.precision_mode(config.train.precision, npu_options.asked_options(config.npu))
    if mode not in npu_options.FLOAT16_MODES:
        return lambda optimizer: optimizer
    return lambda optimizer: CountedOptimizer(loss_scaled(optimizer, config.train.loss_scale))


class Broadcasts:
    """In the place of HCCL's broadcast: passes tensors on, and notes which of them HCCL would merge."""

    def __init__(self):
        self._groups = {}  # (fusion_id, root, type) -> operations

    def __call__(self, tensors, root_rank, fusion=2, fusion_id=0):
        received = [tf.identity(tensor) for tensor in tensors]
        for tensor in received if fusion else ():
            self._groups.setdefault((fusion_id, root_rank, tensor.dtype), []).append(tensor.op)
        return received

    def merged(self):
        """Lists of operations, each of which becomes one."""
        return list(self._groups.values())


def scan_raw_outputs(config, model_fn):
    """Problems of the graph between the features and the raw outputs."""
    with tf.Graph().as_default() as graph:
        features, _ = _placeholders(config, Modes.PREDICT)
        spec = model_fn(features, None, Modes.PREDICT, {'config': config, 'platform': ModelParams(raw_predictions=True)})
        return scan(graph, list(features.values()), list(spec.predictions.values()))


def _iterate(input_fn):
    batch = tf.data.make_initializable_iterator(input_fn()).get_next()
    for key, tensor in [pair for part in batch for pair in sorted(part.items())]:
        if not tensor.shape.is_fully_defined():
            raise UserError('The batches have an unknown size: %s is %s; an NPU takes full batches only.' % (key, tensor.shape))
    return batch


def _placeholders(config, mode):
    """(features, labels) of `batch_spec`."""
    spec = batch_spec(config, mode)
    return tuple({key: tf.placeholder(one.dtype, one.shape) for key, one in part.items()} for part in (spec.features, spec.labels))


def _section(show, title, lines):
    show('%s\n  %s\n' % (title, '\n  '.join(lines)))
