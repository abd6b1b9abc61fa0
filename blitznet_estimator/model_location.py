"""From a path to the model that it means: a folder of a run, a checkpoint, or an export, with the configuration that goes with it."""
import collections
import os

from blitznet_estimator import json_files, saved_config, thresholds
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import checkpoints, metrics_table
from blitznet_estimator.engines import choice, registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.exports import GRAPH, METADATA, newest
from blitznet_estimator.formats import description
from blitznet_estimator.formats.registry import Exported

CHECKPOINT, EXPORT = 'checkpoint', 'export'

# path: of the checkpoint, or the export's folder. kind: of the two above. config: a Config; of an export by version 0.1 its class names alone.
# min_scores: {class: score} as in thresholds.py. exported: the `formats.registry.Exported` file that is meant; None of a checkpoint.
Located = collections.namedtuple('Located', 'path kind config min_scores exported')
OLD = Exported(GRAPH, 'saved_model', 'complete', 'float32')  # the one file of an export that has no export.json


def locate(path, config=None, engine=''):
    """The Located that a path means.

    Args:
      path: a run's folder, of which the best checkpoint is taken, else the latest; a checkpoint in any form of `checkpoint_path.find`; an
        export or one of its files; or a folder of exports, of which the newest is taken.
      config: a Config in place of the one beside the checkpoint, or in the export.
      engine: a name of `engines.registry.ENGINES`. One that runs no checkpoint takes the export of it that is in the run's folder.
    Raises:
      UserError: there is no model, nothing says what a checkpoint is of, or there is nothing that the engine runs.
    """
    path = os.path.expanduser(os.fspath(path))
    if engine:
        registry.check(engine)
    if _is_export(path):
        located = _located_export(path, engine)
        return located._replace(config=config) if config else located
    saved, folder = saved_config.beside(path)
    if not os.path.isdir(path) and not os.path.isdir(os.path.dirname(path) or '.'):
        raise UserError('%s: there is no such model: name the folder of a run, a checkpoint or an export.' % path)
    if not (saved or config):
        raise UserError('%s has no %s beside it, which says what a checkpoint is of: give its Config as the argument `config`.'
                        % (path, saved_config.NAME))
    is_run = os.path.isdir(path) and os.path.normpath(path) == folder
    run = dict(mode='predict', model_dir=folder or os.path.dirname(path), checkpoint_path='' if is_run else path)
    return of_run((config or saved).replace(run=dict(Config().run.__dict__, **run)), engine)


def of_config(config):
    """The Located of config.run.model, an export, or else of the checkpoint that a Config means, for config.run.engine."""
    if config.run.model:
        return locate(config.run.model, config, config.run.engine)
    return of_run(config, config.run.engine)


def of_run(config, engine):
    """The Located of the checkpoint that a Config means, or of its export where an engine runs no checkpoints."""
    checkpoint = checkpoints.find(config)
    scores = thresholds.read(checkpoint)
    if registry.is_default(engine):
        return Located(checkpoint, CHECKPOINT, config, scores, None)
    folder, exported = choice.of_run(config.run.model_dir, engine, metrics_table.weights(checkpoint))
    return Located(folder, EXPORT, config.replace(data=dict(class_names=description.class_names_of(folder))), scores, exported)


def _is_export(path):
    """Whether a path means an export: it, one of its files, or a folder of exports."""
    if os.path.isfile(path):
        return os.path.basename(path) in (GRAPH, description.NAME) or bool(description.folder_of(path))
    return bool(newest(path, GRAPH, description.NAME))


def _located_export(path, engine):
    if description.folder_of(path):
        folder, exported = choice.of_path(path, engine)
        config = description.config_of(folder).replace(data=dict(class_names=description.class_names_of(folder)))
        return Located(folder, EXPORT, config, description.min_scores_of(folder), exported)
    folder = newest(os.path.dirname(path) or '.' if os.path.isfile(path) else path, GRAPH)
    if not registry.is_default(engine):
        raise UserError('%s has no %s, as an export by version 0.1: only --engine=%s runs it. Export again.'
                        % (folder, description.NAME, registry.DEFAULT))
    return Located(folder, EXPORT, *_of_metadata(folder), exported=OLD)


def _of_metadata(folder):
    """(Config, {class: score}) of what an export says of itself; of the Config the names of the classes."""
    path = os.path.join(folder, METADATA)
    try:
        content = json_files.read_object(path)
        names = description.classes(content.get('class_names'))
    except (UserError, ValueError) as error:
        raise UserError('%s does not name the classes of the export (%s): export again.' % (path, str(error).rstrip('.')))
    return Config().replace(data=dict(class_names=names)), thresholds.valid(content.get('min_scores'))
