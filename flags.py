"""Every flag of main.py with its help, and `make_config`, which turns them into one Config. TensorFlow is not needed here.

A flag that sets a field of the configuration takes its type and its default from there: an ungiven flag is None, so that a
preset, or the configuration saved beside the checkpoints, shows through, and an explicit flag wins.
"""
import collections
import os
import re
import shlex
import sys

from absl import flags

from blitznet_estimator import checks, given_config, given_paths, heads, other_flags, presets, saved_config
from blitznet_estimator.config import (
    BAD_RECORD_ACTIONS,
    BOX_LOSSES,
    CACHES,
    CLASS_LOSSES,
    HEAD_SHARINGS,
    LR_SCHEDULES,
    MODES,
    OPTIMIZERS,
    PLATFORMS,
    PRECISIONS,
    RESIZINGS,
    SAVED_FORMS,
    Config,
)
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.metrics import BEST_METRICS, METRICS
from blitznet_estimator.help_text import format_help
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import npu_options
from blitznet_estimator.presets import PRESETS
from blitznet_estimator.trunks import TRUNKS
from blitznet_estimator.version import VERSION

FLAGS = flags.FLAGS

TRAIN, EVAL, PREDICT, TRAINED = ('train',), ('eval',), ('predict',), ('eval', 'predict', 'export')
MEASURING = 'train', 'eval'  # a training evaluates, too
# modes: those that a setting is for; in the others it is warned about. path: what it names, a kind of given_paths.CHECKS, or None.
Setting = collections.namedtuple('Setting', 'section field help choices flag modes path')


def _setting(section, field, text, choices=None, flag=None, modes=(), path=None):
    return Setting(section, field, text, choices, flag or field, modes, path)


def _for(modes, *settings):
    """Settings for `modes`, but for those that name their own."""
    return tuple(setting._replace(modes=setting.modes or modes) for setting in settings)


