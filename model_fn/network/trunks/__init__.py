"""The trunks: a module each, which `blitznet_estimator.trunks.TRUNKS` names.

A module has two things:

build(images, config, layers)
    {name of a detection map: [B, h, w, depth]} of images [B, S, S, 3] (normalised), by the NetworkConfig and the `Layers`.
CONVERT
    {framework: function} of the published weights that it takes. A function turns what `model_fn.weights` read of a file of that framework, and
    the description of the trunk, into {name of a variable: array}.
"""
import importlib


def module_of(trunk):
    """The module of a `blitznet_estimator.trunks.Trunk`."""
    return importlib.import_module('%s.%s' % (__name__, trunk.module))
