"""Exports of small networks without their comparisons, which run other processes."""
import os

from blitznet_estimator import files
from blitznet_estimator.drivers import export as driver
from blitznet_estimator.formats import description, frozen, registry, saved_model
from blitznet_estimator.formats.child import Order
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.platforms.local import CpuPlatform
from input_fn import serving as serving_input
from model_fn import serving as serving_model
from tests import small_model

FROZEN = Exported(frozen.FILE, 'frozen', 'raw', 'float32')


def write(parent, **network):
    """The folder, in `parent`, of the SavedModel of a `small_model` with these settings."""
    config, checkpoint = small_model.save(parent, **network)
    folder = os.path.join(config.run.model_dir, '1700000000')
    driver._write_saved_model(folder, config, CpuPlatform(config), serving_input, serving_model, checkpoint)
    _describe(folder, config, checkpoint, saved_model.files_of())
    return folder


def add_frozen(folder):
    """Put the frozen graph of an export's checkpoint into it: an engine finishes its raw outputs on the host. Returns its path."""
    config, checkpoint = description.config_of(folder), description.checkpoint_of(folder)
    path = os.path.join(folder, frozen.FILE)
    files.write_bytes(path, frozen.freeze(config, checkpoint, serving_model.raw_outputs).SerializeToString())
    _describe(folder, config, checkpoint, saved_model.files_of() + [FROZEN])
    return path


def add_format(frozen_path, name):
    """Put the files of a format, made from the graph of `add_frozen`, into that export; its packages are installed. Returns the folder."""
    folder = os.path.dirname(frozen_path)
    config, checkpoint = description.config_of(folder), description.checkpoint_of(folder)
    converted = registry.module_of(name).convert(Order(folder, frozen_path, config, ''))
    _describe(folder, config, checkpoint, saved_model.files_of() + [FROZEN] + converted)
    return folder


def _describe(folder, config, checkpoint, exported):
    rows = [dict(one._asdict(), milliseconds=9.) for one in exported]
    files.write_json(os.path.join(folder, description.NAME), driver._described(config, checkpoint, rows, 0))
