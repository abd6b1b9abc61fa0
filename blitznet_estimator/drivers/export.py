"""Mode export: a SavedModel that takes encoded images."""
import itertools
import os
import tempfile

import cv2
import numpy as np

from blitznet_estimator import files, thresholds
from blitznet_estimator.drivers import checkpoints
from blitznet_estimator.host_session import host_session
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from blitznet_estimator.version import VERSION

SIGNATURE = 'serving_default'
EXTRA = 'assets.extra'  # where a SavedModel keeps what belongs to it, but not to its graph


def run(config, platform, model_fn, serving_input_receiver_fn):
    """Export config.run.checkpoint_path, or the latest checkpoint; returns the SavedModel's folder.

    It is a new folder, named by the time, in config.run.output_dir (default: `export` in model_dir), and appears there when it is whole.
    """
    checkpoint = checkpoints.find(config)
    base = os.path.abspath(config.run.output_dir or os.path.join(config.run.model_dir, 'export'))
    os.makedirs(base, exist_ok=True)
    estimator = platform.estimator(model_fn, {'config': config, 'checkpoint': checkpoint})
    with tempfile.TemporaryDirectory(prefix='.partial-', dir=base) as partial:
        made = estimator.export_saved_model(partial, serving_input_receiver_fn, checkpoint_path=checkpoint).decode('utf-8')
        _add_extras(made, config, checkpoint)
        second = int(os.path.basename(made))  # another export may have it: then this one takes a later
        path = files.publish_folder(made, (os.path.join(base, str(number)) for number in itertools.count(second)))
    log.info('Exported step %d to %s; try it:', checkpoints.step_of(checkpoint), path)
    print(command(path), flush=True)
    return path


def command(path):
    """A command line that runs the SavedModel on its example."""
    example = os.path.join(path, EXTRA, 'example.npy')
    return ('saved_model_cli run --dir %s --tag_set serve --signature_def %s --inputs image_bytes=%s' % (path, SIGNATURE, example))


def _add_extras(path, config, checkpoint):
    """Put what a client has to know, and an input to try, beside the graph."""
    network = config.network
    metadata = {
        'class_names': ['background'] + list(config.data.class_names), 'image_size': network.image_size, 'preset': network.preset,
        'global_step': checkpoints.step_of(checkpoint), 'checkpoint': os.path.basename(checkpoint), 'version': VERSION, 'tensorflow': tf.__version__,
        'boxes': '[ymin, xmin, ymax, xmax], fractions of the image', 'signature': signature(path),
        'min_scores': thresholds.read(checkpoint)}
    files.write_json(os.path.join(path, EXTRA, 'metadata.json'), metadata)
    grey = np.full((network.image_size, network.image_size, 3), 128, np.uint8)
    images = np.array([cv2.imencode('.jpg', grey)[1].tobytes()])  # [1] of bytes: a JPEG does not end in the zeros that numpy would drop
    np.save(os.path.join(path, EXTRA, 'example.npy'), images)


def signature(path):
    """{'inputs' or 'outputs': {key: {'dtype', 'shape'}}} of a SavedModel, which is loaded for it; -1 is a size that may differ."""
    with tf.Graph().as_default(), host_session() as session:
        definition = tf.saved_model.load(session, [tf.saved_model.SERVING], path).signature_def[SIGNATURE]
    return {kind: {key: {'dtype': tf.as_dtype(info.dtype).name, 'shape': [dim.size for dim in info.tensor_shape.dim]}
                   for key, info in sorted(getattr(definition, kind).items())} for kind in ('inputs', 'outputs')}
