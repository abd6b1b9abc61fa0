"""TensorFlow.js, raw outputs, by a program: its package brings a TensorFlow of its own, and so lives in an environment of its own."""
import os
import shutil

from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.formats import process
from blitznet_estimator.formats.registry import Exported

FILE, OUTPUT = 'tfjs/model.json', 'tfjs.txt'


def convert(order):
    """Write the file, with its weights beside it; returns it. UserError where the program fails."""
    names, folder = ','.join(raw_output_shapes(order.config.network)), os.path.join(order.folder, os.path.dirname(FILE))
    command = [shutil.which('tensorflowjs_converter'), '--input_format=tf_frozen_model', '--output_node_names=' + names, order.graph, folder]
    process.run(command, os.path.join(os.path.dirname(order.graph), OUTPUT), 'Converting to tfjs', env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'))
    return [Exported(FILE, 'tfjs', 'raw', 'float32')]
