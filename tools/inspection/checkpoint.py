"""The variables of a checkpoint."""
import os
import re

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from blitznet_estimator.text_table import millions, table

SLOTS = ('Adam', 'Adam_1', 'Momentum', 'ExponentialMovingAverage')  # last parts of the optimizer's names


def describe(path):
    """Text: step, variables with shapes, and how many numbers are weights, statistics and the optimizer's.

    Args:
      path: a checkpoint, as its prefix or one of its files, or a model directory, whose latest one is meant.
    """
    prefix = find(path)
    reader = tf.train.NewCheckpointReader(prefix)
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    kinds = {}
    for name, shape in shapes.items():
        kinds.setdefault(kind(name), []).append(int(np.prod(shape)))
    step = int(reader.get_tensor('global_step')) if 'global_step' in shapes else None
    lines = ['%s, step %s' % (prefix, 'unknown' if step is None else step), '']
    lines.append(table(('variable', 'shape', 'type'), [(name, 'x'.join(map(str, shapes[name])) or 'scalar', dtypes[name].name)
                                                       for name in sorted(shapes)]))
    rows = [(name, len(sizes), millions(sum(sizes))) for name, sizes in sorted(kinds.items())]
    return '\n'.join(lines + ['', table(('kind', 'variables', 'millions'), rows)])


def find(path):
    """The prefix of a checkpoint."""
    if os.path.isdir(path):
        latest = tf.train.latest_checkpoint(path)
        if latest is None:
            raise UserError('%s holds no checkpoint.' % path)
        return latest
    prefix = re.sub(r'\.(index|meta|data-\d+-of-\d+)$', '', path)
    if tf.train.checkpoint_exists(prefix):
        return prefix
    raise UserError('%s is neither a checkpoint nor a folder of checkpoints.' % path)


def kind(name):
    """What a variable is for."""
    leaf = name.rsplit('/', 1)[-1]
    if leaf in SLOTS or leaf.startswith(('beta1_power', 'beta2_power')):
        return 'optimizer'
    if leaf in ('moving_mean', 'moving_variance'):
        return 'batch-norm statistics'
    return 'counter' if name == 'global_step' else 'weights'
