"""OpenVINO's files: raw outputs from the frozen graph itself, boxes and mask from the complete ONNX model, and int8 by NNCF."""
import os

import numpy as np

from blitznet_estimator.formats import onnx_model
from blitznet_estimator.formats.registry import Exported

FOLDER = 'openvino'


def convert(order):
    """Write the files; returns them."""
    import openvino
    raw = openvino.convert_model(order.graph)
    for output in raw.outputs:  # `confidence:0` has both names
        output.get_tensor().set_names({name.split(':')[0] for name in output.get_names()})
    raw.inputs[0].get_tensor().set_names({'input'})
    exported = [_save(raw, order, 'raw', 'float32')]
    exported.append(_save(openvino.convert_model(_complete_onnx(order)), order, 'complete', 'float32'))
    if order.calibration:
        exported.append(_save(_quantized(raw, order.calibration), order, 'raw', 'int8'))
    return exported


def _complete_onnx(order):
    """Path of the complete ONNX model, which is made where that format is not exported."""
    path = os.path.join(order.folder, onnx_model.COMPLETE)
    if not os.path.exists(path):
        path = os.path.join(os.path.dirname(order.graph), onnx_model.COMPLETE)
        onnx_model.convert(order._replace(folder=os.path.dirname(order.graph)))
    return path


def _save(model, order, outputs, precision):
    import openvino
    path = os.path.join(FOLDER, '%s_%s.xml' % (outputs, precision))
    openvino.save_model(model, os.path.join(order.folder, path), compress_to_fp16=False)
    return Exported(path, 'openvino', outputs, precision)


def _quantized(model, calibration):
    """The model with weights and activations of 8 bits. calibration: path of the images that say how large activations are."""
    import nncf
    images = np.load(calibration)
    return nncf.quantize(model, nncf.Dataset([image[None] for image in images]), subset_size=len(images))
