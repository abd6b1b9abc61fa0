"""The core: all that the pipeline's other folders are built on. It imports none of them.

It holds the configuration with its presets and checks, the contract of a batch, anchors and boxes, evaluation by numpy scorers, the
platforms (CPU, GPU, NPU), the drivers of main.py's modes, which are given an input_fn and a model_fn, and small helpers that have one
place here: logs, files, tables of text, checkpoints' paths, the machine's cores, drawing.

For programs it also names the Python API: `from blitznet_estimator import Model`. The module of a name is imported when the name is asked
for, so that the core stays light, and below the folders that the API needs.
"""
import importlib

from blitznet_estimator.python_version import exit_without_runtime

exit_without_runtime()

_PUBLIC = {'Model': 'api:Model', 'Result': 'blitznet_estimator.results:Result', 'UserError': 'blitznet_estimator.errors:UserError'}


def named(place):
    """What a place 'module:name' means; the module is imported."""
    module, _, name = place.partition(':')
    return getattr(importlib.import_module(module), name)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError('module %r has no attribute %r' % (__name__, name))
    return named(_PUBLIC[name])


def __dir__():
    return sorted(list(globals()) + list(_PUBLIC))
