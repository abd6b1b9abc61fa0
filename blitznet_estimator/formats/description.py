"""export.json: what an export says of itself. TensorFlow is not needed here."""
import glob
import json
import os
import reprlib

from blitznet_estimator import exports, json_files, thresholds
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats.registry import FORMATS, Exported

NAME = 'export.json'


def folder_of(path):
    """As `find`; '' where a path means no export."""
    above = os.path.dirname(path) or '.', os.path.dirname(os.path.dirname(path)) or '.'
    return exports.newest(path, NAME) or next((one for one in above if os.path.isfile(path) and os.path.isfile(os.path.join(one, NAME))), '')


def find(path, flag='--model='):
    """The folder of the export that --model=PATH means: an export, one of its files, or a folder of exports, of which the newest is taken.

    flag: what names it, for the message.
    """
    folder = folder_of(path)
    if folder:
        return folder
    raise UserError('%s%s: there is no export (no %s): make one by --mode=export.' % (flag, path, NAME))


def _part(folder, name, make, *otherwise):
    """make(a part of an export's export.json), `otherwise` where the file lacks the part. UserError where the file is damaged."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        return otherwise[0] if otherwise and name not in content else make(content[name])
    except OSError as error:
        raise UserError('%s cannot be read (%s).' % (path, error.strerror))
    except (KeyError, TypeError, OverflowError) + json_files.ERRORS as error:
        raise UserError('%s is damaged (%s, %s: %s): export again.' % (path, name, type(error).__name__, error))


def config_of(folder):
    """The Config that a model was exported with."""
    return _part(folder, 'config', lambda values: Config.from_json(json.dumps(values)))


def class_names_of(folder):
    """Names of a model's classes, without the background."""
    return _part(folder, 'class_names', classes)


def classes(names):
    """The names of classes without the background, of those in a file. ValueError where they are no texts."""
    if not json_files.is_list_of(str, names):
        raise ValueError('%s is no list of texts' % reprlib.repr(names))
    return tuple(names[1:])


def min_scores_of(folder):
    """{class: score} as in thresholds.py; {} of an export without."""
    return _part(folder, 'min_scores', thresholds.valid, {})


def metadata_of(folder):
    """What a client should know of a model, under the names of the SavedModel's metadata.json: with the background among the classes."""
    config = config_of(folder)
    return {'class_names': _part(folder, 'class_names', list), 'image_size': config.network.image_size, 'preset': config.network.preset,
            'global_step': origin_of(folder)['global_step'], 'max_pixels': config.run.export_max_pixels, 'min_scores': min_scores_of(folder)}


def checkpoint_of(folder):
    """Path of the checkpoint that an export was made of, where it was then."""
    return _part(folder, 'checkpoint', _text)


def origin_of(folder):
    """{'checkpoint', 'global_step'} of that checkpoint."""
    return {'checkpoint': checkpoint_of(folder), 'global_step': _part(folder, 'global_step', int)}


def weights_of(folder):
    """Digest of that checkpoint; '' of an export without."""
    return _part(folder, 'weights', _text, '')


def times_of(folder):
    """{Exported: milliseconds per picture} of the files that were timed."""
    return _part(folder, 'files', lambda rows: {
        _exported(row): float(row['milliseconds']) for row in rows if 'milliseconds' in row and json_files.is_number(row['milliseconds'])})


def files_of(path):
    """The `registry.Exported` files that --model=PATH means: all of an export, or the one that it names."""
    folder = find(path)
    rows = _part(folder, 'files', lambda found: [_exported(row) for row in found])
    named = [row for row in rows if os.path.isfile(path) and os.path.samefile(path, os.path.join(folder, row.file))]
    if os.path.isfile(path) and not named and os.path.basename(path) != NAME:
        raise UserError('--model=%s is no model of the export. Its files: %s.' % (path, ', '.join(dict.fromkeys(row.file for row in rows))))
    return named or rows


def size_of(folder, exported):
    """Bytes that an Exported takes on disk, with the weights that lie beside it."""
    path = os.path.join(folder, exported.file)
    stem = os.path.splitext(os.path.basename(path))[0]
    beside = FORMATS[exported.format].beside.format(stem=glob.escape(stem))
    found = {path, *(glob.glob(os.path.join(glob.escape(os.path.dirname(path)), beside)) if beside else ())}
    return sum(map(os.path.getsize, found))


def _exported(row):
    """The Exported of a row. ValueError where it is none, or its file is not in the export's folder."""
    found = Exported(*[_text(row[field]) for field in Exported._fields])
    if found.format not in FORMATS:
        raise ValueError('the format %s is not known' % found.format)
    if os.path.normpath(found.file) == os.curdir or os.path.isabs(found.file) or os.pardir in found.file.split('/') or '\0' in found.file:
        raise ValueError('the file %r is not in the folder' % found.file)
    return found


def _text(value):
    if not isinstance(value, str):
        raise ValueError('%s is no text' % reprlib.repr(value))
    return value
