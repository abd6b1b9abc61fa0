"""Predictions from raw outputs: the published detections, limits, and masks at each image's own size."""
import os

import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.config import DetectionConfig
from blitznet_estimator.evaluation.host_postprocess import postprocess as finish_on_host
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.predictions import postprocess
from tests.paths import GOLDEN as GOLDEN_FILES

GOLDEN = np.load(os.path.join(GOLDEN_FILES, 'detections.npz'))
NETWORK = preset_config('blitznet300', network=dict(num_classes=21)).network


def golden_outputs():
    random, count = np.random.RandomState(20), NETWORK.num_anchors
    logits = random.randn(count, 21).astype('f')
    logits[:, 0] += 6.0
    hot = random.randint(0, count, 400)
    logits[hot, random.randint(1, 21, 400)] += random.uniform(6, 12, 400).astype('f')
    return logits, random.randn(count, 4).astype('f')


def few_objects(random, batch, count, num_objects=60):
    """Confidence [batch, count, 4] with scores so far apart that the last bit of softmax does not change their order."""
    confidence = np.zeros((batch, count, 4), np.float32)
    confidence[..., 0] = 20
    for image in confidence:
        order = random.permutation(num_objects)
        image[random.choice(count, num_objects, replace=False), random.randint(1, 4, num_objects)] = 14 + .2 * order
    return confidence


def run(tensors):
    with tf.Session() as session:
        return session.run(tensors)


def test_the_published_detections_also_in_a_batch():
    logits, location = golden_outputs()
    quiet = np.zeros_like(logits)
    quiet[:, 0] = 20
    with tf.Graph().as_default():
        found = run(postprocess.detections(tf.constant(np.stack([logits, quiet])), tf.constant(np.stack([location, location])), NETWORK,
                                     DetectionConfig()))
    ymin, xmin, ymax, xmax = found['boxes'][0].T
    np.testing.assert_allclose(np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=-1), GOLDEN['seed20/boxes_xywh'], atol=1e-5)
    np.testing.assert_allclose(found['scores'][0], GOLDEN['seed20/scores'], atol=1e-5)
    np.testing.assert_array_equal(found['classes'][0], GOLDEN['seed20/classes'])
    assert list(found['num_detections']) == [200, 0]
    assert all(np.all(found[key][1] == 0) for key in ('boxes', 'scores', 'classes'))  # nothing above the threshold


def quiet(network):
    """Confidence [1, A, 4] of nothing but background."""
    confidence = np.full((1, network.num_anchors, 4), -20, np.float32)
    confidence[..., 0] = 0
    return confidence


def test_a_threshold_of_0_leaves_nothing_out():
    network = preset_config('tiny', network=dict(num_classes=4)).network
    with tf.Graph().as_default():
        found = run(postprocess.detections(tf.constant(quiet(network)), tf.zeros([1, network.num_anchors, 4]), network,
                                           DetectionConfig(conf_thresh=0.)))
    assert found['num_detections'][0] > 100 and found['scores'].max() < 1e-8


@pytest.mark.parametrize('threshold, share, count', [(.001, 1.001, 1), (.01, 1.001, 1), (.01, .999, 0), (.6, 1.001, 1), (.6, .999, 0)])
def test_a_score_counts_that_is_just_above_the_threshold(threshold, share, count):
    network = preset_config('tiny', network=dict(num_classes=4)).network
    score = threshold * share
    confidence = quiet(network)
    confidence[0, 17, 2] = np.log(score / (1 - score))  # the background has the rest
    with tf.Graph().as_default():
        found = run(postprocess.detections(tf.constant(confidence), tf.zeros([1, network.num_anchors, 4]), network,
                                           DetectionConfig(conf_thresh=threshold)))
    assert found['num_detections'][0] == count
    if count:
        assert found['classes'][0, 0] == 2
        np.testing.assert_allclose(found['scores'][0, 0], score, rtol=1e-4)