GROUPS = (  # (title, settings), in the order of the help
    ('What to do', _for(MODES,
        _setting('run', 'mode', 'Train, evaluate, predict or export.', MODES),
        _setting('run', 'platform', 'Where: auto takes an NPU if there is one, else a GPU, else the CPU.', PLATFORMS),
        _setting('run', 'gpus', 'GPUs that train together, each with a batch of its own; 0 takes every visible one.', modes=TRAIN),
        _setting('run', 'model_dir', 'Folder of checkpoints, metrics and TensorBoard events. Default: runs/<preset>-<dataset>.', path='place'),
        _setting('run', 'seed', 'Seed of weights, data order and augmentation.', modes=TRAIN),
    )),
    ('Network', _for(MODES,
        _setting('network', 'trunk', 'Backbone.', tuple(TRUNKS)),
        _setting('network', 'image_size', 'Side of the square input in pixels.'),
        _setting('network', 'x4', 'Add the last decoder block, at stride 4.'),
        _setting('network', 'detect', 'Have the detection head.'),
        _setting('network', 'segment', 'Have the segmentation head.'),
        _setting('network', 'num_classes', 'Classes with the background; 0 takes them from the dataset.'),
        _setting('network', 'head', 'One pair of detection convolutions per map, or one for all maps.', HEAD_SHARINGS),
        _setting('network', 'resize', 'How the decoder enlarges its maps.', RESIZINGS),
        _setting('network', 'top_fm', 'Depth of the decoder maps.'),
        _setting('network', 'det_kernel', 'Kernel of the detection convolutions, 1 or 3.'),
        _setting('network', 'n_base_channels', 'Channels per map in the segmentation head.'),
        _setting('network', 'seg_filter_size', 'Kernel of the first segmentation convolutions, 1 or 3.'),
        _setting('network', 'bn_decay', 'Decay of the batch-norm moving averages, in [0, 1).', modes=TRAIN),
    )),
    ('Data', _for(MODES,
        _setting('data', 'dataset', 'shapes (drawn here), folder (VOC layout), voc12-train, coco-train, records, tfds:NAME, ... '
                 'tools.prepare_data --help lists all.'),
        _setting('data', 'data_dir', 'Folder of the data: what you have (folder, VOC, COCO, records), and, for shapes, what is made.', path='data'),
        _setting('data', 'prepared_dir', 'Folder of the prepared TFRecords. Default: data.', path='place'),
        _setting('data', 'train_split', 'Split to train on. Default: the dataset\'s own.', modes=TRAIN),
        _setting('data', 'eval_split', 'Split to evaluate on. Default: the dataset\'s own.', modes=MEASURING),
        _setting('data', 'train_files', 'TFRecord files or globs to train on, comma-separated; for --dataset=records.', path='files'),
        _setting('data', 'eval_files', 'TFRecord files or globs to evaluate on, comma-separated; for --dataset=records.', path='files'),
        _setting('data', 'class_file', 'Text file with one class name per line, without the background.', path='file'),
        _setting('data', 'batch_size', 'Images per training step, on each device.', modes=TRAIN),
        _setting('data', 'eval_batch_size', 'Images at once in evaluation and prediction.', modes=('train', 'eval', 'predict')),
        _setting('data', 'max_boxes', 'Most ground-truth boxes per image. If an image has more, the largest stay.', modes=TRAIN),
        _setting('data', 'augment', 'Augment the training images.', modes=TRAIN),
        _setting('data', 'zoomout_prob', 'Share of the training images that are zoomed out.', modes=TRAIN),
        _setting('data', 'cache', 'Keep decoded images after the first pass: memory for one phase of training, '
                 'disk (about 10 times the size) for good.', CACHES, modes=TRAIN),
        _setting('data', 'on_bad_record', 'Stop at a bad record, or count, log and skip it. Default: error; predict skips.', BAD_RECORD_ACTIONS),
        _setting('data', 'max_pixels', 'Most pixels of an image or a mask. A larger one is a bad record: it is refused before it is decoded.'),
        _setting('data', 'shuffle_buffer', 'Encoded examples that are mixed at once, after the files are.', modes=TRAIN),
    )),
    ('Training', _for(TRAIN,
        _setting('train', 'train_steps', 'Steps to train altogether, resumed ones included.'),
        _setting('train', 'loss_weights', 'Weights of the losses in the total, as NAME=WEIGHT with commas: class=1,bbox=2. '
                 'A loss that is not named keeps its own weight; one of weight 0 is not built. Names: %s.' % ', '.join(heads.LOSSES)),
        _setting('train', 'class_loss', 'Loss of the classes of boxes: cross-entropy of the positives and of the hardest negatives, as published, '
                 'or the focal loss of all anchors.', CLASS_LOSSES),
        _setting('train', 'box_loss', 'Loss of the places of boxes: smooth L1 of the offsets, as published, or the generalized IoU.', BOX_LOSSES),
        _setting('train', 'label_smoothing', 'Share of each label that is spread over all classes.'),
        _setting('train', 'optimizer', 'Adam, or Nesterov momentum 0.9.', OPTIMIZERS),
        _setting('train', 'clip_gradients', 'Largest norm of all gradients together, to which longer ones are shortened; 0 = none.'),
        _setting('train', 'learning_rate', 'Learning rate after the warm-up.'),
        _setting('train', 'lr_schedule', 'How the rate falls: at the steps of --lr_decay, or along half a cosine to 0.', LR_SCHEDULES),
        _setting('train', 'lr_decay', 'Steps after which the learning rate is divided by 10: 25000,35000.'),
        _setting('train', 'warmup_step', 'Steps at --warmup_lr first.'),
        _setting('train', 'warmup_lr', 'Learning rate of the warm-up.'),
        _setting('train', 'scale_schedule', 'Convert --train_steps, --lr_decay and --warmup_step from the batch size of the preset to '
                 '--batch_size, so that training sees as many images.'),
        _setting('train', 'weight_decay', 'Weight of half the squared convolution weights in the loss.'),
        _setting('train', 'precision', 'fp32, or mixed: bfloat16 on CPU (TensorFlow 2), float16 on GPU and NPU.', PRECISIONS, modes=MODES),
        _setting('train', 'loss_scale', 'With mixed on GPU and NPU: dynamic, or a number of at least 1.'),
        _setting('train', 'scale_learning_rate', 'Multiply the learning rate by the number of workers.'),
        _setting('train', 'warm_start_from', 'Weights to start from: imagenet for the published ones of the trunk, a file of them (.h5, .pth), '
                 'or a checkpoint of a trunk or of a whole BlitzNet. A checkpoint in --model_dir wins.', path='start'),
        _setting('train', 'weights_dir', 'Folder of published weights, where imagenet looks for them and puts what it downloads.', path='place'),
    )),
    ('Intervals, and what is written while training', _for(TRAIN,
        _setting('run', 'iterations_per_loop', 'Steps between two looks of the host; on the NPU they are one session run.'),
        _setting('run', 'save_every', 'Steps between checkpoints; 0 = --eval_every, or 1000.'),
        _setting('run', 'summary_every', 'Steps between TensorBoard summaries.'),
        _setting('run', 'histograms', 'Summarise the distributions of raw outputs and weights as well.'),
        _setting('run', 'eval_every', 'Steps between evaluations while training; 0 = only at the end.'),
        _setting('run', 'keep_checkpoint_max', 'Latest checkpoints to keep.'),
        _setting('run', 'profile_steps', 'Training steps to profile, as FIRST,END: 100,110. For the NPU there is --npu_profiling.'),
    )),
    ('Evaluation', _for(MEASURING,
        _setting('run', 'metrics', 'What to compute, comma-separated.', tuple(METRICS)),
        _setting('run', 'checkpoints', 'Checkpoints to evaluate: all, last, STEP, FIRST..LAST or FIRST..LAST:EVERY as in 5000..40000:5000, or '
                 'several with commas. Default: see --checkpoint_path.', modes=EVAL),
        _setting('run', 'watch', 'Evaluate each new checkpoint in --model_dir until training ends, in a process of its own, '
                 'with the settings of that training.', modes=EVAL),
        _setting('run', 'watch_poll', 'Seconds between two looks for a new checkpoint.', modes=EVAL),
        _setting('run', 'watch_timeout', 'Seconds without a new checkpoint after which --watch ends; 0 = it waits for ever.', modes=EVAL),
        _setting('run', 'reevaluate', 'Evaluate also what metrics.csv has already, with the same metrics, data and detection settings.', modes=EVAL),
        _setting('run', 'keep_best', 'Evaluated checkpoints to keep in best/ in --model_dir, those with the highest --best_metric; 0 = none.'),
        _setting('run', 'best_metric', 'Metric that chooses them. Default: the first that the evaluation has.', tuple(BEST_METRICS)),
        _setting('run', 'write_predictions', 'Write an evaluation\'s boxes and masks into evaluation/ in --model_dir, for tools.report.'),
    )),
    ('Boxes that are kept', _for(MODES,
        _setting('detection', 'conf_thresh', 'Lowest score of a box that reaches NMS.'),
        _setting('detection', 'nms_thresh', 'IoU above which NMS drops the lower-scored box.'),
        _setting('detection', 'top_k_nms', 'Boxes per class before NMS.'),
        _setting('detection', 'top_k_after_nms', 'Boxes per class after NMS.'),
        _setting('detection', 'top_k_post_nms', 'Boxes per image.'),
    )),
    ('Predicting, exporting, and the process', _for(MODES,
        _setting('run', 'checkpoint_path', 'Checkpoint to evaluate, predict with or export: a path, best or latest. It is used with the config.json '
                 'beside it. Default: eval takes the latest in --model_dir, predict and export the best of its evaluations.',
                 modes=TRAINED, path='checkpoint'),
        _setting('run', 'input_paths', 'Images to predict: files, folders, globs or URLs, comma-separated; or a split of the model\'s own dataset: '
                 'val, train, ...', flag='input', modes=PREDICT, path='images'),
        _setting('run', 'output_dir', 'Where predict and export write. Default: predictions or export in --model_dir.',
                 modes=('predict', 'export'), path='place'),
        _setting('run', 'min_score', 'Lowest score of a box that is kept; 0 keeps all. Default: per class what the checkpoint\'s evaluation found '
                 'best, else 0.25.', modes=MEASURING + PREDICT),
        _setting('run', 'classes', 'Names of the classes that predict keeps, comma-separated. Default: all.', modes=PREDICT),
        _setting('run', 'save', 'What predict writes, comma-separated.', SAVED_FORMS, modes=PREDICT),
        _setting('run', 'legend', 'Put the colours\' names under pictures.', modes=PREDICT),
        _setting('run', 'line_width', 'Pixels of a box\'s line; 0 = by the picture\'s size.', modes=PREDICT),
        _setting('run', 'text_size', 'Pixels of a label\'s letters; 0 = by the picture\'s size.', modes=PREDICT),
        _setting('run', 'max_pictures', 'Training images, and evaluated images, that are drawn for TensorBoard.', modes=MEASURING),
        _setting('run', 'threads', 'Threads; 0 = as many as cores.'),
        _setting('run', 'xla', 'Compile the graph with XLA, on GPU and CPU.'),
        _setting('run', 'progress', 'Show progress bars.'),
        _setting('run', 'dry_run', 'Print every setting, variable and command that would be used, check the graphs, and stop.'),
    )),
)
SETTINGS = tuple(setting for _, settings in GROUPS for setting in settings)
_DEFINE = {bool: flags.DEFINE_boolean, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string,
           tuple: flags.DEFINE_list}


