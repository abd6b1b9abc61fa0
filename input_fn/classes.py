"""The dataset's classes, put into the configuration before anything is built."""
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.saved_config import listed as first_names
from input_fn.datasets.names import numbered_names, read_class_file
from input_fn.datasets.registry import class_names


def with_classes(config):
    """`config` with data.class_names and network.num_classes (which counts the background) as the dataset has them.

    Raises:
      UserError: --num_classes differs from what the dataset has, or --class_file from what the model was trained with.
    """
    data, given = config.data, config.network.num_classes
    if data.dataset == 'records' and given and not (data.class_names or data.class_file):
        names = numbered_names(given)  # records hold numbers only
    else:
        names = class_names(data)
    _check_class_file(data, names)
    count = len(names) + 1
    if given not in (0, count):
        raise UserError('--num_classes=%d, but --dataset=%s has %d classes with the background (%s): leave the flag out.'
                        % (given, config.data.dataset, count, ', '.join(names)))
    return config.replace(data=dict(class_names=names), network=dict(num_classes=count))


def _check_class_file(data, names):
    """A trained model has its own names; the file of them may not be on this machine."""
    listed = read_class_file(data.class_file) if data.class_file and os.path.isfile(data.class_file) else names
    if listed != names:
        raise UserError('--class_file=%s has other classes (%s) than the model was trained with (%s): leave the flag out, or name their file.'
                        % (data.class_file, first_names(listed), first_names(names)))
