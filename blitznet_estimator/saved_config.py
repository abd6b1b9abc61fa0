"""config.json in a model's folder: the configuration of its last start. TensorFlow is not needed here."""
import dataclasses
import os
import time

from blitznet_estimator import files
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

NAME = 'config.json'
FREE_FIELDS = ('preset', 'bn_decay')  # of the network's: they may change between two starts


def read(model_dir):
    """The Config saved in `model_dir`, or None. Raises UserError where the file is damaged."""
    path = os.path.join(model_dir, NAME)
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8') as file:
        text = file.read()
    try:
        return Config.from_json(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError('%s is not a configuration (%s): mend or remove it.' % (path, error))


def wait(model_dir, timeout=0., clock=time.time, sleep=time.sleep):
    """The Config that a training run saves in `model_dir` when it begins, waited for; None where there are checkpoints without one.

    Raises UserError after `timeout` seconds (0 = never).
    """
    since, said = clock(), False
    while not os.path.exists(os.path.join(model_dir, NAME)) and not os.path.exists(os.path.join(model_dir, 'checkpoint')):
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


def _network_fields():
    return sorted(field.name for field in dataclasses.fields(Config().network) if field.name not in FREE_FIELDS)


def _flags(network, names):
    return ', '.join('--%s=%s' % (name, getattr(network, name)) for name in names)