def _field_default(setting):
    return getattr(getattr(Config(), setting.section), setting.field)


def describe(setting):
    """The meaning of a setting, its choices, and its defaults by preset, as sentences."""
    parts = [setting.help]
    if setting.choices:
        parts.append('One of %s.' % ', '.join(setting.choices))
    by_value = collections.OrderedDict()
    for name in sorted(PRESETS, key=lambda name: name != presets.DEFAULT):
        section = getattr(presets.preset_config(name), setting.section)
        by_value.setdefault(getattr(section, setting.field), []).append(name)
    values = [(_text(value), names) for value, names in by_value.items()]
    if 'Default:' not in setting.help and any(text for text, _ in values):
        (default, _), others = values[0], values[1:]
        parts.append('Default: %s%s.' % (default, ''.join('; %s: %s' % (', '.join(names), text) for text, names in others)))
    return ' '.join(parts)


def _text(value):
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return ','.join(map(str, value)) if isinstance(value, tuple) else '%s' % (value,)


def _shown_name(setting):
    kind = type(_field_default(setting))
    return '--[no]' + setting.flag if kind is bool else '--%s=%s' % (setting.flag, {int: 'N', float: 'X', str: 'TEXT', tuple: 'A,B'}[kind])


def help_groups(full=False):
    """[(title, [(name, text)])] of the flags, in the order of the configuration; those of the NPU only where `full`."""
    groups = [(title, [(_shown_name(setting), describe(setting)) for setting in settings]) for title, settings in GROUPS]
    groups[0][1].insert(1, ('--preset=TEXT', FLAGS['preset'].help))
    groups[0][1].append(('--flagfile=FILE', 'Read flags from a file, one per line. docs/flagfiles has examples.'))
    if full:
        groups.append(('Ascend NPUs', [('--' + option.name, FLAGS[option.name].help) for option in npu_options.OPTIONS]))
    return groups


