"""What TensorBoard shows of a training run before its first step: every setting, and what the network is about to learn from.

The training images are read by a session of its own on the host, so that no device's graph holds a picture.
"""
import os

from blitznet_estimator import drawing
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.drivers import event_files
from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf

FOLDER = 'setup'  # in model_dir
FEW = 64  # encoded examples to mix


def write(config, input_fn, step):
    """Write the configuration, and config.run.max_pictures training images with boxes, mask and matched anchors.

    Args:
      input_fn: an Estimator's, for TRAIN; a batch may be smaller than training's.
      step: global step that training starts from.
    """
    values = [event_files.table('configuration/%s' % name, sorted(section.items())) for name, section in _sections(config)]
    if config.run.max_pictures:
        values += [event_files.picture('inputs/%03d' % i, picture) for i, picture in enumerate(_pictures(config, *_read_batch(input_fn)))]
    event_files.write_values(os.path.join(config.run.model_dir, FOLDER), step, values)


def preview_config(config):
    """The Config that the batch is read with: augmented as in training, but no more than is drawn, and soon there."""
    size = max(1, min(config.data.batch_size, config.run.max_pictures))
    return config.replace(data=dict(batch_size=size, shuffle_buffer=FEW, cache='none'))


def _sections(config):
    return [(name, section if name == 'npu' else vars(section)) for name, section in vars(config).items() if section]


def _read_batch(input_fn):
    """(features, labels) of the first batch, arrays."""
    with tf.Graph().as_default(), host_session() as session, user_errors('', input_fn):
        iterator = tf.data.make_initializable_iterator(input_fn())
        batch = iterator.get_next()
        session.run(iterator.initializer)
        return session.run(batch)


def _pictures(config, features, labels):
    """Yield the pictures of the first examples of a batch."""
    network = config.network
    anchors = anchors_of(network)
    for i in range(min(config.run.max_pictures, len(features['image']))):
        yield drawing.draw_training_example(
            features['image'][i], labels['match'][i], labels['boxes'][i], labels['classes'][i], labels['mask'][i], anchors,
            config.data.class_names)
