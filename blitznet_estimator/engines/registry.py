"""The engines by name: what computes a model's outputs. Neither TensorFlow nor any other runtime is needed here."""
import collections
import importlib
import os

from blitznet_estimator import installed
from blitznet_estimator.errors import UserError, nearest

# module: in this folder, with the function `open_file`. packages: that it imports, by their names in Python.
# formats: of an export, whose files it runs; the first is taken where there are several. outputs: those that it takes where it may choose.
# bfloat16: whether it computes in bfloat16 where train.precision is mixed; the others do not look at it.
# programs: of `installed.PROGRAMS` that it runs.
Entry = collections.namedtuple('Entry', 'module packages formats outputs bfloat16 programs', defaults=((),))

ENGINES = {
    'tensorflow': Entry('tensorflow', (), ('saved_model', 'frozen'), 'complete', True),
    # Raw outputs of pictures of any sizes are one batch. The complete files make masks of one size at a time.
    'openvino': Entry('openvino', ('openvino',), ('openvino',), 'raw', True),
    'onnxruntime': Entry('onnxruntime', ('onnxruntime',), ('onnx',), 'raw', False),
    'tflite': Entry('tflite', ('ai_edge_litert',), ('tflite',), 'raw', False),
    'tfjs': Entry('tfjs', (), ('tfjs',), 'raw', False, installed.NODE),
}
DEFAULT = 'tensorflow'


def is_default(name):
    """Whether a value of --engine means TensorFlow, which runs checkpoints too."""
    return name in ('', DEFAULT)


def of_format(name):
    """The name of the engine that runs a format's files."""
    return next(engine for engine, entry in ENGINES.items() if name in entry.formats)


def missing(name):
    """Names of the packages and programs that an engine lacks here."""
    return installed.missing(ENGINES[name].packages, ENGINES[name].programs)


def check(name, flag='--engine='):
    """Raise UserError where an engine is unknown, or what it needs is not installed. flag: what names it, for the message."""
    if name not in ENGINES:
        raise UserError('%s%s is unknown. %s' % (flag, name, nearest(name, ENGINES)))
    absent = missing(name)
    if absent:
        raise UserError('%s%s needs %s, not installed here: %s' % (flag, name, ' and '.join(absent), installed.how(absent)))


def open_file(folder, exported, config):
    """The `base.Engine` of a file of an export: a `formats.registry.Exported` in a folder.

    config: the model's Config; run.threads counts, train.precision for engines with bfloat16, and run.platform for TensorFlow.
    Raises UserError where the file cannot be loaded.
    """
    name = of_format(exported.format)
    check(name)
    if config.run.platform == 'gpu' and name != DEFAULT:
        raise UserError('--engine=%s computes on the CPU: leave out --platform=gpu, or take --engine=%s.' % (name, DEFAULT))
    module, path = importlib.import_module('%s.%s' % (__package__, ENGINES[name].module)), os.path.join(folder, exported.file)
    try:
        return module.open_file(path, exported, config)
    except UserError:
        raise
    except Exception as error:  # each library has its own words for a file that is damaged or not there
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError('%s cannot be loaded by --engine=%s (%s). If it is damaged, export again.' % (path, name, reason))
