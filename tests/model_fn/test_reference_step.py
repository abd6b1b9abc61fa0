"""One training step from the same weights, images, boxes and masks as the public reference's: its losses, gradients and moving averages."""
import dataclasses
import os

import numpy as np
import pytest

from blitznet_estimator import monitor
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.matching import Matcher
from model_fn import model_fn
from tests.model_fn.network.named_weights import GOLDEN, NETWORKS, fill, golden_image, value

BATCH, BOXES = 2, 6
ADAM_SHARE = .1  # of a gradient, in Adam's first moment after the first step


def golden_batch(network):
    """(features, labels) as of `batch_spec`: six and four random boxes, one the whole image, one twice; a mask of 8 x 8 blocks."""
    random = np.random.RandomState(5)
    low = random.uniform(0, .7, (BATCH, BOXES, 2))
    sizes = random.uniform(.02, .5, (BATCH, BOXES, 2))
    boxes = np.concatenate([low, np.minimum(low + sizes, 1)], -1).astype(np.float32)
    boxes[0, 0], boxes[1, 1] = [0, 0, 1, 1], boxes[1, 0]
    valid = np.arange(BOXES) < np.array([[6], [4]])
    classes = random.randint(1, network.num_classes, (BATCH, BOXES)).astype(np.int32)
    side = network.segmentation_size
    blocks = -(-side // 8)
    mask = random.randint(0, network.num_classes, (BATCH, 8, 8)).repeat(blocks, 1).repeat(blocks, 2)[:, :side, :side].astype(np.int32)
    mask[:, 3:6, 5:] = 255
    boxes[~valid], classes[~valid] = 0, 0
    with tf.Graph().as_default(), tf.Session() as session:
        match = session.run(Matcher(network).match(tf.constant(boxes), tf.constant(valid)))
    features = {'image': golden_image(network.image_size, BATCH), 'source_id': np.arange(BATCH), 'size': np.full((BATCH, 2), 300, np.int32)}
    return features, dict({'match': match, 'boxes': boxes, 'classes': classes}, **({'mask': mask} if network.segment else {}))


def lengths(arrays):
    return np.array([np.sqrt(np.sum(np.square(array, dtype=np.float64))) for array in arrays])


@pytest.mark.slow
@pytest.mark.parametrize('name, tolerance', [  # rounding turns some ReLUs on or off: in ResNet's deepest maps, of 8 pixels a batch, each counts
    ('ssd300', .01), ('blitznet300_nox4', .05)])
def test_a_step_is_that_of_the_public_reference(name, tolerance):
    network = NETWORKS[name]
    config = dataclasses.replace(preset_config(network.preset), network=network)
    features, labels = golden_batch(network)
    golden = np.load(os.path.join(GOLDEN, 'steps.npz'))
    golden = {key[len(name) + 1:]: golden[key] for key in golden.files if key.startswith(name + '/')}
    assert np.sum(labels['match'] >= 0) == golden['positives']
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = [{key: tf.constant(value) for key, value in part.items()} for part in (features, labels)]
        spec = model_fn(tensors[0], tensors[1], tf.estimator.ModeKeys.TRAIN, {'config': config, 'platform': ModelParams(cpu_precision='fp32')})
        session.run(tf.global_variables_initializer())
        fill([variable for variable in tf.model_variables() if 'scale_mult' not in variable.op.name], session)  # which stays at its initial 20
        value.cache_clear()  # 300 MB
        variables = {variable.op.name: variable for variable in tf.global_variables()}
        moments = [variables[key + '/Adam'] for key in sorted(variable.op.name for variable in tf.trainable_variables())]
        averages = [variables[key] for key in sorted(variables) if '/moving_' in key]
        before = session.run(averages)
        losses, _ = session.run([monitor.monitored(), spec.train_op])
        moments, after = session.run([moments, averages])
    for key in sorted(golden):
        if key.startswith('loss/'):
            np.testing.assert_allclose(losses['loss' if key == 'loss/total' else key], golden[key], rtol=1e-5, err_msg=key)
    np.testing.assert_allclose(lengths(moments) / ADAM_SHARE, golden['gradient_norms'], rtol=tolerance)
    np.testing.assert_allclose(lengths(new - old for new, old in zip(after, before)), golden['moving'], rtol=1e-3)
