"""export.json: what an export says of itself. TensorFlow is not needed here."""
import json
import os

from blitznet_estimator import exports
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats.registry import Exported

NAME = 'export.json'


def find(path):
    """The folder of the export that --model=PATH means: an export, one of its files, or a folder of exports, of which the newest is taken."""
    above = os.path.dirname(path) or '.', os.path.dirname(os.path.dirname(path)) or '.'
    folder = exports.newest(path, NAME) or next((one for one in above if os.path.isfile(os.path.join(one, NAME))), '')
    if folder:
        return folder
    raise UserError('--model=%s: there is no export (no %s): make one by --mode=export.' % (path, NAME))


def _part(folder, name, make):
    """make(a part of an export's export.json). UserError where the file is damaged."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, encoding='utf-8') as file:
            return make(json.load(file)[name])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError('%s is damaged (%s: %s): export again.' % (path, type(error).__name__, error))


def config_of(folder):
    """The Config that a model was exported with."""
    return _part(folder, 'config', lambda values: Config.from_json(json.dumps(values)))


def files_of(path):
    """The `registry.Exported` files that --model=PATH means: all of an export, or the one that it names."""
    folder = find(path)
    rows = _part(folder, 'files', lambda found: [Exported(*[row[field] for field in Exported._fields]) for row in found])
    named = [row for row in rows if os.path.isfile(path) and os.path.samefile(path, os.path.join(folder, row.file))]
    if os.path.isfile(path) and not named and os.path.basename(path) != NAME:
        raise UserError('--model=%s is no model of the export. Its files: %s.' % (path, ', '.join(dict.fromkeys(row.file for row in rows))))
    return named or rows
