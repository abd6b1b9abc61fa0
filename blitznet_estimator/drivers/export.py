"""Mode export: a checkpoint as a SavedModel."""
import datetime
import itertools
import os
import tempfile

from blitznet_estimator import files
from blitznet_estimator.drivers import checkpoints
from blitznet_estimator.formats import saved_model
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from blitznet_estimator.version import VERSION


def run(config, platform, serving_input, serving_model):
    """Export config.run.checkpoint_path, or the latest checkpoint; returns the folder of the export.

    It is a new folder, named by the time, in config.run.output_dir (default: `export` in model_dir), and appears there when it is whole.

    serving_input, serving_model: the modules `input_fn.serving` and `model_fn.serving`, which make the graph.
    """
    checkpoint = checkpoints.find(config)
    base = os.path.abspath(config.run.output_dir or os.path.join(config.run.model_dir, 'export'))
    os.makedirs(base, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.partial-', dir=base) as partial:
        made = os.path.join(partial, 'export')
        _write_saved_model(made, config, platform, serving_input, serving_model, checkpoint)
        second = int(datetime.datetime.now().timestamp())  # another export may have it: then this one takes a later
        path = files.publish_folder(made, (os.path.join(base, str(number)) for number in itertools.count(second)))
    log.info('Exported step %d to %s; try it:', checkpoints.step_of(checkpoint), path)
    print(saved_model.command(path), flush=True)
    return path


def _write_saved_model(folder, config, platform, serving_input, serving_model, checkpoint):
    class_names, side = ['background'] + list(config.data.class_names), config.network.image_size
    with tf.Graph().as_default():
        received = serving_input.receive(config)
        images = tf.placeholder_with_default(received.image, [None, side, side, 3], name='input')
        blank = tf.maximum(1 - tf.shape(images)[0], 0)  # for an empty batch, which has no largest picture, and which not every operation takes
        raw = serving_model.raw_outputs(tf.concat([images, tf.zeros([blank, side, side, 3])], 0), config, checkpoint,
                                        platform.model_params().cpu_precision)
        found = serving_model.finished_outputs(raw, tf.maximum(tf.concat([received.size, tf.ones([blank, 2], tf.int32)], 0), 1), config)
        signatures = saved_model.write(folder, received, images, raw, found, class_names)
    saved_model.add_extras(folder, {
        'class_names': class_names, 'image_size': side, 'preset': config.network.preset,
        'global_step': checkpoints.step_of(checkpoint), 'checkpoint': os.path.basename(checkpoint), 'version': VERSION, 'tensorflow': tf.__version__,
        'boxes': '[ymin, xmin, ymax, xmax], fractions of the image', 'statuses': list(serving_input.STATUSES), 'exif_orientation': 'not looked at',
        'max_pixels': config.run.export_max_pixels, 'signatures': signatures, 'signature': signatures[saved_model.SIGNATURE]})
