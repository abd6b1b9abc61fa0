"""A small network with random weights that is sure of what it sees, as a run's folder; and pictures for it."""
import cv2
import numpy as np

from blitznet_estimator import saved_config
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network

CLASSES = ('disc', 'box')
SIZES = ((50, 70), (64, 64), (90, 40), (33, 48), (64, 100))


def make_model(folder, **network):
    """(Config, checkpoint) of a tiny network of 64 pixels with two classes, in a folder. network: fields of its NetworkConfig."""
    config = preset_config('tiny', network=dict(dict(image_size=64, num_classes=3, top_fm=32), **network),
                           data=dict(class_names=CLASSES, eval_batch_size=2), run=dict(model_dir=str(folder), progress=False))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(5)
        images = np.stack([cv2.resize(picture(64, 64, seed), (64, 64)) for seed in range(8)]) / np.float32(255)
        build_network(tf.constant(images), config.network, training=True)
        tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            if variable.op.name.startswith('ssd/confidence') and variable.op.name.endswith('weights'):
                variable.load(1.5 * session.run(variable), session)  # detections of differing scores
        for _ in range(50):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # without moving averages the values would explode
        checkpoint = tf.train.Saver().save(session, str(folder / 'model.ckpt'), 7)
    saved_config.write(config)
    return config, checkpoint


def picture(height, width, seed):
    """Blotches of colour, uint8 [height, width, 3]."""
    blotches = np.random.RandomState(seed).randint(0, 255, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)


def make_pictures(folder, ending='.png'):
    """Paths of five pictures of different sizes, in a folder."""
    paths = [str(folder / ('%d%s' % (number, ending))) for number in range(len(SIZES))]
    for number, (path, (height, width)) in enumerate(zip(paths, SIZES)):
        cv2.imwrite(path, picture(height, width, number))
    return paths
