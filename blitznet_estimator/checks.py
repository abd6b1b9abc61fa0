"""Checks of a configuration before anything is built: every message names the flags and what would do."""
import math
import os

from blitznet_estimator import cadence, checkpoint_selection, class_weights, dataset_names, freezing, heads, published_weights, saved_config, tta
from blitznet_estimator.config import OWN_SCORES, SAVED_FORMS, VIDEO_FORMS
from blitznet_estimator.drivers import rollbacks
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.evaluation.metrics import BEST_METRICS, METRICS
from blitznet_estimator.formats import registry
from blitznet_estimator.platforms import npu_options
from blitznet_estimator.trunks import TRUNKS
from blitznet_estimator.video import codecs, words


def require_one_of(what, value, allowed):
    """`value`, if it is one of `allowed`; else UserError with the nearest ones first."""
    if value in allowed:
        return value
    raise UserError('%s=%s is unknown. %s' % (what, value, nearest(value, allowed)))


def require_dataset(name):
    """UserError where --dataset is unknown; what TensorFlow Datasets and datumaro have is known to them alone."""
    if name != dataset_names.AUTO and not name.startswith((dataset_names.CATALOGUE, dataset_names.DATUMARO)):
        require_one_of('--dataset', name, dataset_names.NAMES)


def integer(what, text):
    """`text` as an int; UserError otherwise."""
    try:
        return int(text)
    except ValueError:
        raise UserError('%s holds "%s", which is not a whole number.' % (what, text))


