"""export.json: what an export says of itself. TensorFlow is not needed here."""
import json
import os

from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats.registry import Exported

NAME = 'export.json'


def find(path):
    """The folder of the export that --model=PATH means: an export, one of its files, or a folder of exports, of which the newest is taken."""
    newest = max((name for name in _names(path) if name.isdigit()), key=int, default='')
    for folder in (path, os.path.join(path, newest), os.path.dirname(path) or '.', os.path.dirname(os.path.dirname(path)) or '.'):
        if os.path.isfile(os.path.join(folder, NAME)):
            return folder
    raise UserError('--model=%s: there is no export (no %s): make one by --mode=export.' % (path, NAME))


def _names(path):
    return os.listdir(path) if os.path.isdir(path) else []


def read(folder):
    """The content of an export's export.json."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except ValueError as error:
        raise UserError('%s is damaged (%s): export again.' % (path, error))


def config_of(folder):
    """The Config that a model was exported with."""
    return Config.from_json(json.dumps(read(folder)['config']))


def files_of(path):
    """The `registry.Exported` files that --model=PATH means: all of an export, or the one that it names."""
    folder = find(path)
    rows = [Exported(*[row[field] for field in Exported._fields]) for row in read(folder)['files']]
    named = [row for row in rows if os.path.isfile(path) and os.path.samefile(path, os.path.join(folder, row.file))]
    if os.path.isfile(path) and not named and os.path.basename(path) != NAME:
        raise UserError('--model=%s is no model of the export. Its files: %s.' % (path, ', '.join(dict.fromkeys(row.file for row in rows))))
    return named or rows
