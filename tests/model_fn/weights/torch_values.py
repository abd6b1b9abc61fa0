"""Arrays of state dicts by their names, and images: tests/golden/lite0.npz and basic_resnet.npz were made with them."""
import zlib

import numpy as np


def value(name, shape):
    """The array [*shape] of a name."""
    x = np.random.RandomState(zlib.crc32(name.encode('ascii')) & 0xffffffff).standard_normal(shape)
    if len(shape) > 1:  # [outputs, inputs, ...]
        x *= np.sqrt(2. / np.prod(shape[1:]))
    elif name.endswith('running_var'):
        x = .5 + np.abs(x)
    elif name.endswith('weight'):
        x = 1 + .2 * x
    else:
        x = .2 * x
    return x.astype(np.float32)


def images(side):
    """[1, side, side, 3], RGB in [0, 255]."""
    return np.random.RandomState(1).randint(0, 256, (1, side, side, 3)).astype(np.float32)
