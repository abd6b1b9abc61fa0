"""Checks of a configuration before anything is built: every message names the flags and what would do."""
import os

from blitznet_estimator import cadence, checkpoint_selection
from blitznet_estimator.config import BEST_METRICS, METRICS
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.platforms import npu_options


def require_one_of(what, value, allowed):
    """`value`, if it is one of `allowed`; else UserError with the nearest ones first."""
    if value in allowed:
        return value
    raise UserError('%s=%s is unknown. %s' % (what, value, nearest(value, allowed)))


def integer(what, text):
    """`text` as an int; UserError otherwise."""
    try:
        return int(text)
    except ValueError:
        raise UserError('%s holds "%s", which is not a whole number.' % (what, text))


def same_network(given, saved, model_dir):
    """UserError where a flag of the network contradicts what the model in `model_dir` was trained with."""
    for field, value in sorted(given.items()):
        if value != getattr(saved, field):
            raise UserError('--%s=%s, but the model in %s was trained with --%s=%s: leave the flag out, or name another --model_dir.'
                            % (field, value, model_dir, field, getattr(saved, field)))


def _require(condition, message, *values):
    if not condition:
        raise UserError(message % values)


def _at_least(section, **lows):
    for field, low in lows.items():
        value = getattr(section, field)
        _require(value >= low, '--%s=%s is too small: at least %s.', field, value, low)


def _share(section, *fields):
    for field in fields:
        value = getattr(section, field)
        _require(0 <= value <= 1, '--%s=%s is not in [0, 1].', field, value)


def _check_network(network):
    _require(network.detect or network.segment, '--nodetect and --nosegment together leave nothing to learn: drop one of them.')
    _at_least(network, image_size=64, top_fm=4, n_base_channels=1, num_classes=0)
    _require(network.num_classes != 1, '--num_classes=1 is the background alone: count the background and at least one class.')
    for field in ('det_kernel', 'seg_filter_size'):
        _require(getattr(network, field) in (1, 3), '--%s=%s: it is 1 or 3.', field, getattr(network, field))
    _require(0 <= network.bn_decay < 1, '--bn_decay=%s is not in [0, 1).', network.bn_decay)
    if network.trunk == 'vgg16':
        _require(not network.segment, '--trunk=vgg16 is SSD, which only detects: add --nosegment.')
        _require(not network.x4, '--trunk=vgg16 has no decoder for --x4: add --nox4.')
        _require(network.head == 'nonshared', '--trunk=vgg16 has maps of different depths: leave out --head=%s.', network.head)
        _require(network.image_size >= 300, '--trunk=vgg16 needs --image_size of at least 300, not %s.', network.image_size)


def _check_data(data):
    _at_least(data, batch_size=1, eval_batch_size=1, max_boxes=1, shuffle_buffer=1)
    _share(data, 'zoomout_prob')
    _require(data.max_boxes < 2 ** 15, '--max_boxes=%s is too large: under 32768.', data.max_boxes)
    for flag in ('train_files', 'eval_files'):
        _require(data.dataset == 'records' or not getattr(data, flag), '--%s goes with --dataset=records, not --dataset=%s.',
                 flag, data.dataset)
    _require(not data.class_file or os.path.isfile(data.class_file), '--class_file=%s: there is no such file.', data.class_file)


def _check_train(train):
    _at_least(train, train_steps=1, warmup_step=0, weight_decay=0)
    _require(train.learning_rate > 0 and train.warmup_lr > 0, '--learning_rate and --warmup_lr must be above 0.')
    steps = train.lr_decay
    _require(list(steps) == sorted(set(steps)) and all(step > train.warmup_step for step in steps),
             '--lr_decay=%s: the steps must grow, and lie after --warmup_step=%s.', ','.join(map(str, steps)), train.warmup_step)
    npu_options.parse_loss_scale(train.loss_scale)


def _check_detection(detection):
    _share(detection, 'conf_thresh', 'nms_thresh')
    _at_least(detection, top_k_nms=1, top_k_after_nms=1, top_k_post_nms=1)


def _check_run(run, network):
    _at_least(run, iterations_per_loop=1, save_every=0, summary_every=1, eval_every=0, keep_checkpoint_max=1, threads=0,
              max_pictures=0)
    _share(run, 'min_score')
    _require('[' not in run.model_dir, '--model_dir=%s: TensorFlow takes [ in a path for a pattern: choose another name.', run.model_dir)
    _require(run.mode != 'predict' or run.input_paths, '--mode=predict needs images: --input=FILE,FOLDER,GLOB.')
    _require(run.mode == 'predict' or not run.input_paths, '--input goes with --mode=predict, not --mode=%s.', run.mode)
    _check_evaluation(run, network)
    steps = run.profile_steps
    _require(not steps or len(steps) == 2 and 0 <= steps[0] < steps[1],
             '--profile_steps=%s: it takes two steps, the first and the one after the last: 100,110.', ','.join(map(str, steps)))


def _check_evaluation(run, network):
    _at_least(run, watch_timeout=0, keep_best=0)
    _require(run.watch_poll > 0, '--watch_poll=%s: it must be above 0.', run.watch_poll)
    _require(run.metrics, '--metrics is empty: it takes any of %s.', ','.join(METRICS))
    _check_metrics(run, network)
    ways = [name for name in ('checkpoint_path', 'checkpoints', 'watch') if getattr(run, name)]
    for name in ('checkpoints', 'watch'):
        _require(run.mode == 'eval' or name not in ways, '--%s goes with --mode=eval, not --mode=%s.', name, run.mode)
    _require(len(ways) < 2, '--%s: give one of them.', ' and --'.join(ways))
    if run.checkpoints:
        checkpoint_selection.check(run.checkpoints)


def _check_metrics(run, network):
    """What a training run or an evaluation is to compute, and to choose by, must be of a task that the network has."""
    metric, metrics = BEST_METRICS.get(run.best_metric), ','.join(run.metrics)
    if run.mode not in ('train', 'eval'):
        return
    _require(any(_lacks(network, name) is None for name in run.metrics), '--metrics=%s has nothing for a network with %s.',
             metrics, _lacks(network, run.metrics[0]))
    if metric:
        _require(_lacks(network, metric) is None, '--best_metric=%s: a network with %s has no such figure.',
                 run.best_metric, _lacks(network, metric))
        _require(run.mode == 'eval' or metric in run.metrics, '--best_metric=%s needs %s in --metrics=%s.', run.best_metric, metric, metrics)


def _lacks(network, metric):
    """The flag that takes away the task of a metric; None where the network has it."""
    task = 'segment' if metric == 'miou' else 'detect'
    return None if getattr(network, task) else '--no' + task


def check_config(config):
    """UserError for the first setting that is out of range or contradicts another."""
    _check_network(config.network)
    _check_data(config.data)
    _check_train(config.train)
    _check_detection(config.detection)
    _check_run(config.run, config.network)
    if config.run.mode == 'train':
        cadence.check_cadences(config)
