"""config.json in a model's folder: the configuration of its last start. It goes with every checkpoint there, and with those in `best`.

TensorFlow is not needed here.
"""
import dataclasses
import glob
import os
import time

from blitznet_estimator import files, json_files
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.logs import log

NAME = 'config.json'
BEST = 'best'  # folder in a model's folder for the checkpoints of the best evaluations
WORDS = (BEST, 'latest')  # values of --checkpoint_path that stand for a checkpoint in --model_dir
FREE_FIELDS = ('preset', 'bn_decay', 'sync_batch_norm')  # of the network's: they may change between two starts
_NOT_OF_TRAINING = (('run', name) for name in (
    'mode', 'model_dir', 'checkpoint_path', 'input_paths', 'output_dir', 'progress', 'dry_run'))
UNCOMPARED = frozenset(_NOT_OF_TRAINING) | {('data', 'seed'), ('data', 'class_names')}  # those of a run, and what may not differ
SHOWN = 6  # class names in a message


def read(model_dir):
    """The Config saved in `model_dir`, or None. Raises UserError where the file is damaged."""
    path = os.path.join(model_dir, NAME)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding='utf-8-sig') as file:
            return Config.from_json(file.read())
    except json_files.ERRORS as error:
        raise UserError('%s is not a configuration (%s): mend or remove it.' % (path, error))


def of_run(model_dir):
    """The Config of a run: that in its folder, or in `best`, which may have been copied without the rest; None where there is neither."""
    return read(model_dir) or read(os.path.join(model_dir, BEST))


def beside(checkpoint):
    """(Config, folder of the run) that a checkpoint is of; (None, '') where it is of no run.

    The configuration is in the checkpoint's own folder. For one in `best` the run's folder is the one above it, and so is the
    configuration where `best` has none.

    checkpoint: any path that names one, as a folder does.
    """
    folder = os.path.normpath(checkpoint if os.path.isdir(checkpoint) else os.path.dirname(checkpoint) or '.')
    above = os.path.normpath(os.path.join(folder, '..')) if os.path.basename(os.path.abspath(folder)) == BEST else folder
    run = above if os.path.exists(os.path.join(above, NAME)) else folder
    config = read(folder) or of_run(run)
    return (config, run) if config else (None, '')


def has_checkpoints(model_dir):
    """Whether there is a list of checkpoints in a folder, or one of a training step. Who copies a model may leave the list behind."""
    files_of_steps = glob.iglob(os.path.join(glob.escape(model_dir), '*.ckpt-*[0-9].index'))
    return os.path.isfile(os.path.join(model_dir, 'checkpoint')) or any(files_of_steps)


def wait(model_dir, timeout=0., clock=time.monotonic, sleep=time.sleep):
    """The Config that a training run saves in `model_dir` when it begins, waited for; None where there are checkpoints without one.

    Raises UserError after `timeout` seconds (0 = never).
    """
    since, said = clock(), False
    while not os.path.exists(os.path.join(model_dir, NAME)) and not has_checkpoints(model_dir):
        if timeout and clock() - since >= timeout:
            raise UserError('No training began in %s for %g seconds (--watch_timeout).' % (model_dir, timeout))
        if not said:
            log.warning('Waiting for training to begin in %s.', model_dir)
        said = True
        sleep(1.)
    return read(model_dir)


def write(config):
    """Save a Config in its model_dir."""
    files.write_text(os.path.join(config.run.model_dir, NAME), config.to_json())


def check_same_network(config):
    """UserError where the model in config.run.model_dir is of another network than `config`."""
    saved = read(config.run.model_dir)
    differing = saved and [name for name in _network_fields() if getattr(saved.network, name) != getattr(config.network, name)]
    if differing:
        if saved.network.preset != config.network.preset:
            differing.insert(0, 'preset')
        raise UserError('%s holds a model of another network (%s), and this one is to be %s: give the same flags as then, or another '
                        '--model_dir.' % (config.run.model_dir, _flags(saved.network, differing), _flags(config.network, differing)))


def check_same_classes(config):
    """UserError where the model in config.run.model_dir was trained on other classes, or on the same in another order."""
    saved, names = read(config.run.model_dir), config.data.class_names
    if saved and saved.data.class_names and names and saved.data.class_names != names:
        before, now = listed(saved.data.class_names, SHOWN), listed(names, SHOWN)
        raise UserError('%s holds a model of other classes (%s), and this training has %s: give the same --dataset and --class_file as then '
                        '(--dataset=%s), or another --model_dir.' % (config.run.model_dir, before, now, saved.data.dataset))


def differences(saved, config):
    """['learning_rate 0.002 -> 0.001', ...]: the settings of a training that are not as they were saved."""
    found = []
    for section, fields in vars(config).items():
        if section != 'npu':
            before = getattr(saved, section)
            found += [(name, getattr(before, name), value) for name, value in vars(fields).items() if (section, name) not in UNCOMPARED]
    options = [vars(one)['npu'] or {} for one in (saved, config)]
    found += [(name, options[0].get(name), options[1].get(name)) for name in sorted(set().union(*options))]
    return ['%s %s -> %s' % (name, text(old), text(new)) for name, old, new in found if old != new]


def text(value):
    """A setting's value in a line of text."""
    if isinstance(value, tuple):  # of values, or of pairs of a name and a value
        return ','.join('='.join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value) or 'none'
    return 'none' if value in ('', None) else str(value)


def _network_fields():
    return sorted(field.name for field in dataclasses.fields(Config().network) if field.name not in FREE_FIELDS)


def _flags(network, names):
    return ', '.join('--%s=%s' % (name, getattr(network, name)) for name in names)
