"""Every flag of main.py with its help, and `make_config`, which turns them into one Config. TensorFlow is not needed here.

A flag that sets a field of the configuration takes its type and its default from there: an ungiven flag is None, so that a
preset, or the configuration saved beside the checkpoints, shows through, and an explicit flag wins.
"""
import collections
import os
import re
import reprlib
import shlex
import sys

from absl import flags

from blitznet_estimator import checks, config_file, given_config, given_paths, other_flags, presets, saved_config
from blitznet_estimator.config import MODES, Config
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.help_text import format_help
from blitznet_estimator.logs import log
from blitznet_estimator.platforms import npu_options
from blitznet_estimator.presets import PRESETS
from blitznet_estimator.settings import COMMON, GROUPS, SETTINGS
from blitznet_estimator.version import VERSION

FLAGS = flags.FLAGS

# Words that main.py takes in the place of a mode, and their modules
TOOLS = {name: 'tools.' + name for name in ('prepare_data', 'report', 'score', 'inspect', 'benchmark', 'convert_weights', 'serve', 'client',
                                              'launch')}
_HELP = {'h', 'help', 'helpshort', 'helpfull'}
_MORE_HELP = '--helpfull shows all.'
_DEFINE = {bool: flags.DEFINE_boolean, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string,
           tuple: flags.DEFINE_list}


_OTHERS = {  # flags of no field: {name: (as it is shown, help)}
    'preset': ('--preset=TEXT', 'The network and the recipe of its training, which other flags change. One of %s. Default: %s.'
               % (', '.join(sorted(PRESETS)), presets.DEFAULT)),
    'config': ('--config=FILE', 'A config.json, or a YAML file of its sections and fields, whose settings are used. A flag wins over it.'),
    'set': ('--set=SECTION.FIELD=VALUE', 'A setting by its place in config.json: --set network.top_fm=256. May be given several times, and '
            'wins over --config.'),
    'flagfile': ('--flagfile=FILE', 'Read flags from a file, one per line. docs/flagfiles has examples.'),
}


_DEFAULTS = Config()
_PRESET_CONFIGS = {name: presets.preset_config(name) for name in sorted(PRESETS, key=lambda name: name != presets.DEFAULT)}


def _field_default(setting):
    return getattr(getattr(_DEFAULTS, setting.section), setting.field)


def describe(setting):
    """The meaning of a setting, its choices, and its defaults by preset, as sentences."""
    parts = _meaning(setting)
    by_value = collections.OrderedDict()
    for name, config in _PRESET_CONFIGS.items():
        by_value.setdefault(getattr(getattr(config, setting.section), setting.field), []).append(name)
    values = [(_text(value), names) for value, names in by_value.items()]
    if 'Default:' not in setting.help and any(text for text, _ in values):
        (default, _), others = values[0], values[1:]
        parts.append('Default: %s%s.' % (default, ''.join('; %s: %s' % (', '.join(names), text) for text, names in others)))
    return ' '.join(parts)


def _describe_for(setting, config):
    """The meaning of a setting, its choices, and the value that it has in a Config, which holds where the flag is not given."""
    value = _text(getattr(getattr(config, setting.section), setting.field))
    return ' '.join(_meaning(setting) + (['Default: %s.' % value] if value and 'Default:' not in setting.help else []))


def _meaning(setting):
    return [setting.help] + (['One of %s.' % ', '.join(setting.choices)] if setting.choices else [])


def _text(value):
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, float):
        return '%g' % value
    return ','.join(map(str, value)) if isinstance(value, tuple) else '%s' % (value,)


def _shown_name(setting):
    kind = type(_field_default(setting))
    return '--[no]' + setting.flag if kind is bool else '--%s=%s' % (setting.flag, {int: 'N', float: 'X', str: 'TEXT', tuple: 'A,B'}[kind])


