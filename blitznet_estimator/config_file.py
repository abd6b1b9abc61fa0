"""--config=FILE and --set SECTION.FIELD=VALUE: settings out of a config.json, or a YAML file of its form, and out of dotted names.

The values are those of `config.Config`, typed by its fields; whatever is no field, or no value of one, is a sentence.
"""
import dataclasses
import json
import os

from blitznet_estimator import checks, json_files, yaml_files
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError, nearest

LARGEST = 1 << 20  # bytes; a configuration is a few thousand
_SECTIONS = tuple(field.name for field in dataclasses.fields(Config))
_NOT_SETTINGS = ('version',)  # of a config.json
_OF_A_RUN = ('dry_run', 'checkpoint_path', 'checkpoints', 'input_paths', 'output_dir', 'watch', 'reevaluate')  # of the command that wrote it


def read(path):
    """{section: {field: value}} of a file. Class names, which a run found in its data, are left to the data.

    Raises UserError where it is no such file, or a name or a value is wrong.
    """
    values = _parsed(path)
    _require(isinstance(values, dict), path, 'it is no list of sections (%s)', ', '.join(_SECTIONS))
    found = {}
    for section, fields in values.items():
        if section in _NOT_SETTINGS or fields is None:
            continue
        _require(section in _SECTIONS, path, '%s is no section. %s', section, nearest(str(section), _SECTIONS))
        _require(isinstance(fields, dict), path, 'section %s holds no settings', section)
        found[section] = fields if section == 'npu' else {
            name: typed(section, name, value, '--config=%s' % path) for name, value in fields.items()}
    if 'version' in values:  # a run wrote it: it holds the steps that --scale_schedule led to
        found.get('train', {}).pop('scale_schedule', None)
    if found.get('data', {}).pop('class_names', None):
        found.get('network', {}).pop('num_classes', None)  # which was counted from them
    found.get('train', {}).pop('pixel_weights', None)  # which --class_weights leads to
    for name in _OF_A_RUN:
        found.get('run', {}).pop(name, None)
    return found


def assigned(texts):
    """{section: {field: value}} of texts such as 'network.top_fm=256'."""
    found = {}
    for text in texts:
        name, equals, value = text.partition('=')
        section, dot, field = name.strip().partition('.')
        if not equals or not dot:
            raise UserError('--set=%s is no SECTION.FIELD=VALUE, such as network.top_fm=256.' % text)
        checks.require_one_of('--set: section', section, [known for known in _SECTIONS if known != 'npu'])
        found.setdefault(section, {})[field] = typed(section, field, value, '--set')
    return found


def overlaid(*layers):
    """The settings of all layers, {section: {field: value}}; a later one wins."""
    found = {}
    for layer in layers:
        for section, fields in layer.items():
            found.setdefault(section, {}).update(fields)
    return found


def typed(section, field, value, where):
    """A value as the field of a section holds it, from text, YAML or JSON. UserError that begins with `where`."""
    defaults = vars(getattr(Config(), section))
    checks.require_one_of('%s: %s' % (where, section), field, sorted(defaults))
    default = defaults[field]
    name = '%s: %s.%s' % (where, section, field)
    if isinstance(default, tuple):
        return _tuple(name, field, value)
    kind = type(default)
    if kind is bool and isinstance(value, str) and value.lower() in _TRUTH:
        return _TRUTH[value.lower()]
    if kind is str and value is None:
        return ''
    try:
        if kind is bool and not isinstance(value, bool) or kind is not bool and isinstance(value, bool):
            raise ValueError
        result = kind(value) if kind is not str else _text(value)
        if kind is int and result != float(value):
            raise ValueError
        return result
    except (TypeError, ValueError, OverflowError):
        raise UserError('%s=%s is not %s.' % (name, value, _KINDS[kind]))


_TRUTH = {'true': True, 'yes': True, 'false': False, 'no': False}
_KINDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


def _text(value):
    if isinstance(value, (dict, list)):
        raise ValueError
    return str(value)


def _tuple(name, field, value):
    """The value of a field that holds several."""
    if isinstance(value, dict):
        value = ['%s=%s' % pair for pair in value.items()]
    values = [part.strip() for part in value.split(',') if part.strip()] if isinstance(value, str) else value
    values = [] if values is None else values if isinstance(values, list) else [values]
    if field == 'loss_weights':
        values = ['='.join(map(str, one)) if isinstance(one, list) else one for one in values]
    if any(isinstance(one, (dict, list)) for one in values):
        raise UserError('%s holds a list in a list.' % name)
    return checks.elements(name, field, map(str, values))


def _parsed(path):
    """What a file holds, as Python's values."""
    try:
        _require(os.path.getsize(path) <= LARGEST, path, 'it is too large for a configuration')
        with open(path, encoding='utf-8-sig') as file:
            text = file.read()
    except OSError as error:
        raise UserError('--config=%s cannot be read: %s.' % (path, error.strerror))
    except UnicodeDecodeError:
        raise UserError('--config=%s is no text in UTF-8.' % path)
    if not path.lower().endswith('.json'):
        return yaml_files.parse(text, '--config=%s' % path)
    try:
        return json.loads(text)
    except json_files.ERRORS as error:
        raise UserError('--config=%s cannot be read: %s.' % (path, str(error).replace('\n', ' ').rstrip('.')))


def _require(condition, path, message, *values):
    if not condition:
        raise UserError('--config=%s: %s.' % (path, (message % values).rstrip('.')))
