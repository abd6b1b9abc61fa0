"""Weights of Keras: its own models with random weights, saved by it, give the same maps here."""
import os
import subprocess
import sys

import numpy as np
import pytest

from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks import mobilenet_v2, resnet, vgg
from model_fn.training.warm_start import warm_start
from tests.model_fn.weights import keras_model

SIDES = {  # of the images
    'ResNet50': 65, 'ResNet101': 65,  # conv1's map has an odd side, where Keras's max pool, padded by 1 on all sides, sees the pixels of SAME
    'VGG16': 65,
    'MobileNetV2': 70}  # its maps have the sides 35, 18, 9, 5 and 3: Keras pads by 0 and 1 where a side is even, and by 1 and 1 where it is odd


def resnet_maps(trunk):
    def build(images, layers):
        return list(resnet.build_resnet(images, TRUNKS[trunk].scope, resnet.WIDTHS[trunk], 4, layers).values())
    return build


def vgg_maps(images, layers):
    maps = {}
    with tf.variable_scope('vgg_16'):
        vgg.convolutions(images, maps, layers)
    return [maps['conv%d_3' % i] for i in (3, 4, 5)]


def mobilenet_maps(images, layers):
    return list(mobilenet_v2.build_trunk(images, 'MobilenetV2', layers).values())


@pytest.mark.slow
@pytest.mark.parametrize('model, top, trunk, build', [
    ('ResNet50', 'top', 'resnet50', resnet_maps('resnet50')), ('ResNet101', 'notop', 'resnet101', resnet_maps('resnet101')),
    ('VGG16', 'notop', 'vgg16', vgg_maps), ('MobileNetV2', 'top', 'mobilenet_v2', mobilenet_maps)])
def test_a_model_of_keras_with_random_weights_gives_the_same_maps(model, top, trunk, build, tmp_path):
    stem = str(tmp_path / model)
    subprocess.run([sys.executable, keras_model.__file__, model, str(SIDES[model]), top, stem], check=True)
    expected = np.load(stem + '.npz')
    with tf.Graph().as_default(), tf.Session() as session:
        maps = build(tf.constant(expected['images']), Layers(PlainOps(), training=False, bn_decay=.9))
        report = warm_start(stem + '.h5', preset_config('tiny', network=dict(trunk=trunk)).network, str(tmp_path))
        session.run(tf.global_variables_initializer())
        found = session.run(maps)
    assert report.initialised == () and os.path.isdir(str(tmp_path / 'warm_start'))
    for name, values in zip(keras_model.ENDS[model], found):
        assert expected[name].std() > .1
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-4 * np.abs(expected[name]).max(), err_msg=name)