def help_groups(full=False):
    """[(title, [(name, text)])] of the flags, in the order of the configuration; those of the NPU only where `full`."""
    groups = [(title, [(_shown_name(setting), describe(setting)) for setting in settings]) for title, settings in GROUPS]
    groups[0][1].insert(1, _OTHERS['preset'])
    groups[0][1].extend([_OTHERS['config'], _OTHERS['set'], _OTHERS['flagfile']])
    if full:
        groups.append(('Ascend NPUs', [('--' + option.name, FLAGS[option.name].help) for option in npu_options.OPTIONS]))
    return groups


def common_groups(config):
    """[(title, [(name, text)])] of the flags that most commands need, with the defaults of a Config."""
    by_flag = {setting.flag: (_shown_name(setting), _describe_for(setting, config)) for setting in SETTINGS}
    return [(title, [_OTHERS.get(name) or by_flag[name] for name in names]) for title, names in COMMON]


def mode_groups(mode, config):
    """[(title, [(name, text)])] of the flags of a mode, with the defaults of a Config."""
    groups = [(title, [(_shown_name(setting), _describe_for(setting, config)) for setting in settings if mode in setting.modes])
              for title, settings in GROUPS]
    return [(title, entries) for title, entries in groups if entries]


def define_flags():
    """Define every flag, once."""
    flags.DEFINE_string('preset', None, _OTHERS['preset'][1])
    flags.DEFINE_string('config', None, _OTHERS['config'][1])
    flags.DEFINE_multi_string('set', None, _OTHERS['set'][1])
    for setting in SETTINGS:
        _DEFINE[type(_field_default(setting))](setting.flag, None, describe(setting))
    flags.DEFINE_alias('max_iterations', 'train_steps')
    npu_options.define(flags)


def parse(argv, introduction):
    """Words that belong to no flag, out of a command line; prints help or the version and exits where they are asked for.

    Raises UserError for an unknown flag or a value of the wrong type. For `app.run`, as its flags_parser.
    """
    asked = {word.lstrip('-') for word in argv[1:] if word.startswith('-')}
    if asked & _HELP:
        print(help_page(argv, introduction, full='helpfull' in asked), end='')
        sys.exit(0)
    if 'version' in asked:
        print('BlitzNet for the Estimator ' + VERSION)
        sys.exit(0)
    try:
        return read(_with_mode(argv))
    except UserError as error:
        print('error: %s' % error, file=sys.stderr)
        sys.exit(2)


def _with_mode(argv):
    """The words of a command line with a mode that stands first as its flag."""
    return argv[:1] + ['--mode=' + argv[1]] + argv[2:] if argv[1:2] and argv[1] in MODES else argv


def help_page(argv, introduction, full=False, flag_values=FLAGS):
    """Text of the help for a command line: all flags, those of the mode that it names, or the common ones. The defaults are those
    of the preset, the dataset and the file that it names."""
    if full:
        return format_help(introduction, help_groups(full=True), '')
    given, preset = {section: {} for section in vars(Config())}, None
    try:
        read([word for word in _with_mode(argv) if word.lstrip('-') not in _HELP], flag_values)
        given, preset = _given(flag_values), flag_values['preset'].value
        config = given_config.of_preset(preset or given['network'].get('preset'), given)
    except UserError:  # a wrong word does not keep anybody from help
        config = given_config.of_preset(None, {section: {} for section in vars(Config())})
    mode = given['run'].get('mode')
    if mode in MODES:
        return format_help(introduction, mode_groups(mode, config), 'These are the flags of --mode=%s. %s' % (mode, _MORE_HELP))
    return format_help(introduction, common_groups(config), 'These are the common flags. --mode=predict --help shows those of a mode. ' + _MORE_HELP)


