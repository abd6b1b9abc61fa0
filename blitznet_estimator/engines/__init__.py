"""Engines: what computes a model's outputs for the Python API. An engine is an entry of ENGINES and a class like `base.Engine`."""
from blitznet_estimator import named
from blitznet_estimator.checks import require_one_of

ENGINES = {'tensorflow': 'blitznet_estimator.engines.tensorflow:open_engine'}  # name: module and function, imported when it is asked for


def open_engine(name, located, **parts):
    """An Engine of a `model_location.Located`. parts: what the caller brings, as the engine's function names it.

    Raises UserError for an unknown name.
    """
    return named(ENGINES[require_one_of('engine', name, sorted(ENGINES))])(located, **parts)
