"""The datasets by name. Each is a module with class_names, split_names and open_split.

One with a default_split says which split is for training and for evaluation, where the names of the splits do not say it.
"""
import dataclasses
import importlib

from blitznet_estimator.checks import require_one_of
from blitznet_estimator.dataset_layouts import resolved
from blitznet_estimator.dataset_names import CATALOGUE, DATUMARO, MODULES
from blitznet_estimator.errors import UserError, listed, nearest
from blitznet_estimator.saved_config import SHOWN
from input_fn.datasets import datumaro_formats, records, tfds_catalog
from input_fn.datasets.images import limit_pixels
from input_fn.datasets.names import check_count, read_class_file
from input_fn.datasets.prepared import prepared_root
from input_fn.datasets.reader import read_samples
from input_fn.datasets.record_checks import without_bad_records
from input_fn.datasets.source import named_for

_DATASETS = {name: importlib.import_module('input_fn.datasets.' + module) for module, names in MODULES.items() for name in names}


def dataset_names():
    """Every name that `--dataset` takes, besides tfds:NAME."""
    return sorted(_DATASETS)


def class_names(data_config):
    """Names of the dataset's classes, without background; class i is the (i - 1)-th. Nothing is prepared for this."""
    data_config = _named(data_config)
    names = _class_names(data_config)
    check_count(names, '--dataset=%s' % data_config.dataset)
    return names


def _class_names(data_config):
    if data_config.class_names:
        return tuple(data_config.class_names)
    if data_config.class_file:
        return read_class_file(data_config.class_file)
    return tuple(_dataset(data_config).class_names(data_config))


def split_names(data_config):
    """Names of the dataset's splits."""
    data_config = _named(data_config)
    return tuple(_dataset(data_config).split_names(data_config))


def open_dataset(data_config, split_role):
    """The Source of the split for `split_role`, 'train' or 'eval'; the dataset is prepared where it isn't yet.

    With on_bad_record 'skip' what was damaged after preparation is left out as well. From here on this process decodes no larger
    pictures than max_pixels says.
    """
    limit_pixels(data_config.max_pixels)
    data_config = _named(data_config)
    dataset = _dataset(data_config)
    named = {'train': data_config.train_split, 'eval': data_config.eval_split}[split_role]
    names = dataset.split_names(data_config)
    split = named or (dataset.default_split(data_config, split_role) if hasattr(dataset, 'default_split') else named_for(split_role, names))
    if split not in names:
        raise UserError('--%s_split=%s is no split of the dataset %s. %s' % (
            split_role, split, data_config.dataset, nearest(split, names)))
    names = class_names(data_config)
    source = dataset.open_split(dataclasses.replace(data_config, class_names=names), split)
    _check_names(source, names, data_config.dataset)
    if data_config.on_bad_record == 'error' or dataset is records:  # which are checked anyway
        return source
    return without_bad_records(source, prepared_root(data_config))


def _check_names(source, names, name):
    """UserError where the labels of a dataset are numbers of its own classes, and others are asked for: they would count for those."""
    if source.class_names != tuple(names):
        own, asked = listed(source.class_names, SHOWN), listed(names, SHOWN)
        raise UserError('--dataset=%s has the classes %s, and those of the model or of --class_file are %s: its labels would be taken for others. '
                        'Name data with the classes of the model, or leave --class_file out.' % (name, own, asked))


def ground_truth(data_config, split_role):
    """Iterator of the Samples of the split for `split_role`, in the order of source_id: for scoring and drawing on the host.

    It does not travel through the device.
    """
    return read_samples(open_dataset(data_config, split_role))


def _named(data_config):
    """A DataConfig with the name of its dataset in place of `auto`."""
    return dataclasses.replace(data_config, dataset=resolved(data_config.dataset, data_config.data_dir))


def _dataset(data_config):
    if data_config.dataset.startswith(CATALOGUE):
        return tfds_catalog
    if data_config.dataset.startswith(DATUMARO) and data_config.dataset not in _DATASETS:
        return datumaro_formats
    return _DATASETS[require_one_of('--dataset', data_config.dataset, dataset_names())]