def define_flags():
    """Define every flag, once."""
    flags.DEFINE_string('preset', None, 'The network and the recipe of its training, which other flags change. One of %s. Default: %s.'
                        % (', '.join(sorted(PRESETS)), presets.DEFAULT))
    for setting in SETTINGS:
        _DEFINE[type(_field_default(setting))](setting.flag, None, describe(setting))
    flags.DEFINE_alias('max_iterations', 'train_steps')
    npu_options.define(flags)


def parse(argv, introduction):
    """Words that belong to no flag, out of a command line; prints help or the version and exits where they are asked for.

    Raises UserError for an unknown flag or a value of the wrong type. For `app.run`, as its flags_parser.
    """
    asked = {word.lstrip('-') for word in argv[1:] if word.startswith('-')}
    if asked & {'h', 'help', 'helpshort', 'helpfull'}:
        closing = '' if 'helpfull' in asked else '--helpfull shows the flags of Ascend NPUs (--npu_...) as well.'
        print(format_help(introduction, help_groups('helpfull' in asked), closing), end='')
        sys.exit(0)
    if 'version' in asked:
        print('BlitzNet for the Estimator ' + VERSION)
        sys.exit(0)
    try:
        return read(argv[:1] + ['--mode=' + argv[1]] + argv[2:] if argv[1:2] and argv[1] in MODES else argv)
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        sys.exit(2)


def read(argv, flag_values=FLAGS):
    """Words that belong to no flag, out of a command line. Raises UserError for an unknown flag or a value of the wrong type."""
    try:
        return flag_values(argv)
    except flags.Error as error:
        raise UserError(_sentence(str(error)))


def _sentence(text):
    """absl's message in this project's words."""
    unknown, valueless = re.match(r"Unknown command line flag '(\w+)'", text), re.match(r'Missing value for flag --?(\w+)', text)
    if valueless:
        return '--%s needs a value: --%s=VALUE.' % (2 * (valueless.group(1),))
    if unknown:
        return other_flags.answer(unknown.group(1), FLAGS)
    name, value = re.match(r'flag --(\w+)=?([^:]*)', text).groups() if text.startswith('flag --') else (None, '')
    if name not in FLAGS:
        return text
    kind = {'int': 'a whole number', 'float': 'a number', 'bool': 'yes or no: --%s or --no%s' % (name, name)}.get(FLAGS[name].flag_type())
    return '--%s=%s is not %s.' % (name, value, kind) if kind else text


