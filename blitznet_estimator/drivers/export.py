"""Mode export: a checkpoint as files for other programs, each of which is run and compared with the checkpoint before it is kept."""
import contextlib
import datetime
import itertools
import json
import os
import platform as machine

import numpy as np

from blitznet_estimator import exports, files, thresholds
from blitznet_estimator.drivers import checkpoints, evaluate_export, export_check, metrics_table
from blitznet_estimator.engines import choice
from blitznet_estimator.formats import child, description, frozen, registry, saved_model
from blitznet_estimator.logs import log
from blitznet_estimator.resizing import network_input
from blitznet_estimator.runtime import tf
from blitznet_estimator.version import VERSION

CALIBRATION_IMAGES = 100  # of the training split, for int8


def run(config, platform, serving_input, serving_model, samples):
    """Export config.run.checkpoint_path, or the best or latest checkpoint; returns the folder of the export.

    It is a new folder in config.run.output_dir (default: `export` in model_dir). It is named by the time, and by a higher number than those
    that are there. It appears there when it is whole.

    Args:
      serving_input, serving_model: the modules `input_fn.serving` and `model_fn.serving`, which make the graphs.
      samples: 'train' or 'eval' -> iterator of the split's samples.
    Raises:
      UserError: a format cannot be written, or its file differs from the checkpoint by too much.
    """
    checkpoint = checkpoints.find(config)
    base = os.path.abspath(config.run.output_dir or os.path.join(config.run.model_dir, exports.FOLDER))
    with files.unpublished(os.path.join(base, exports.FOLDER)) as partial:
        made = os.path.join(partial, 'export')
        _make(made, os.path.join(partial, 'work'), config, platform, serving_input, serving_model, samples, checkpoint)
        first = exports.next_number(base, int(datetime.datetime.now().timestamp()))  # another export may take it meanwhile
        path = files.publish_folder(made, (os.path.join(base, str(number)) for number in itertools.count(first)))
    log.info('Exported step %d to %s', checkpoints.step_of(checkpoint), path)
    if choice.hint(path):
        log.info('%s', choice.hint(path))
    if 'saved_model' in config.run.export_formats:
        log.info('Try it:')
        print(saved_model.command(path), flush=True)
    return path


def _make(folder, work, config, platform, serving_input, serving_model, samples, checkpoint):
    """Write all of an export into `folder`, with export.json, when each of its files was run and compared. work: a folder for what that takes."""
    os.makedirs(work)
    pictures = [export_check.fitting(one, config.run.export_max_pixels) for one in
                export_check.some_pictures(lambda: samples('eval'), config.run.export_pictures, config.network.image_size)]
    with contextlib.closing(export_check.Reference(config, checkpoint, serving_model)) as reference:
        expected = [reference.outputs(picture) for picture in pictures]
    _prepare(work, config, checkpoint, serving_model, pictures)
    if config.run.quantize == 'int8':
        _write_calibration(work, config.network.image_size, samples('train'))
    written = _write(folder, work, config, platform, serving_input, serving_model, checkpoint)
    rows = [_checked(config, exported, folder, work, pictures, expected) for exported in written]
    if config.run.quantize == 'int8':
        rows = _with_losses(config, folder, written, rows, samples)
    files.write_json(os.path.join(folder, description.NAME), _described(config, checkpoint, rows, len(pictures)))


def _checking(config):
    """The Config that exported files are run with: where all formats run, and in the precision that they have."""
    return config.replace(run=dict(platform='cpu'), train=dict(precision='fp32'))


def _prepare(work, config, checkpoint, serving_model, pictures):
    """Write what the converters and runtimes are given."""
    files.write_bytes(os.path.join(work, child.GRAPH), frozen.freeze(config, checkpoint, serving_model.raw_outputs).SerializeToString())
    files.write_text(os.path.join(work, child.CONFIG), _checking(config).to_json())
    child.write_pictures(work, pictures)


def _write_calibration(work, side, samples):
    images = [network_input(sample.image(), side) for sample in itertools.islice(samples, CALIBRATION_IMAGES)]
    np.save(os.path.join(work, child.CALIBRATION), np.array(images))


def _write(folder, work, config, platform, serving_input, serving_model, checkpoint):
    """Write every format into `folder`, each once; returns their `registry.Exported` files."""
    written = []
    for name in sorted(set(config.run.export_formats), key=list(registry.FORMATS).index):  # the SavedModel first, which makes the folder itself
        if name == 'saved_model':
            _write_saved_model(folder, config, platform, serving_input, serving_model, checkpoint)
            written += saved_model.files_of()
        else:
            os.makedirs(folder, exist_ok=True)
            written += child.convert(name, folder, work)
    return written


def _checked(config, exported, folder, work, pictures, expected):
    """The row of export.json for a file, which was run on the pictures."""
    ran = child.run(exported, folder, work)
    differences = export_check.compare(config, exported, pictures, expected, ran.batches)
    log.info('%s (%s, %s): %s; %.0f ms per picture', exported.file, exported.outputs, exported.precision, export_check.described(differences),
             ran.milliseconds)
    export_check.check(exported, differences)
    return dict(exported._asdict(), differences=differences._asdict(), tolerances=export_check.TOLERANCES[exported.precision]._asdict(),
                milliseconds=ran.milliseconds)


def _with_losses(config, folder, written, rows, samples):
    """The rows of export.json, those of int8 with what they lose of the accuracy of the same format's float32 file, on the evaluation split."""
    losses = {}
    for exported in written:
        if exported.precision == 'int8':
            plain = next(other for other in written if other[1:] == exported._replace(precision='float32')[1:])
            losses[exported] = export_check.check_loss(
                exported, *[evaluate_export.evaluate(_checking(config), folder, one, lambda: samples('eval')) for one in (plain, exported)])
    return [dict(row, lost=losses[exported]) if exported in losses else row for exported, row in zip(written, rows)]


def _described(config, checkpoint, rows, num_pictures):
    """The content of export.json."""
    return {
        'class_names': ['background'] + list(config.data.class_names), 'preset': config.network.preset, 'detection': vars(config.detection),
        'checkpoint': checkpoint, 'global_step': checkpoints.step_of(checkpoint),
        'weights': metrics_table.weights(checkpoint), 'min_scores': thresholds.read(checkpoint), 'files': rows, 'compared_on': num_pictures,
        'bfloat16': 'The SavedModel computes in float32. bfloat16 is an option of the session that loads it, not of the file.',
        'versions': dict(registry.versions(config.run.export_formats), blitznet=VERSION, tensorflow=tf.__version__,
                         python=machine.python_version()),
        'config': json.loads(config.to_json())}


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
        'max_pixels': config.run.export_max_pixels, 'min_scores': thresholds.read(checkpoint),
        'signatures': signatures, 'signature': signatures[saved_model.SIGNATURE]})
