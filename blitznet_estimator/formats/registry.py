"""The formats that mode export writes, by name. TensorFlow and the converters are not needed here."""
import collections
import importlib.util
import sys

from blitznet_estimator.errors import UserError

REQUIREMENTS = 'requirements-export.txt'
QUANTIZATIONS = ('none', 'int8')

# module: in this folder, with the function `convert` (all but saved_model, which the driver writes). Its files are run by `engines.registry`.
# packages: that it imports, by the names in Python. quantizer: more of them for --quantize=int8; None where it has no int8.
# only_hard_nms: whether it has a complete file whose NMS is that of ONNX, which knows no other.
Format = collections.namedtuple('Format', 'module packages quantizer only_hard_nms')

FORMATS = {
    'saved_model': Format('saved_model', (), None, False),
    'frozen': Format('frozen', (), None, False),
    'onnx': Format('onnx_model', ('tf2onnx', 'onnx', 'onnxruntime'), None, True),
    'openvino': Format('openvino_ir', ('openvino', 'tf2onnx', 'onnx'), ('nncf',), True),
    'tflite': Format('tflite', ('ai_edge_litert',), (), False),
}

# What is no format here, and how to have it all the same.
ELSEWHERE = {'tfjs': 'The package tensorflowjs brings a TensorFlow of its own, so it needs an environment of its own. Export with '
                     '--export_formats=frozen, and run in that environment: tensorflowjs_converter --input_format=tf_frozen_model '
                     '--output_node_names=confidence,location,segmentation frozen.pb web. A network with --nosegment has the names '
                     'confidence,location alone, and one with --nodetect segmentation. docs/export.md tells more.'}

# A file of an export. file: its path in the export's folder. outputs: raw, or complete (boxes and masks). precision: of its weights.
Exported = collections.namedtuple('Exported', 'file format outputs precision')


def module_of(name):
    """The module of a format."""
    return importlib.import_module('%s.%s' % (__package__, FORMATS[name].module))


def versions(names):
    """{package: its version} of the packages of formats."""
    packages = dict.fromkeys(package for name in names for package in FORMATS[name].packages)
    return {package: importlib.import_module('importlib.metadata').version(package) for package in packages}  # Python 3.7 has neither


def missing(name, quantize='none'):
    """Names of the packages that a format lacks here."""
    entry = FORMATS[name]
    return not_installed(entry.packages + ((entry.quantizer or ()) if quantize == 'int8' else ()))


def not_installed(packages):
    """Those of some packages, by their names in Python, that are not installed here."""
    return [package for package in packages if importlib.util.find_spec(package) is None]


def check(names, quantize):
    """Raise UserError where a format cannot be written here: its packages are missing, or this Python is too old for them."""
    for name in names:
        if FORMATS[name].packages and sys.version_info < (3, 8):
            raise UserError('--export_formats=%s needs Python 3.10 or newer. The same command with --checkpoint_path exports this checkpoint there '
                            'as it is, with TensorFlow 2: pip install -r requirements.txt -r %s' % (name, REQUIREMENTS))
        absent = missing(name, quantize)
        if absent:
            raise UserError('--export_formats=%s needs %s, not installed here: pip install -r %s' % (name, ' and '.join(absent), REQUIREMENTS))
    if quantize == 'int8' and not any(FORMATS[name].quantizer is not None for name in names):
        raise UserError('--quantize=int8 is for --export_formats=%s, not %s.' % (
            ','.join(name for name, entry in FORMATS.items() if entry.quantizer is not None), ','.join(names)))
