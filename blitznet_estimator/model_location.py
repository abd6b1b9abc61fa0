"""From a path to the model that it means: a folder of a run, a checkpoint, or an export, with the configuration that goes with it."""
import collections
import json
import os

from blitznet_estimator import saved_config, thresholds
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import checkpoints
from blitznet_estimator.errors import UserError
from blitznet_estimator.exports import GRAPH, METADATA, newest

CHECKPOINT, SAVED_MODEL = 'checkpoint', 'saved_model'

# path: of the checkpoint, or the export's folder. kind: of the two above. config: a Config; of an export its class names alone.
# min_scores: {class: score} as in thresholds.py.
Located = collections.namedtuple('Located', 'path kind config min_scores')


def locate(path, config=None):
    """The Located that a path means.

    Args:
      path: a run's folder, of which the best checkpoint is taken, else the latest; a checkpoint in any form of `checkpoint_path.find`; an
        export; or a folder of exports, of which the newest is taken.
      config: a Config for a checkpoint that has none beside it.
    Raises:
      UserError: there is no model, or nothing says what a checkpoint is of.
    """
    path = os.path.expanduser(os.fspath(path))
    export = _export(path)
    if export:
        return Located(export, SAVED_MODEL, *_of_metadata(export))
    saved, folder = saved_config.beside(path)
    if not os.path.isdir(path) and not os.path.isdir(os.path.dirname(path) or '.'):
        raise UserError('%s: there is no such model: name the folder of a run, a checkpoint or an export.' % path)
    if not (saved or config):
        raise UserError('%s has no %s beside it, which says what a checkpoint is of: give its Config as the argument `config`.'
                        % (path, saved_config.NAME))
    is_run = os.path.isdir(path) and os.path.normpath(path) == folder
    run = dict(mode='predict', model_dir=folder or os.path.dirname(path), checkpoint_path='' if is_run else path)
    found = (config or saved).replace(run=dict(Config().run.__dict__, **run))
    checkpoint = checkpoints.find(found)
    return Located(checkpoint, CHECKPOINT, found, thresholds.read(checkpoint))


def _export(path):
    """The folder of an export that a path means, or ''."""
    if os.path.basename(path) == GRAPH:
        path = os.path.dirname(path) or '.'
    return newest(path, GRAPH)


def _of_metadata(folder):
    """(Config, {class: score}) of what an export says of itself; of the Config the names of the classes."""
    path = os.path.join(folder, METADATA)
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        names = tuple(map(str, content['class_names'][1:]))  # the first is the background
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError('%s does not name the classes of the export (%s): export again.' % (path, str(error) or type(error).__name__))
    return Config().replace(data=dict(class_names=names)), thresholds.valid(content.get('min_scores'))