def number(what, text):
    """`text` as a finite float; UserError otherwise."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    _require(math.isfinite(value), '%s holds "%s", which is not a number.', what, text)
    return value


def named_number(what, text):
    """('name', 1.5) of 'name=1.5'; UserError otherwise."""
    name, equals, number = text.partition('=')
    try:
        return name.strip(), float(number if equals else '')
    except ValueError:
        raise UserError('%s holds "%s", which is not NAME=NUMBER.' % (what, text))


_ELEMENTS = {'loss_weights': named_number, 'lr_decay': integer, 'profile_steps': integer, 'scale_jitter': number}


def elements(what, field, texts):
    """The value of a field that holds several, from their texts; UserError, which begins with `what`, for a wrong one."""
    convert = _ELEMENTS.get(field, lambda _, text: text)
    return tuple(convert(what, text) for text in texts)


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
    _at_least(network, top_fm=4, n_base_channels=1, num_classes=0)
    _require(network.num_classes != 1, '--num_classes=1 is the background alone: count the background and at least one class.')
    for field in ('det_kernel', 'seg_filter_size'):
        _require(getattr(network, field) in (1, 3), '--%s=%s: it is 1 or 3.', field, getattr(network, field))
    _require(0 <= network.bn_decay < 1, '--bn_decay=%s is not in [0, 1).', network.bn_decay)
    check_architecture(network)


def check_architecture(network):
    """UserError where the network has no head, or asks of its trunk what the trunk does not have."""
    _require(heads.heads_of(network), '--no%s together leave nothing to learn: drop one of them.',
             ' and --no'.join(head.flag for head in heads.HEADS.values()))
    trunk = TRUNKS[network.trunk]
    for name, head in heads.heads_of(network).items():
        _require(not trunk.heads or name in trunk.heads, '--trunk=%s has no %s head: add --no%s.', network.trunk, name, head.flag)
    for field, value, advice in trunk.only:
        _require(getattr(network, field) == value, '--trunk=%s does not go with --%s=%s: %s.', network.trunk, field, getattr(network, field), advice)
    _require(network.image_size >= trunk.smallest_image, '--image_size=%s is too small for --trunk=%s: at least %s.',
             network.image_size, network.trunk, trunk.smallest_image)


def _check_data(data):
    require_dataset(data.dataset)
    _at_least(data, batch_size=1, eval_batch_size=1, max_boxes=1, shuffle_buffer=1, max_pixels=1)
    _share(data, 'zoomout_prob', 'mosaic')
    _require(data.max_boxes < 2 ** 15, '--max_boxes=%s is too large: under 32768.', data.max_boxes)
    _check_augmentation(data)
    for flag in ('train_files', 'eval_files'):
        _require(data.dataset == 'records' or not getattr(data, flag), '--%s goes with --dataset=records, not --dataset=%s.',
                 flag, data.dataset)
    # The names of a trained model are those that it was trained with, wherever the file is now.
    _require(not data.class_file or data.class_names or os.path.isfile(data.class_file), '--class_file=%s: there is no such file.', data.class_file)


def _check_augmentation(data):
    scales = data.scale_jitter
    _require(not scales or len(scales) == 2 and 0 < scales[0] <= scales[1],
             '--scale_jitter=%s: it takes two numbers above 0, the smaller one first: 0.1,2.', ','.join(map('{:g}'.format, scales)))
    for field in ('scale_jitter', 'mosaic'):
        _require(data.augment or not getattr(data, field), '--%s does nothing with --noaugment: leave one of them out.', field)
    _require(not data.mosaic or data.batch_size >= 4, '--mosaic=%s joins four images of a batch, and --batch_size=%s has not as many.',
             data.mosaic, data.batch_size)


def _check_train(train, network):
    _at_least(train, train_steps=1, warmup_step=0, weight_decay=0)
    _require(0 <= train.train_minutes < 1e7, '--train_minutes=%s is no number of minutes.', train.train_minutes)
    _require(not train.train_minutes or train.lr_schedule == 'steps', '--train_minutes=%s does not go with --lr_schedule=%s, which falls to the '
             'last step: give --train_steps instead.', train.train_minutes, train.lr_schedule)
    _require(0 <= train.epochs < 1e9, '--epochs=%s is no number of passes over the data.', train.epochs)
    _check_freeze(train.freeze, network)
    _check_loss_weights(train, network)
    _at_least(train, clip_gradients=0, accumulate_steps=1)
    _require(0 <= train.ema_decay < 1, '--ema_decay=%s is not in [0, 1).', train.ema_decay)
    _require(0 <= train.label_smoothing < 1, '--label_smoothing=%s is not in [0, 1).', train.label_smoothing)
    _require(train.learning_rate > 0 and train.warmup_lr > 0, '--learning_rate and --warmup_lr must be above 0.')
    steps = train.lr_decay
    _require(list(steps) == sorted(set(steps)) and all(step > train.warmup_step for step in steps),
             '--lr_decay=%s: the steps must grow, and lie after --warmup_step=%s.', ','.join(map(str, steps)), train.warmup_step)
    _require(train.lr_schedule == 'steps' or not steps, '--lr_decay goes with --lr_schedule=steps, not with %s.', train.lr_schedule)
    npu_options.parse_loss_scale(train.loss_scale)
    rollbacks.most(train.on_nan)
    class_weights.given(train.class_weights)
    _require(train.class_weights == class_weights.NONE or network.segment, '--class_weights=%s needs the segmentation head: drop --nosegment.',
             train.class_weights)


def _check_freeze(freeze, network):
    for name in freeze:
        require_one_of('--freeze', name, freezing.FREEZABLE)
    missing = freezing.missing_heads(freeze, network)
    _require(not missing, '--freeze=%s: the network has no %s head.', ','.join(freeze), ' and no '.join(missing))


def _check_loss_weights(train, network):
    weights, known = train.loss_weights, heads.losses_of(network)
    for name, weight in weights:
        require_one_of('--loss_weights', name, known)
        _require(0 <= weight < float('inf'), '--loss_weights: the weight %s of %s is not 0 or more.', weight, name)
    _require(len(dict(weights)) == len(weights), '--loss_weights names a loss twice: %s.', ', '.join(name for name, _ in weights))
    _require(any(train.weight_of(name) for name in known), '--loss_weights leaves no loss: give one of %s a weight above 0.', ', '.join(known))


def _check_detection(detection):
    _share(detection, 'conf_thresh', 'nms_thresh')
    _require(0 < detection.soft_nms_sigma < float('inf'), '--soft_nms_sigma=%s: it must be above 0.', detection.soft_nms_sigma)
    _at_least(detection, top_k_nms=1, top_k_after_nms=1, top_k_post_nms=1)


def _check_run(run, network, detection):
    _at_least(run, iterations_per_loop=1, save_every=0, summary_every=1, eval_every=-1, keep_checkpoint_max=1, threads=0, gpus=0,
              max_pictures=0, eval_limit=0, patience=0, export_max_pixels=1, export_pictures=0)
    _at_least(run, line_width=0, text_size=0)
    _require(run.min_score == OWN_SCORES or 0 <= run.min_score <= 1, '--min_score=%s is not in [0, 1].', run.min_score)
    _require(run.mode != 'predict' or run.save, '--save is empty: it takes any of %s.', ','.join(SAVED_FORMS))
    _require(run.gpus < 2 or run.platform in ('auto', 'gpu'), '--gpus=%s goes with --platform=gpu, not --platform=%s.', run.gpus, run.platform)
    _check_distribution(run)
    _require('[' not in run.model_dir, '--model_dir=%s: TensorFlow takes [ in a path for a pattern: choose another name.', run.model_dir)
    _require(run.mode != 'predict' or run.input_paths, '--mode=predict needs images: --input=FILE,FOLDER,GLOB.')
    _require(run.mode != 'train' or not run.checkpoint_path, '--checkpoint_path goes with --mode=eval, predict and export: a training starts '
             'from the latest checkpoint in --model_dir, else from --warm_start_from.')
    _require(run.mode == 'predict' or not run.input_paths, '--input goes with --mode=predict, not --mode=%s.', run.mode)
    _check_evaluation(run, network)
    _check_views(run, network)
    _require(not run.patience or run.eval_every, '--patience=%s needs evaluations: --eval_every=0 has one, at the end.', run.patience)
    _check_export(run, network, detection)
    _check_video(run)
    steps = run.profile_steps
    _require(not steps or len(steps) == 2 and 0 <= steps[0] < steps[1],
             '--profile_steps=%s: it takes two steps, the first and the one after the last: 100,110.', ','.join(map(str, steps)))


def _check_distribution(run):
    asked = run.distribution
    _require(run.platform != 'npu' or asked in ('auto', 'none'), '--distribution=%s does not go with --platform=npu, whose ranks are joined by '
             'HCCL: leave it out.', asked)
    _require(run.platform != 'cpu' or asked != 'mirrored', '--distribution=mirrored needs several GPUs. On CPUs several processes train '
             'together: --distribution=multi_worker or parameter_server, by python -m tools.launch.')
    _require(asked != 'none' or run.gpus == 1, '--gpus=%s does not go with --distribution=none.', run.gpus)


def check_asynchronous(config):
    """UserError where a Config asks for what does not go with parameter servers, around which no process waits for another.

    TensorFlow 2.21 makes operations of --precision=mixed there that its CPU kernels refuse; on GPUs it was not tried.
    """
    network, train, run = config.network, config.train, config.run
    given = [flag for flag, is_given in (
        ('sync_batch_norm', network.sync_batch_norm), ('deterministic', run.deterministic), ('scale_learning_rate', train.scale_learning_rate),
        ('precision=mixed', train.precision == 'mixed'),
        ('patience=%d' % run.patience, run.patience), ('train_minutes=%g' % train.train_minutes, train.train_minutes),
        ('on_nan=%s' % train.on_nan, rollbacks.most(train.on_nan)),
        ('iterations_per_loop=%d' % run.iterations_per_loop, run.iterations_per_loop > 1)) if is_given]
    _require(not given, '--%s does not go with parameter servers, whose workers make steps of their own and wait for nobody: leave it out, or use '
             '--distribution=multi_worker.', ' and --'.join(given))
    _require(run.eval_every <= 0, '--eval_every=%s does not go with parameter servers, whose workers would not wait for the evaluation: an evaluator '
             'beside them evaluates each checkpoint (tools.launch --evaluator), and --eval_every=0 the last one.', run.eval_every)


def _check_views(run, network):
    if not run.tta:
        return
    for scale in tta.parse(run.tta).scales:
        tta.network_of(network, scale)
    _require(run.mode in ('eval', 'predict') and not run.model, '--tta goes with --mode=eval and predict of a checkpoint: %s.',
             'a training evaluates without it' if run.mode == 'train' else 'exports do not have it')
    _require(run.platform != 'npu', '--tta puts boxes together by NMS in the graph, which that of an NPU cannot hold: use --platform=cpu or gpu.')


def _check_export(run, network, detection):
    _require(run.export_formats, '--export_formats is empty: it takes any of %s.', ','.join(registry.FORMATS))
    for name in run.export_formats:
        require_one_of('--export_formats', name, registry.FORMATS)
    hard = [name for name in run.export_formats if registry.FORMATS[name].only_hard_nms]
    _require(run.mode != 'export' or detection.nms == 'hard' or not network.detect or not hard,
             '--nms=%s: the NMS of ONNX is hard, and so is that of OpenVINO\'s complete file, which is made of it. Leave %s out of '
             '--export_formats, or give --nms=hard.', detection.nms, ' and '.join(hard))


def _check_video(run):
    _at_least(run, video_stride=1)
    if not any(map(words.is_video, run.input_paths)):
        return
    for name in run.save:
        _require(name in VIDEO_FORMS, '--save=%s is for images; of a video there are %s.', name, ', '.join(VIDEO_FORMS))
    _require(run.platform != 'npu', '--platform=npu predicts images; a video is predicted on a CPU or a GPU.')
    codecs.check(run.video_codec)


def _check_evaluation(run, network):
    _at_least(run, watch_timeout=0, keep_best=0)
    _require(run.watch_poll > 0, '--watch_poll=%s: it must be above 0.', run.watch_poll)
    _require(run.metrics, '--metrics is empty: it takes any of %s.', ','.join(METRICS))
    _check_metrics(run, network)
    ways = [name for name in ('checkpoint_path', 'checkpoints', 'watch', 'model') if getattr(run, name)]
    for name in ('checkpoints', 'watch'):
        _require(run.mode == 'eval' or name not in ways, '--%s goes with --mode=eval, not --mode=%s.', name, run.mode)
    for name in ('model', 'engine'):
        _require(run.mode in ('eval', 'predict') or not getattr(run, name), '--%s goes with --mode=eval and predict, not --mode=%s.', name, run.mode)
    _require(run.mode != 'eval' or run.model or not run.engine, '--engine=%s in --mode=eval is for exported files: name them by --model.', run.engine)
    _require(len(ways) < 2, '--%s: give one of them.', ' and --'.join(ways))
    if run.checkpoints:
        checkpoint_selection.check(run.checkpoints)


def _check_metrics(run, network):
    """What a training run or an evaluation is to compute, and to choose by, must be of a head that the network has."""
    metric, metrics = BEST_METRICS.get(run.best_metric), ','.join(run.metrics)
    if run.mode not in ('train', 'eval'):
        return
    _require(any(_missing_head(network, name) is None for name in run.metrics), '--metrics=%s has nothing for a network with %s.',
             metrics, _missing_head(network, run.metrics[0]))
    if metric:
        _require(_missing_head(network, metric) is None, '--best_metric=%s: a network with %s has no such metric.',
                 run.best_metric, _missing_head(network, metric))
        _require(run.mode == 'eval' or metric in run.metrics, '--best_metric=%s needs %s in --metrics=%s.', run.best_metric, metric, metrics)


def _missing_head(network, metric):
    """The flag that takes away the head of a metric; None where the network has it."""
    name = METRICS[require_one_of('--metrics', metric, METRICS)].head
    return None if name in heads.heads_of(network) else '--no' + heads.HEADS[name].flag


def check_start(config):
    """UserError where a training is to start from weights of another trunk, as the kind of file or the configuration beside it says."""
    path, trunk = config.train.warm_start_from, config.network.trunk
    if not path or saved_config.has_checkpoints(config.run.model_dir):
        return
    if published_weights.is_foreign(path):
        published_weights.check(path, trunk, TRUNKS[trunk])
        return
    saved, _ = saved_config.beside(path)
    _require(not saved or saved.network.trunk == trunk, '--warm_start_from=%s is of a network with --trunk=%s, and this one has --trunk=%s.',
             path, saved and saved.network.trunk, trunk)


def check_config(config):
    """UserError for the first setting that is out of range or contradicts another."""
    _check_network(config.network)
    _check_data(config.data)
    _check_train(config.train, config.network)
    _check_detection(config.detection)
    _check_run(config.run, config.network, config.detection)
    _require(config.data.batch_size % config.train.accumulate_steps == 0, '--accumulate_steps=%s does not divide --batch_size=%s.',
             config.train.accumulate_steps, config.data.batch_size)
    _require(not (config.train.recompute and config.run.xla), '--recompute does nothing with --xla, which decides itself what is kept: leave one of '
             'them out.')
    if config.run.mode == 'train':
        cadence.check_cadences(config)
    if config.run.mode == 'train' and config.run.distribution == 'parameter_server':
        check_asynchronous(config)
