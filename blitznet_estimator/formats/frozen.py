"""The frozen plain graph, `input` to the raw outputs, weights as constants: what all other formats are made from."""
import os
import shutil

from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.runtime import tf

FILE = 'frozen.pb'


def freeze(config, checkpoint, raw_outputs):
    """The GraphDef of a checkpoint, for batches of any size. raw_outputs: as in `model_fn.serving`."""
    names, side = list(raw_output_shapes(config.network)), config.network.image_size
    with tf.Graph().as_default() as graph:
        raw_outputs(tf.placeholder(tf.float32, [None, side, side, 3], name='input'), config, checkpoint)
        return only(graph, names)


def only(graph, names):
    """The GraphDef of the operations that `names` need, without identities, and without attributes of default values, which older releases lack."""
    frozen = tf.graph_util.remove_training_nodes(graph.as_graph_def(), names)
    with tf.Graph().as_default() as smaller:
        tf.import_graph_def(tf.graph_util.extract_sub_graph(frozen, names), name='')
        return tf.train.export_meta_graph(graph=smaller, strip_default_attrs=True).graph_def


def convert(order):
    """Put the graph into the export; returns its files."""
    shutil.copy(order.graph, os.path.join(order.folder, FILE))
    return [Exported(FILE, 'frozen', 'raw', 'float32')]


def read(path):
    """The GraphDef in a file."""
    graph_def = tf.GraphDef()
    with open(path, 'rb') as file:
        graph_def.ParseFromString(file.read())
    return graph_def
