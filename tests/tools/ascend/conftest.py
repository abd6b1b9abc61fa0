"""A small network with random weights that is sure of what it sees, and pictures for it."""
import cv2
import numpy as np
import pytest

from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network

CLASSES = ('disc', 'box')
SIZES = ((50, 70), (64, 64), (90, 40), (33, 48), (64, 100))


@pytest.fixture(scope='session')
def model(tmp_path_factory):
    """(Config, checkpoint) of a tiny network of 64 pixels with two classes."""
    folder = tmp_path_factory.mktemp('model')
    config = preset_config('tiny', network=dict(image_size=64, num_classes=3, top_fm=32), data=dict(class_names=CLASSES, eval_batch_size=2),
                           run=dict(model_dir=str(folder), progress=False))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(5)
        images = np.stack([cv2.resize(_picture(64, 64, seed), (64, 64)) for seed in range(8)]) / np.float32(255)
        build_network(tf.constant(images), config.network, training=True)
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            if variable.op.name.startswith('ssd/confidence') and variable.op.name.endswith('weights'):
                variable.load(1.5 * session.run(variable), session)  # detections of differing scores
        for _ in range(50):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # without moving averages the values would explode
        checkpoint = tf.train.Saver().save(session, str(folder / 'model.ckpt'), 7)
    return config, checkpoint


def _picture(height, width, seed):
    blotches = np.random.RandomState(seed).randint(0, 255, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """Paths of five pictures of different sizes."""
    folder, paths = tmp_path_factory.mktemp('pictures'), []
    for number, (height, width) in enumerate(SIZES):
        paths.append(str(folder / ('%d.png' % number)))
        cv2.imwrite(paths[-1], _picture(height, width, number))
    return paths
