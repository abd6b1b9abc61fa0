"""Images with boxes alone and images with masks alone in one split: each moves its own head, and its pixels count as no background."""
import os

import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.config import DataConfig
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn import make_input_fn, open_dataset
from model_fn.training import losses
from tests.input_fn.datasets import trees


@pytest.fixture(name='gradients')
def gradients_of_a_batch(tmp_path):
    """{raw output: sum of the loss's absolute gradient at each image}, of an image with boxes alone and one with a mask alone."""
    tree = trees.voc_tree(tmp_path / 'pets', count=2)  # listed backwards: b, then a
    os.remove(os.path.join(tree, 'SegmentationClass/b.png'))
    os.remove(os.path.join(tree, 'Annotations/a.xml'))
    config = preset_config('tiny', network=dict(image_size=64, num_classes=4), data=vars(DataConfig(
        dataset='folder', data_dir=tree, prepared_dir=str(tmp_path / 'prepared'), eval_batch_size=2, class_names=trees.CLASSES)))
    random = np.random.RandomState(0)
    with tf.Graph().as_default(), tf.Session() as session:
        batch = tf.data.make_one_shot_iterator(make_input_fn(config, open_dataset(config.data, 'train'), 'eval')()).get_next()
        labels = session.run(batch)[1]
        anchors, side = anchors_of(config.network), labels['mask'].shape[1]
        outputs = {name: tf.constant(random.randn(2, *shape).astype(np.float32)) for name, shape in (
            ('confidence', (len(anchors), 4)), ('location', (len(anchors), 4)), ('segmentation', (side, side, 4)))}
        total = losses.all_losses(outputs, {key: tf.constant(value) for key, value in labels.items()}, anchors, config.train)[0]
        found = session.run(tf.gradients(total, list(outputs.values())))
    return {name: np.abs(gradient).reshape(2, -1).sum(axis=1) for name, gradient in zip(outputs, found)}


def test_each_image_trains_its_own_head(gradients):
    with_boxes, with_mask = 0, 1
    for name in ('confidence', 'location'):
        assert gradients[name][with_boxes] > 0 and gradients[name][with_mask] == 0, name
    assert gradients['segmentation'][with_mask] > 0 and gradients['segmentation'][with_boxes] == 0
