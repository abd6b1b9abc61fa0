"""Datasets of the TFDS catalogue by name, `tfds:voc/2012` or `tfds:coco/2017`, for detection, read as TFDS prepares them.

One that is prepared already is found in --data_dir or in <prepared>/tfds; any other TFDS downloads and prepares in the latter.
"""
import glob
import os

from blitznet_estimator.dataset_names import CATALOGUE
from blitznet_estimator.errors import UserError
from input_fn.datasets.formats import detect_format
from input_fn.datasets.prepared import LABELS, is_prepared, prepared_labels, prepared_root, read_source, shard_lengths
from input_fn.datasets.reader import parse_example
from input_fn.datasets.record_checks import first_good_record

_EVALUATION = ('validation', 'val', 'test')


def class_names(data_config):
    """Names of the objects' labels."""
    folder = _found(data_config)
    if not folder:
        from input_fn.datasets import tfds_builder
        return tfds_builder.catalog_labels(_name(data_config), _own_root(data_config))
    path = os.path.join(folder, LABELS)
    if not os.path.isfile(path):
        raise UserError('--dataset=%s has no object labels (%s): only datasets with boxes can be used.' % (data_config.dataset, path))
    return prepared_labels(folder)


def split_names(data_config):
    """Splits of the prepared dataset."""
    return tuple(shard_lengths(_prepared(data_config)))


def default_split(data_config, role):
    """`train`, and the first of validation, val and test that there is."""
    names = split_names(data_config)
    return 'train' if role == 'train' else next((name for name in _EVALUATION if name in names), 'validation')


def open_split(data_config, split):
    """The Source of a split."""
    folder = _prepared(data_config)
    builder_name = _name(data_config).split('/')[0]
    source = read_source(folder, builder_name, split, class_names(data_config), None)
    example = parse_example(first_good_record(source.files), source.files[0])
    return source.of_format(detect_format(example.features.feature, source.files[0]))


def _prepared(data_config):
    folder = _found(data_config)
    if not folder:
        from input_fn.datasets import tfds_builder
        tfds_builder.prepare_catalog_dataset(_name(data_config), _own_root(data_config), data_config)
        folder = _found(data_config)
    return folder


def _found(data_config):
    """The folder of the dataset's newest prepared version, or None."""
    for root in (data_config.data_dir, _own_root(data_config)):
        folders = glob.glob(os.path.join(glob.escape(os.path.join(root, _name(data_config))), '*.*.*'))
        versions = {folder: os.path.basename(folder).split('.') for folder in folders if is_prepared(folder)}
        known = [folder for folder, version in versions.items() if all(part.isdecimal() for part in version)]
        if known:
            return max(known, key=lambda folder: [int(part) for part in versions[folder]])
    return None


def _own_root(data_config):
    return os.path.join(prepared_root(data_config), 'tfds')


def _name(data_config):
    name = data_config.dataset[len(CATALOGUE):]
    if not name or name.startswith(('/', '.')) or '..' in name:
        raise UserError('--dataset=%s: write tfds:NAME or tfds:NAME/CONFIG, as in the TFDS catalogue.' % data_config.dataset)
    return name
