"""The SavedModel: encoded images, or pixels, to boxes and masks. TensorFlow alone loads it, and TensorFlow Serving serves it.

Every output of a picture has the batch first, so that a server can join the requests of several clients and part the answers.
"""
import os

import cv2
import numpy as np

from blitznet_estimator import files
from blitznet_estimator.exports import EXTRA, GRAPH
from blitznet_estimator.formats import warmup
from blitznet_estimator.formats.registry import Exported
from blitznet_estimator.formats.variables import with_variables
from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf

SIGNATURE = 'serving_default'
BESIDE = 'image_size', 'status', 'class_names'  # of the outputs: what comes with the predictions
MASK, PNG_MASK = 'segmentation', 'segmentation_png_bytes'


def write(folder, received, network_input, raw, found, class_names):
    """Write a graph of constants, the default one, as the SavedModel `folder`, with variables; returns the description of its signatures.

    Args:
      received: as `input_fn.serving.receive` gives it.
      network_input: placeholder of the network's images, received.image by default.
      raw, found: {name: tensor} of raw outputs and of predictions; those of an empty batch have one entry, for a blank image.
      class_names: with the background.
    """
    answers = _answers(received, found, class_names)
    small = {name: tensor for name, tensor in answers.items() if name != MASK}
    large = {name: tensor for name, tensor in answers.items() if name != PNG_MASK}
    encoded = {'image_bytes': received.inputs['image_bytes']}
    signatures = {
        SIGNATURE: (encoded, small),
        'raw_masks': (encoded, large),
        'from_tensor': ({'images': received.inputs['images']}, large),
        'raw': ({'input': network_input}, {name: tensor[:tf.shape(network_input)[0]] for name, tensor in raw.items()}),
    }
    definitions = {name: tf.saved_model.predict_signature_def(*pair) for name, pair in signatures.items()}
    tensors = [info.name for one in definitions.values() for info in list(one.inputs.values()) + list(one.outputs.values())]
    made, builder = with_variables(tf.get_default_graph().as_graph_def(), tensors), tf.saved_model.Builder(folder)
    with made.graph.as_default(), host_session() as session:
        for variable, value in made.values.items():
            variable.load(value, session)
        builder.add_meta_graph_and_variables(session, [tf.saved_model.SERVING], strip_default_attrs=True, signature_def_map=definitions)
        builder.save()
    return {name: _described(*pair) for name, pair in signatures.items()}


def _answers(received, found, class_names):
    """{name: tensor [B, ...]} of what a client gets: the predictions, empty for a picture that could not be read, and what it needs beside them."""
    readable, count = received.size[:, 0] > 0, tf.shape(received.size)[0]
    answers = {name: tf.where(readable, tensor[:count], tf.zeros_like(tensor[:count])) for name, tensor in found.items()}
    names = tf.tile(tf.constant([list(class_names)]), [count, 1])
    return dict(answers, image_size=tf.identity(received.size), status=tf.identity(received.status), class_names=names)


def _described(inputs, outputs):
    """{'inputs' or 'outputs': {name: {'dtype', 'shape'}}}; -1 is a size that may differ."""
    return {kind: {name: {'dtype': tensor.dtype.name, 'shape': [-1 if side is None else side for side in tensor.shape.as_list()]}
                   for name, tensor in sorted(tensors.items())} for kind, tensors in (('inputs', inputs), ('outputs', outputs))}


def add_extras(folder, metadata):
    """Put what a client has to know, an input to try, and the requests that warm a server up, beside the graph."""
    extra, side = os.path.join(folder, EXTRA), metadata['image_size']
    files.write_json(os.path.join(extra, 'metadata.json'), metadata)
    grey = cv2.imencode('.jpg', np.full((side, side, 3), 128, np.uint8))[1].tobytes()
    np.save(os.path.join(extra, 'example.npy'), np.array([grey]))  # [1] of bytes: a JPEG does not end in the zeros that numpy would drop
    warmup.write(os.path.join(extra, warmup.NAME), {
        SIGNATURE: {'image_bytes': [grey]}, 'raw_masks': {'image_bytes': [grey]},
        'from_tensor': {'images': np.zeros([1, side, side, 3], np.uint8)}, 'raw': {'input': np.zeros([1, side, side, 3], np.float32)}})


def command(folder):
    """A command line that runs the SavedModel on its example."""
    example = os.path.join(folder, EXTRA, 'example.npy')
    return ('saved_model_cli run --dir %s --tag_set serve --signature_def %s --inputs image_bytes=%s' % (folder, SIGNATURE, example))


def files_of():
    """The files of the format; one graph gives both kinds of outputs."""
    return [Exported(GRAPH, 'saved_model', outputs, 'float32') for outputs in ('raw', 'complete')]