def test_decoding_is_the_published_one():
    _, location = golden_outputs()
    with tf.Graph().as_default():
        anchors = anchors_of(NETWORK)
        boxes = run(postprocess.decode(tf.constant(location[None]), anchors))[0]
    np.testing.assert_allclose(boxes[:2000], GOLDEN['seed20/decoded_yxyx'], atol=1e-5)


@pytest.mark.parametrize('config', [
    DetectionConfig(), DetectionConfig(top_k_nms=5), DetectionConfig(top_k_after_nms=3), DetectionConfig(top_k_post_nms=7),
    DetectionConfig(nms_thresh=.1), DetectionConfig(conf_thresh=.3),
    DetectionConfig(nms='soft'), DetectionConfig(nms='soft', soft_nms_sigma=.1, conf_thresh=.2, top_k_after_nms=5)])
def test_the_graph_equals_the_host(config):
    network = preset_config('tiny', network=dict(num_classes=4)).network
    random = np.random.RandomState(5)
    confidence = few_objects(random, 2, network.num_anchors)
    location = random.randn(2, network.num_anchors, 4).astype('f')
    segmentation = random.randn(2, 32, 32, 4).astype('f')
    sizes = np.array([[40, 60], [75, 31]], np.int32)
    outputs = {'confidence': confidence, 'location': location, 'segmentation': segmentation}
    with tf.Graph().as_default():
        found = run(postprocess.predictions({key: tf.constant(value) for key, value in outputs.items()},
                                      {'size': tf.constant(sizes)}, network, config))
    host = finish_on_host({'confidence': confidence, 'location': location, 'segmentation': segmentation}, sizes, network, config)
    np.testing.assert_array_equal(found['num_detections'], host['num_detections'])
    np.testing.assert_array_equal(found['classes'], host['classes'])
    np.testing.assert_allclose(found['boxes'], host['boxes'], atol=1e-5)
    np.testing.assert_allclose(found['scores'], host['scores'], atol=1e-6)
    for graph_mask, host_mask, (height, width) in zip(found['segmentation'], host['segmentation'], sizes):
        differing = graph_mask[:height, :width] != host_mask[:height, :width]
        assert differing.mean() < .001  # logits equal to the last bit


def test_all_classes_and_anchors_together_are_what_each_alone_is():
    """Of untrained networks nearly every anchor is a candidate of every class; no limit may depend on how many others there are."""
    network = preset_config('tiny', network=dict(num_classes=4)).network
    random = np.random.RandomState(7)
    confidence = random.randn(2, network.num_anchors, 4).astype('f')
    confidence[1, :, 0] += 12  # far fewer candidates in this image
    location = random.randn(2, network.num_anchors, 4).astype('f')
    with tf.Graph().as_default():
        found = run(postprocess.detections(tf.constant(confidence), tf.constant(location), network, DetectionConfig()))
    for image in range(2):
        host = finish_on_host({'confidence': confidence[image:image + 1], 'location': location[image:image + 1]}, [[1, 1]], network,
                              DetectionConfig())
        assert found['num_detections'][image] == host['num_detections'][0]
        np.testing.assert_allclose(found['scores'][image], host['scores'][0], atol=1e-6)


def test_boxes_are_clipped_to_the_image():
    network = preset_config('tiny', network=dict(num_classes=2)).network
    confidence = np.zeros((1, network.num_anchors, 2), np.float32)
    confidence[..., 0] = 20
    confidence[0, [0, 500], 1] = 30, 29
    location = np.zeros((1, network.num_anchors, 4), np.float32)
    location[0, 0], location[0, 500] = (-900, 5, 1, 1), (5, 900, 1, 1)  # left of the image, and below it
    with tf.Graph().as_default():
        found = run(postprocess.detections(tf.constant(confidence), tf.constant(location), network, DetectionConfig()))
    assert found['num_detections'][0] == 2 and found['boxes'].min() >= 0 and found['boxes'].max() <= 1
    host = finish_on_host({'confidence': confidence, 'location': location}, [[1, 1]], network, DetectionConfig())
    np.testing.assert_allclose(found['boxes'], host['boxes'], atol=1e-6)
