"""A small network with random weights that is sure of what it sees, and pictures for it."""
import cv2
import numpy as np

from blitznet_estimator import saved_config
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network

CLASSES = ('disc', 'box')
STEP = 7


def save(folder, **network):
    """(Config, checkpoint of step STEP in `folder`, with config.json) of a tiny network of 64 pixels with two classes."""
    sizes = dict(dict(image_size=64, num_classes=3, top_fm=32), **network)
    config = preset_config('tiny', network=sizes, data=dict(class_names=CLASSES, eval_batch_size=2),
                           run=dict(model_dir=str(folder), progress=False))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(5)
        images = np.stack([picture(64, 64, seed) for seed in range(8)]) / np.float32(255)
        build_network(tf.constant(images), config.network, training=True)
        step = tf.train.get_or_create_global_step()
        session.run(tf.global_variables_initializer())
        step.load(STEP, session)
        confidence = [v for v in tf.global_variables() if v.op.name.startswith('ssd/confidence') and v.op.name.endswith('weights')]
        larger = {v.initializer.inputs[1]: 1.5 * value for v, value in zip(confidence, session.run(confidence))}
        session.run([v.initializer for v in confidence], larger)  # detections of differing scores
        for _ in range(50):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))  # without moving averages the values would explode
        checkpoint = tf.train.Saver().save(session, str(folder / 'model.ckpt'), STEP)
    saved_config.write(config)
    return config, checkpoint


def picture(height, width, seed):
    """Smooth blotches of colour, uint8 [height, width, 3]."""
    blotches = np.random.RandomState(seed).randint(0, 255, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)
