"""The Config that given values mean: of a preset, or of the trained model that a checkpoint belongs to.

given: {section: {field: value}} of the flags that were given, with every section.
"""
import os

from blitznet_estimator import checks, dataset_layouts, presets, saved_config
from blitznet_estimator.config import Config
from blitznet_estimator.dataset_names import AUTO
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description
from blitznet_estimator.presets import PRESETS

KEPT_OF_RUN = ('model_dir', 'metrics', 'keep_best', 'best_metric')  # settings of a training run that the other modes start from
KEPT_TO_WATCH = KEPT_OF_RUN + ('eval_limit',)


def with_dataset(given, is_training):
    """`given` with the dataset that `auto` is. A training that is given a folder of data and no dataset takes it for `auto`."""
    data = dict(given['data'])
    folder = data.get('data_dir', Config().data.data_dir)
    if data.get('dataset', AUTO if is_training and 'data_dir' in data and '://' not in folder else None) != AUTO:
        return given
    data.pop('dataset', None)
    if not given['run'].get('dry_run') or os.path.exists(folder):  # a dry run asks for no file
        data['dataset'] = dataset_layouts.resolved(AUTO, folder)
    changed = given.copy()
    changed['data'] = data
    return changed


def of_preset(preset, given):
    """What the given values change of a preset (its name, or None for the default)."""
    if preset is not None:
        checks.require_one_of('--preset', preset, sorted(PRESETS))
    deciding = {section: {name: given[section][name]} for section, name in (('data', 'dataset'), ('train', 'recipe')) if name in given[section]}
    config = presets.with_given(presets.preset_config(preset or presets.DEFAULT, **deciding), given)
    if config.train.lr_schedule != 'steps' and 'lr_decay' not in given['train']:
        config = config.replace(train=dict(lr_decay=()))  # the recipe's are of another schedule
    return config if config.run.model_dir else config.replace(run=dict(model_dir=_default_model_dir(config)))


def of_trained_model(preset, given, fresh):
    """What the given values change of a trained model: of the configuration beside --checkpoint_path, else of that in --model_dir.

    fresh: the configuration without a trained model. It stays where there is none, or where the flags describe a checkpoint of no run.
    """
    if 'model' in given['run'] and (os.path.exists(given['run']['model']) or not fresh.run.dry_run):  # which asks for no file
        return _of_export(preset, given)
    path = '' if given['run'].get('checkpoint_path') in saved_config.WORDS else given['run'].get('checkpoint_path', '')
    saved, folder = saved_config.beside(path) if path else (None, '')
    if not saved and ('model_dir' in given['run'] or not path):
        folder = fresh.run.model_dir
        saved = saved_config.of_run(folder)
    if not saved:
        if path or any(map(saved_config.has_checkpoints, (folder, os.path.join(folder, saved_config.BEST)))):
            return _described(preset, given, fresh, path or folder)
        return fresh
    if preset not in (None, saved.network.preset):
        raise UserError('--preset=%s, but %s was trained with --preset=%s.' % (preset, folder, saved.network.preset))
    checks.same_network(given['network'], saved.network, folder)
    kept = {name: getattr(saved.run, name) for name in (KEPT_TO_WATCH if given['run'].get('watch') else KEPT_OF_RUN)}
    return presets.with_given(_skipping(saved.replace(run=dict(Config().run.__dict__, **dict(kept, model_dir=folder))), fresh.run.mode), given)


def _of_export(preset, given):
    """What the given values change of the configuration that --model was exported with."""
    folder = description.find(given['run']['model'])
    saved = description.config_of(folder)
    if preset not in (None, saved.network.preset):
        raise UserError('--preset=%s, but %s was exported with --preset=%s.' % (preset, folder, saved.network.preset))
    checks.same_network(given['network'], saved.network, folder)
    kept = {name: getattr(saved.run, name) for name in KEPT_OF_RUN}
    return presets.with_given(saved.replace(run=dict(Config().run.__dict__, **kept)), given)


def _described(preset, given, fresh, checkpoint):
    """`fresh` for a checkpoint of no run, which the flags must describe. Classes of which the number alone is given have no other names."""
    has_network = preset or 'trunk' in given['network']
    has_names = 'dataset' in given['data'] or 'class_file' in given['data']
    if not has_network or not (has_names or 'num_classes' in given['network']):
        raise UserError('%s has no %s beside it, which says what a checkpoint is of. Name its network with --preset, and its classes with '
                        '--dataset or --class_file, or --num_classes where they have no names.' % (checkpoint, saved_config.NAME))
    described = fresh if 'dataset' in given['data'] else fresh.replace(data=dict(dataset='records'))
    return _skipping(described, fresh.run.mode).replace(data=given['data'])


def _skipping(config, mode):
    """The Config of a mode that nothing was given for: predict leaves out what it cannot read, and goes on."""
    return config.replace(data=dict(on_bad_record='skip')) if mode == 'predict' else config


def _default_model_dir(config):
    name = config.data.dataset.replace(':', '-').replace('/', '-')
    return os.path.join('runs', '%s-%s' % (config.network.preset, name))
