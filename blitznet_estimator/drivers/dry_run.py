"""--dry_run: every setting, variable and command that a run would use, and a scan of its graphs, with no device at hand."""
import os

from blitznet_estimator import cadence
from blitznet_estimator.drivers.train import describe
from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.platforms import npu_job, npu_options, npu_settings
from blitznet_estimator.platforms.atc import OUTPUTS, atc_command, shell_line
from blitznet_estimator.runtime import tf

Modes = tf.estimator.ModeKeys


def run(config, model_fn, input_fn=None, environ=None, show=print):
    """Show what a run would use, and scan the graphs of training and of the raw outputs.

    Args:
      input_fn: an Estimator's, for TRAIN; None takes placeholders of the batch's shapes, for which no data is needed.
      environ: mapping; None is the process's own.

    Raises:
      UserError: cadences, options or environment are wrong, or the graphs hold what an NPU does not take.
    """
    cadence.check_cadences(config)
    _section(show, 'Configuration', describe(config))
    if config.run.platform == 'npu':
        for title, lines in npu_sections(config, os.environ if environ is None else environ):
            _section(show, title, lines)
    problems = scan_training(config, model_fn, input_fn) + scan_raw_outputs(config, model_fn)
    _section(show, 'Graph scan (unknown sizes, strings, operations that an NPU does not take)', problems or ['nothing found'])
    if problems:
        raise UserError('The graph holds %d things that an NPU does not take; the first: %s.' % (len(problems), problems[0]))


def npu_sections(config, environ):
    """[(title, lines)] of what is particular to the NPU."""
    options, job = npu_options.asked_options(config.npu), npu_job.read_job(environ)
    settings = npu_settings.run_config_settings(config, options, job.rank == 0)
    added = dict(job.added)
    variables = ['%s=%s%s' % (name, value or added.get(name, ''), ' (set by this program)' if name in added else '')
                 for name, value in npu_job.describe(environ) if value or name in added]
    variables += ['%s=%s (set by this program)' % pair for pair in sorted(npu_settings.environment(options).items())]
    return [
        ('NPURunConfig', ['%s=%r' % pair for pair in sorted(settings.items())] + ['session_config: remapping off']),
        ('Optimizer', _optimizer_lines(config, settings['precision_mode'], job.size)),
        ('Environment', variables),
        ('Data', ['this process reads part %d of %d' % (job.rank, job.size)]),
        ('Many cards', ['python -m tools.ascend.launch --devices=8 -- %s' % shell_line(_flags(config))]),
        ('Conversion of the frozen graph (tools.ascend.freeze)', [shell_line(_atc(config))]),
    ]


def _optimizer_lines(config, mode, size):
    lines = [config.train.optimizer]
    if size > 1:
        lines.append('NPUDistributedOptimizer: the mean of %d ranks; batch-norm statistics, slots and step from rank 0' % size)
    if mode in npu_options.FLOAT16_MODES:
        npu_options.parse_loss_scale(config.train.loss_scale)
        lines.append('NPULossScaleOptimizer: loss_scale %s; skipped steps are counted' % config.train.loss_scale)
    return lines


def _flags(config):
    return ['--mode=' + config.run.mode, '--preset=' + config.network.preset, '--dataset=' + config.data.dataset,
            '--model_dir=' + config.run.model_dir]


def _atc(config):
    network = config.network
    names = [name for name in OUTPUTS if (network.segment if name == 'segmentation' else network.detect)]
    return atc_command('blitznet.pb', [1, network.image_size, network.image_size, 3], names)


def scan_training(config, model_fn, input_fn=None):
    """Problems of the graph between the batch and the training step."""
    with tf.Graph().as_default() as graph:
        features, labels = _iterate(input_fn) if input_fn else _placeholders(config)
        spec = model_fn(features, labels, Modes.TRAIN, {'config': config})
        return scan(graph, list(features.values()) + list(labels.values()), [spec.train_op, spec.loss])


def scan_raw_outputs(config, model_fn):
    """Problems of the graph between the images and the raw outputs."""
    with tf.Graph().as_default() as graph:
        features, _ = _placeholders(config)
        spec = model_fn(features, None, Modes.PREDICT, {'config': config, 'raw_predictions': True})
        return scan(graph, list(features.values()), list(spec.predictions.values()))


def _iterate(input_fn):
    batch = tf.data.make_initializable_iterator(input_fn()).get_next()
    for key, tensor in [pair for part in batch for pair in sorted(part.items())]:
        if not tensor.shape.is_fully_defined():
            raise UserError('The batches have an unknown size: %s is %s; an NPU takes full batches only.' % (key, tensor.shape))
    return batch


def _placeholders(config):
    """(features, labels) of contract.py."""
    network, batch, boxes = config.network, config.data.batch_size, config.data.max_boxes
    features = {'image': (tf.float32, [network.image_size, network.image_size, 3])}
    labels = {'match': (tf.int16, [network.num_anchors]), 'boxes': (tf.float32, [boxes, 4]), 'classes': (tf.int32, [boxes]),
              'mask': (tf.int32, [network.segmentation_size] * 2)}
    return tuple({key: tf.placeholder(dtype, [batch] + shape) for key, (dtype, shape) in part.items()} for part in (features, labels))


def _section(show, title, lines):
    show('%s\n  %s\n' % (title, '\n  '.join(lines)))
