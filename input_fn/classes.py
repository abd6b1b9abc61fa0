"""The dataset's classes, put into the configuration before anything is built."""
from blitznet_estimator.errors import UserError
from input_fn.datasets.names import numbered_names
from input_fn.datasets.registry import class_names


def with_classes(config):
    """`config` with data.class_names and network.num_classes (which counts the background) as the dataset has them.

    Raises:
      UserError: --num_classes differs from what the dataset has.
    """
    data, given = config.data, config.network.num_classes
    if data.dataset == 'records' and given and not (data.class_names or data.class_file):
        names = numbered_names(given)  # records hold numbers only
    else:
        names = class_names(data)
    count = len(names) + 1
    if given not in (0, count):
        raise UserError('--num_classes=%d, but --dataset=%s has %d classes with the background (%s): leave the flag out.'
                        % (given, config.data.dataset, count, ', '.join(names)))
    return config.replace(data=dict(class_names=names), network=dict(num_classes=count))
