"""TensorFlow Lite, raw outputs for one image at a time: float32, float16 weights, int8 weights ("dynamic range"), and all of it in int8."""
import os

import numpy as np

from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.formats.registry import Exported

FILE = 'model.tflite'  # the name that TensorFlow Serving knows


def convert(order):
    """Write the files; returns them."""
    kinds = {'float32': FILE, 'float16': 'model_float16.tflite', 'dynamic': 'model_dynamic.tflite'}
    if order.calibration:
        kinds['int8'] = 'model_int8.tflite'
    return [_write(order, precision, name) for precision, name in kinds.items()]


def _write(order, precision, name):
    from blitznet_estimator.runtime import tf  # here: its runtime does without
    side = order.config.network.image_size
    converter = tf.lite.TFLiteConverter.from_frozen_graph(order.graph, ['input'], list(raw_output_shapes(order.config.network)),
                                                          {'input': [1, side, side, 3]})
    if precision != 'float32':
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == 'float16':
        converter.target_spec.supported_types = [tf.float16]
    if precision == 'int8':
        images = np.load(order.calibration)
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with open(os.path.join(order.folder, name), 'wb') as file:
        file.write(converter.convert())
    return Exported(name, 'tflite', 'raw', precision)