def read(argv, flag_values=FLAGS):
    """Words that belong to no flag, out of a command line. Raises UserError for an unknown flag or a value of the wrong type."""
    try:
        return flag_values(argv)
    except (flags.Error, ValueError) as error:  # ValueError: of --noNAME=VALUE
        raise UserError(_sentence(str(error), argv[1:]))
    except RecursionError:  # absl compares an unknown name with the flags', a call deeper for each character
        raise UserError('%s is no flag.' % reprlib.repr(max(argv[1:], key=len)))


def _sentence(text, words):
    """absl's message of a command line in this project's words."""
    unknown = re.match(r"Unknown command line flag '([^']+)'", text)
    valueless = re.match(r'Missing value for flag --?(\w+)|--(flagfile) with no argument', text)
    given = re.match(r'--no(\w+)=.* does not take an argument', text, re.S)
    unopened = re.match(r"ERROR:: Unable to open flagfile: \[Errno \d+\] (.*): '(.*)'", text)
    if unopened:
        return '--flagfile=%s cannot be read: %s.' % unopened.groups()[::-1]
    if given:
        return '--no%s takes no value: write --no%s or --%s.' % (3 * given.groups())
    if valueless:
        return '--%s needs a value: --%s=VALUE.' % (2 * (valueless.group(1) or valueless.group(2),))
    if unknown:
        return other_flags.answers(unknown.group(1), words, FLAGS)
    name, value = re.match(r'flag --(\w+)=?([^:]*)', text).groups() if text.startswith('flag --') else (None, '')
    if name not in FLAGS:
        return text
    kind = {'int': 'a whole number', 'float': 'a number', 'bool': 'yes or no: --%s or --no%s' % (name, name)}.get(FLAGS[name].flag_type())
    return '--%s=%s is not %s.' % (name, value, kind) if kind else text


def _convert(setting, value):
    """The value of a flag as its field holds it; UserError for a wrong element of a list or an unknown choice."""
    if isinstance(value, list):
        value = tuple(item.strip() for item in value if item.strip())
        value = checks.elements('--%s' % setting.flag, setting.field, value)
        if setting.path:
            return tuple(map(os.path.expanduser, value))
        for item in value if setting.choices else ():
            checks.require_one_of('--%s' % setting.flag, item, setting.choices)
    elif setting.choices:
        checks.require_one_of('--%s' % setting.flag, value, setting.choices)
    return os.path.expanduser(value) if setting.path else value


def _given(flag_values):
    """{section: {field: value}} of what was given: by --config, by --set, and by flags, of which the later wins."""
    path = flag_values['config'].value
    by_file = _checked(config_file.read(os.path.expanduser(path))) if path else {}
    by_name = config_file.overlaid(_checked(config_file.assigned(flag_values['set'].value or ())), _given_flags(flag_values))
    _choose_length(by_file, by_name)
    sections = collections.defaultdict(dict, config_file.overlaid(by_file, by_name))
    preset = flag_values['preset'].value
    if preset and sections['network'].get('preset', preset) != preset:
        raise UserError('--preset=%s, but --config=%s is of the preset %s: leave --preset out, or that file.'
                        % (preset, path, sections['network']['preset']))
    if 'seed' in sections['run']:
        sections['data']['seed'] = sections['run']['seed']
    return sections


def _checked(sections):
    """The settings of --config or --set as those of flags: of the known choices, and with the user's folder for ~."""
    for setting in SETTINGS:
        value = sections.get(setting.section, {}).get(setting.field)
        several = value if isinstance(value, tuple) else (value,)
        for item in several if value and setting.choices else ():
            checks.require_one_of('--%s' % setting.flag, item, setting.choices)
        if value and setting.path:
            expanded = tuple(map(os.path.expanduser, several))
            sections[setting.section][setting.field] = expanded if isinstance(value, tuple) else expanded[0]
    return sections


def _given_flags(flag_values):
    """{section: {field: value}} of the flags of fields."""
    sections = {}
    for setting in SETTINGS:
        value = flag_values[setting.flag].value
        if value is not None:
            sections.setdefault(setting.section, {})[setting.field] = _convert(setting, value)
    return sections


