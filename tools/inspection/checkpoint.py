"""The variables of a checkpoint."""
import numpy as np

from blitznet_estimator import checkpoint_path, checkpoint_variables
from blitznet_estimator.averaged_weights import AVERAGE, COUNTER
from blitznet_estimator.runtime import tf
from blitznet_estimator.text_table import millions, table

SLOTS = ('Adam', 'Adam_1', 'Momentum')  # last parts of the optimizer's names


def describe(path):
    """Text: step, variables with shapes, and how many numbers are weights, statistics and the optimizer's.

    Args:
      path: in any form of `checkpoint_path.find`.
    """
    prefix = checkpoint_path.find(path, 'checkpoint')
    reader = tf.train.NewCheckpointReader(prefix)
    shapes, dtypes = checkpoint_variables.shapes(reader), checkpoint_variables.types(reader)
    kinds = {}
    for name, shape in shapes.items():
        kinds.setdefault(kind(name), []).append(int(np.prod(shape)))
    step = int(reader.get_tensor('global_step')) if 'global_step' in shapes else None
    lines = ['%s, step %s' % (prefix, 'unknown' if step is None else step), '']
    lines.append(table(('variable', 'shape', 'type'), [(name, 'x'.join(map(str, shapes[name])) or 'scalar', dtypes[name].name)
                                                       for name in sorted(shapes)]))
    rows = [(name, len(sizes), millions(sum(sizes))) for name, sizes in sorted(kinds.items())]
    return '\n'.join(lines + ['', table(('kind', 'variables', 'millions'), rows)])


def kind(name):
    """What a variable is for."""
    leaf = name.rsplit('/', 1)[-1]
    if leaf in SLOTS or leaf.startswith(('beta1_power', 'beta2_power')):
        return 'optimizer'
    if leaf == AVERAGE:
        return 'averages'
    if leaf in ('moving_mean', 'moving_variance'):
        return 'batch-norm statistics'
    return 'counter' if name in ('global_step', COUNTER) else 'weights'