def _convert(setting, value):
    """The value of a flag as its field holds it; UserError for a wrong element of a list or an unknown choice."""
    if isinstance(value, list):
        value = tuple(item.strip() for item in value if item.strip())
        if setting.field == 'loss_weights':
            return tuple(checks.named_number('--loss_weights', item) for item in value)
        if setting.field in ('lr_decay', 'profile_steps'):
            return tuple(checks.integer('--%s' % setting.flag, item) for item in value)
        if setting.path:
            return tuple(map(os.path.expanduser, value))
        for item in value if setting.choices else ():
            checks.require_one_of('--%s' % setting.flag, item, setting.choices)
    elif setting.choices:
        checks.require_one_of('--%s' % setting.flag, value, setting.choices)
    return os.path.expanduser(value) if setting.path else value


def _given(flag_values):
    """{section: {field: value}} of the flags that were given."""
    sections = collections.defaultdict(dict)
    for setting in SETTINGS:
        value = flag_values[setting.flag].value
        if value is not None:
            sections[setting.section][setting.field] = _convert(setting, value)
    if 'seed' in sections['run']:
        sections['data']['seed'] = sections['run']['seed']
    return sections


def make_config(flag_values=FLAGS):
    """The Config of the command line, checked. With --watch it waits for that of a training that has not begun.

    Raises:
      UserError: a value that is unknown or out of range, or values that contradict each other; names the flags.
    """
    _warn_of_unused(flag_values)
    config = _make_config(flag_values)
    if config.run.watch and not config.run.dry_run and saved_config.wait(config.run.model_dir, config.run.watch_timeout):
        return _make_config(flag_values)
    return config


def _make_config(flag_values):
    given = _given(flag_values)
    preset = flag_values['preset'].value
    fresh = given_config.of_preset(preset, given)
    _check_paths(given, fresh, ('checkpoint', 'start'))
    is_training = fresh.run.mode == 'train'
    config = fresh if is_training else given_config.of_trained_model(preset, given, fresh)
    config = config.replace(npu=npu_options.given(flag_values))
    if is_training:
        checks.check_start(config)
        _warn_of_schedule(config, given)
    if is_training and config.train.scale_schedule:
        config = presets.scaled_schedule(config)
    checks.check_config(config)
    _check_paths(given, config, given_paths.CHECKS)
    return config


def _check_paths(given, config, kinds):
    """UserError for a flag that names a path of `kinds` which cannot be what it should, before all else. --dry_run asks for no file."""
    resumes = config.run.mode == 'train' and saved_config.has_checkpoints(config.run.model_dir)  # where --warm_start_from is not read any more
    for setting in SETTINGS if not config.run.dry_run else ():
        value = given[setting.section].get(setting.field) if setting.path in kinds and config.run.mode in setting.modes else None
        if value and not (resumes and setting.field == 'warm_start_from'):
            given_paths.check('--' + setting.flag, value, setting.path, config.data.dataset)


def _warn_of_unused(flag_values):
    """A warning for each flag that the mode makes no use of."""
    mode = flag_values['mode'].value or Config().run.mode
    for setting in SETTINGS:
        if flag_values[setting.flag].value is not None and mode in MODES and mode not in setting.modes:
            log.warning('--%s does nothing in --mode=%s: it is for %s.', setting.flag, mode, ', '.join(setting.modes))


def _warn_of_schedule(config, given):
    """A warning where the given --train_steps do not go with the drops of a recipe's learning rate."""
    if 'train_steps' in given['train'] and 'lr_decay' not in given['train'] and config.train.lr_schedule == 'steps':
        problem = presets.ill_timed_drops(config)
        if problem:
            log.warning(problem)


def given_words(without=(), flag_values=FLAGS):
    """The flags that were given, as words of a command line, but for those named in `without`."""
    names = ['preset'] + [setting.flag for setting in SETTINGS] + sorted(npu_options.BY_NAME)
    return [flag_values[name].serialize() for name in names if name not in without and flag_values[name].value is not None]


def refuse_positional(arguments, words=()):
    """UserError for words that belong to no flag, as in '--lr_decay 25000 35000'. words: the whole command line, to say it aright."""
    if arguments:
        joined = other_flags.with_commas(words)
        said = ' '.join(map(shlex.quote, joined)) if joined != list(words) else '--lr_decay=25000,35000'
        raise UserError('Unexpected words on the command line: %s. Lists are written with commas: %s.' % (' '.join(arguments), said))