def _choose_length(by_file, by_name):
    """UserError where both --epochs and --train_steps are given by name; one of them wins over the other in a file."""
    named = by_name.get('train', {})
    if named.get('epochs') and 'train_steps' in named:
        raise UserError('--epochs=%g and --train_steps=%d both say how long to train: give one of them.' % (named['epochs'], named['train_steps']))
    if 'train_steps' in named:
        by_file.get('train', {}).pop('epochs', None)


def make_config(flag_values=FLAGS):
    """The Config of the command line, checked. With --watch it waits for that of a training that has not begun.

    Raises:
      UserError: a value that is unknown or out of range, or values that contradict each other; names the flags.
    """
    _warn_of_unused(flag_values, _given(flag_values)['run'].get('mode', Config().run.mode))
    config = _make_config(flag_values)
    if config.run.watch and not config.run.dry_run and saved_config.wait(config.run.model_dir, config.run.watch_timeout):
        return _make_config(flag_values)
    return config


def _make_config(flag_values):
    given = _given(flag_values)
    given = given_config.with_dataset(given, given['run'].get('mode', Config().run.mode) == 'train')
    preset = flag_values['preset'].value or given['network'].get('preset')
    fresh = given_config.of_preset(preset, given)
    _check_paths(given, fresh, ('checkpoint', 'start'))
    is_training = fresh.run.mode == 'train'
    config = fresh if is_training else given_config.of_trained_model(preset, given, fresh)
    config = config.replace(npu=npu_options.asked_options(dict(given['npu'], **npu_options.given(flag_values) or {})) or None)
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


def _warn_of_unused(flag_values, mode):
    """A warning for each flag that the mode makes no use of, and for what --set gives in the place of one."""
    by_place = config_file.assigned(flag_values['set'].value or ())
    for setting in SETTINGS if mode in MODES else ():
        given = ['--' + setting.flag] if flag_values[setting.flag].value is not None else []
        given += ['--set %s.%s' % (setting.section, setting.field)] if setting.field in by_place.get(setting.section, {}) else []
        for name in given if mode not in setting.modes else ():
            log.warning('%s does nothing in --mode=%s: it is for %s.', name, mode, ', '.join(setting.modes))
    if flag_values['platform'].value in ('cpu', 'gpu'):
        for name in sorted(npu_options.given(flag_values) or ()):
            log.warning('--%s does nothing with --platform=%s: it is for NPUs.', name, flag_values['platform'].value)


def _warn_of_schedule(config, given):
    """A warning where the given --train_steps do not go with the drops of a recipe's learning rate."""
    if 'train_steps' in given['train'] and 'lr_decay' not in given['train'] and config.train.lr_schedule == 'steps':
        problem = presets.ill_timed_drops(config)
        if problem:
            log.warning(problem)


def given_words(without=(), flag_values=FLAGS):
    """The flags that were given, as words of a command line, but for those named in `without`."""
    names = ['preset', 'config', 'set'] + [setting.flag for setting in SETTINGS] + sorted(npu_options.BY_NAME)
    given = [flag_values[name] for name in names if name not in without and flag_values[name].value is not None]
    return [word for flag in given for word in flag.serialize().splitlines()]  # a flag that was given several times is several words


def refuse_positional(arguments, words=()):
    """UserError for words that belong to no flag, as in '--lr_decay 25000 35000'. words: the whole command line, to say it aright."""
    if arguments and words and words[0] == arguments[0]:
        raise UserError('%s is no mode and no tool. %s' % (words[0], nearest(words[0], MODES + tuple(TOOLS))))
    if arguments:
        joined = other_flags.with_commas(words)
        said = ' '.join(map(shlex.quote, other_flags.with_preset(joined))) if joined != list(words) else '--lr_decay=25000,35000'
        raise UserError('Unexpected words on the command line: %s. Lists are written with commas: %s.' % (' '.join(arguments), said))
