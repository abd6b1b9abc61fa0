"""The formats that mode export writes, by name. TensorFlow and the converters are not needed here."""
import collections
import importlib
import sys

from blitznet_estimator import installed
from blitznet_estimator.errors import UserError

QUANTIZATIONS = ('none', 'int8')

# module: in this folder, with the function `convert` (all but saved_model, which the driver writes). Its files are run by `engines.registry`.
# packages: that it imports, by the names in Python. quantizer: more of them for --quantize=int8; None where it has no int8.
# only_hard_nms: whether it has a complete file whose NMS is that of ONNX, which knows no other.
# programs: of `installed.PROGRAMS` that it and its engine run. A module without packages runs here, and its programs are processes of their own.
# beside: a glob of what is read together with a file, from the file's folder; {stem} is the file's name without its suffix.
Format = collections.namedtuple('Format', 'module packages quantizer only_hard_nms programs beside', defaults=(False, (), ''))

FORMATS = {
    'saved_model': Format('saved_model', (), None, beside='variables/*'),
    'frozen': Format('frozen', (), None),
    'onnx': Format('onnx_model', ('tf2onnx', 'onnx', 'onnxruntime'), None, True),
    'openvino': Format('openvino_ir', ('openvino', 'tf2onnx', 'onnx'), ('nncf',), True, beside='{stem}.bin'),
    'tflite': Format('tflite', ('ai_edge_litert',), ()),
    'tfjs': Format('tfjs', (), None, programs=('tensorflowjs_converter',) + installed.NODE, beside='*.bin'),
}

# A file of an export. file: its path in the export's folder. outputs: raw, or complete (boxes and masks). precision: of its weights.
Exported = collections.namedtuple('Exported', 'file format outputs precision')


def module_of(name):
    """The module of a format."""
    return importlib.import_module('%s.%s' % (__package__, FORMATS[name].module))


def versions(names):
    """{package: its version} of the packages of formats, those of Node.js too."""
    entries = [FORMATS[name] for name in names]
    return installed.versions(*[dict.fromkeys(one for entry in entries for one in getattr(entry, field)) for field in ('packages', 'programs')])


def missing(name, quantize='none'):
    """Names of the packages and programs that a format lacks here."""
    entry = FORMATS[name]
    return installed.missing(entry.packages + ((entry.quantizer or ()) if quantize == 'int8' else ()), entry.programs)


def check(names, quantize):
    """Raise UserError where a format cannot be written here: its packages are missing, or this Python is too old for them."""
    for name in names:
        if FORMATS[name].packages and sys.version_info < (3, 8):
            raise UserError('--export_formats=%s needs Python 3.10 or newer. The same command with --checkpoint_path exports this checkpoint there '
                            'as it is, with TensorFlow 2: pip install -r requirements.txt -r %s' % (name, installed.REQUIREMENTS))
        absent = missing(name, quantize)
        if absent:
            raise UserError('--export_formats=%s needs %s, not installed here: %s' % (name, ' and '.join(absent), installed.how(absent)))
    if quantize == 'int8' and not any(FORMATS[name].quantizer is not None for name in names):
        raise UserError('--quantize=int8 is for --export_formats=%s, not %s.' % (
            ','.join(name for name, entry in FORMATS.items() if entry.quantizer is not None), ','.join(names)))
