"""Test-time augmentation: what is put together, by hand, and the real network on an image and on its mirror image."""
import numpy as np
import pytest

from blitznet_estimator import tta as words
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.boxes import encode
from blitznet_estimator.config import DetectionConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import model_fn
from model_fn.predictions import tta

NETWORK = preset_config('tiny', network=dict(num_classes=3)).network
BOX, OTHER = np.float32([.1, .2, .5, .4]), np.float32([.6, .1, .9, .3])


def raw(objects):
    """Raw outputs of one image in which objects (box, class, probability) are found, each by the nearest anchor."""
    anchors = anchors_of(NETWORK)
    confidence = np.zeros([1, len(anchors), 3], np.float32)
    confidence[..., 0] = 20
    location = np.zeros([1, len(anchors), 4], np.float32)
    for box, kind, probability in objects:
        center = np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
        nearest = np.abs(anchors - center).sum(1).argmin()
        confidence[0, nearest] = 0, -20, -20
        confidence[0, nearest, kind] = np.log(probability / (1 - probability))
        location[0, nearest] = encode(box[None], anchors[nearest:nearest + 1])[0]
    return confidence, location


def mirrored(box):
    return np.float32([box[0], 1 - box[3], box[2], 1 - box[1]])


def test_the_views_boxes_go_through_one_nms():
    """The image: a box of .9. Its mirror image: the same one, .8, and another, .7, mirrored. So the first counts once, with its best score."""
    views = [raw([(BOX, 1, .9)]), raw([(mirrored(BOX), 1, .8), (mirrored(OTHER), 2, .7)])]
    seen = [({'confidence': tf.constant(confidence), 'location': tf.constant(location)}, NETWORK, bool(i))
            for i, (confidence, location) in enumerate(views)]
    with tf.Session() as session:
        found = session.run(tta._merge_boxes(seen, {}, NETWORK, DetectionConfig()))
    assert found['num_detections'].tolist() == [2] and found['classes'][0, :2].tolist() == [1, 2]
    np.testing.assert_allclose(found['scores'][0, :2], [.9, .7], atol=1e-5)
    np.testing.assert_allclose(found['boxes'][0, :2], [BOX, OTHER], atol=1e-5)


def test_a_mirrored_map_by_hand():
    """Four cells of 4 pixels: cell k is at 4 - k - 1/4 of the mirrored image's cells, and the last of those stands for what is beyond it."""
    with tf.Session() as session:
        found = session.run(tta.mirrored_map(tf.constant([[[[10.], [20.], [30.], [40.]]]]), 4))
    np.testing.assert_allclose(found[0, 0, :, 0], [40, 37.5, 27.5, 17.5])


def test_probabilities_of_masks_are_averaged():
    """Of two classes, .6 and .4 in one view, .1 and .9 in the other: .35 and .65."""
    logits = [np.log(np.tile(np.float32(shares), [1, 32, 32, 1])) for shares in ((.6, .4), (.1, .9))]
    with tf.Graph().as_default(), tf.Session() as session:
        seen = [({'segmentation': tf.constant(one)}, NETWORK, False) for one in logits]
        sizes = {'size': tf.constant([[5, 7]])}
        assert (session.run(tta._merge_masks(seen, sizes, NETWORK, None))['segmentation'] == 1).all()
        assert (session.run(tta._merge_masks(seen[:1], sizes, NETWORK, None))['segmentation'] == 0).all()


def test_anchors_of_a_scale_are_as_large_in_pixels():
    view = words.network_of(NETWORK, 1.25)
    ours, theirs = tta.anchors_of_view(view, NETWORK)[:, 2:] * 160, anchors_of(NETWORK)[:, 2:] * 128
    np.testing.assert_allclose(sorted(set(np.round(ours[:, 0], 2))), sorted(set(np.round(theirs[:, 0], 2))), atol=.02)


def predict(images, run):
    """Predictions of the network with random weights."""
    config = preset_config('tiny', network=dict(num_classes=3, image_size=64, top_fm=16, n_base_channels=8), run=run,
                           detection=dict(conf_thresh=.3, top_k_post_nms=20))
    features = {'image': images, 'source_id': np.arange(len(images)), 'size': np.int32([[40, 50]] * len(images))}
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        spec = model_fn({key: tf.constant(value) for key, value in features.items()}, None, 'infer', {'config': config})
        session.run(tf.global_variables_initializer())
        return session.run(spec.predictions), len(tf.global_variables())


def test_the_network_on_an_image_and_on_its_mirror_image():
    """The views of both are the same, and so are the scores. (Random weights have many equal scores: the order of boxes is not told.)"""
    image = np.random.RandomState(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)
    (found, variables), (turned, _) = [predict(one, dict(tta=('flip', 'scales:1', '1.25'))) for one in (image, image[:, :, ::-1])]
    plain, as_many = predict(image, {})
    assert variables == as_many and found['segmentation'].shape == plain['segmentation'].shape
    assert found['num_detections'][0] > 3
    np.testing.assert_allclose(found['scores'], turned['scores'], atol=1e-4)


def test_one_view_is_the_prediction_without():
    image = np.random.RandomState(0).uniform(size=(1, 64, 64, 3)).astype(np.float32)
    (found, _), (plain, _) = predict(image, dict(tta=('scales:1',))), predict(image, {})
    for key in ('boxes', 'scores', 'classes', 'num_detections'):
        np.testing.assert_allclose(found[key], plain[key], atol=1e-5, err_msg=key)


def test_a_device_without_nms_refuses():
    config = preset_config('tiny', network=dict(num_classes=3), run=dict(tta=('flip',)))
    with tf.Graph().as_default(), pytest.raises(UserError, match='--tta.*--platform=cpu'):
        model_fn({'image': tf.zeros([1, 128, 128, 3])}, None, 'infer', {'config': config, 'platform': ModelParams(raw_predictions=True)})
