"""Weights filled from the variables' names, as the golden figures have them, and the golden files."""
import functools
import os
import zlib

import numpy as np

from blitznet_estimator.presets import preset_config
from tests.paths import GOLDEN

# The networks that golden figures or lists of variables exist for.
NETWORKS = {name: preset_config(preset, network=dict(options, num_classes=21)).network for name, preset, options in (
    ('blitznet300_x4', 'blitznet300', {}), ('blitznet300_nox4', 'blitznet300', {'x4': False}),
    ('blitznet512_x4', 'blitznet512', {'x4': True}), ('blitznet512_nox4', 'blitznet512', {}), ('ssd300', 'ssd300', {}),
    ('blitznet300_resnet101', 'blitznet300', {'x4': False, 'trunk': 'resnet101'}),
    ('blitznet300_options', 'blitznet300', dict(
        x4=False, head='shared', resize='nearest', det_kernel=1, seg_filter_size=3, top_fm=256, n_base_channels=32)))}


@functools.lru_cache(maxsize=None)
def value(name, shape):
    """The value [*shape] of a variable, by its name."""
    x = np.random.RandomState(zlib.crc32(name.encode('ascii')) & 0xffffffff).standard_normal(shape)
    leaf = name.rsplit('/', 1)[1]
    if leaf == 'weights':
        x = x * np.sqrt(2. / np.prod(shape[:-1])) / (64. if shape[-2] == 3 else 1.)
    elif leaf == 'gamma':
        x = (.2 if 'conv3/' in name else 1.) * (1 + .1 * x)
    elif leaf == 'moving_variance':
        x = 1 + .1 * np.abs(x)
    else:
        x = .1 * x
    return x.astype(np.float32)


def fill(variables, session):
    """Give each variable its value."""
    initial = {variable.initializer: (variable.initializer.inputs[1], value(variable.op.name, tuple(variable.shape.as_list())))
               for variable in variables}
    session.run(list(initial), dict(initial.values()))


def golden_image(side, batch):
    """[batch, side, side, 3], RGB in [0, 1]."""
    return np.random.RandomState(1).uniform(0, 1, (batch, side, side, 3)).astype(np.float32)


def golden_figures(name):
    """{output: (shape, indices into the flattened output, the values there)} of tests/golden/net_<name>.npz."""
    figures = np.load(os.path.join(GOLDEN, 'net_%s.npz' % name))
    outputs = sorted({key.split('/')[0] for key in figures.files if key.endswith('/index')})
    return {key: (tuple(figures[key + '/shape']), figures[key + '/index'], figures[key + '/value']) for key in outputs}


def golden_variables(name):
    """Sorted lines 'name [shape]' of tests/golden/variables/<name>.txt."""
    with open(os.path.join(GOLDEN, 'variables', name + '.txt')) as lines:
        return sorted(line.strip() for line in lines if line.strip())
