"""Weights as constants: the same outputs as with variables, from a graph that needs no checkpoint."""
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.normalisation import CAFFE, EFFICIENTNET_LITE, TORCHVISION
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.presets import PRESETS, preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn import model_fn
from model_fn.network.build import build_network, normalise
from model_fn.network.folded_weights import FoldedValues
from model_fn.network.ops import PlainOps
from tests.model_fn.network.named_weights import fill

NETWORKS = {
    'tiny': preset_config('tiny', network=dict(num_classes=4, image_size=65, top_fm=32)).network,
    'shared head': preset_config('tiny', network=dict(num_classes=4, image_size=64, top_fm=32, head='shared')).network}


def images_of(network):
    return np.random.RandomState(3).rand(1, network.image_size, network.image_size, 3).astype(np.float32)


@pytest.fixture(scope='module', params=sorted(NETWORKS))
def saved(request, tmp_path_factory):
    """(network, checkpoint of it with weights by their names, its outputs)."""
    network = NETWORKS[request.param]
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = build_network(tf.constant(images_of(network)), network, training=False)
        fill(tf.global_variables(), session)
        path = tf.train.Saver().save(session, str(tmp_path_factory.mktemp('model') / 'model.ckpt'))
        return network, path, session.run(outputs)


def assert_close(found, expected):
    assert sorted(found) == sorted(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, atol=1e-5 * np.abs(values).max(), err_msg=key)


def test_outputs_are_those_of_the_variables_and_batch_norm_is_gone(saved):
    network, checkpoint, expected = saved
    with tf.Graph().as_default() as graph, tf.Session() as session:
        outputs = build_network(tf.constant(images_of(network)), network, training=False, checkpoint=checkpoint)
        assert tf.global_variables() == [] and not [op for op in graph.get_operations() if 'BatchNorm' in op.type]
        assert scan(graph, [], list(outputs.values())) == []
        names = [op.name for op in graph.get_operations() if op.name.endswith('weights')]
        known = [name for name, _ in tf.train.list_variables(checkpoint) if name.endswith('weights')]
        assert sorted(names) == sorted(known)  # each once, a shared one too
        assert_close(session.run(outputs), expected)


def test_images_may_be_normalised_already(saved):
    network, checkpoint, expected = saved
    with tf.Graph().as_default(), tf.Session() as session:
        images = normalise(tf.constant(images_of(network)), CAFFE, PlainOps())
        assert_close(session.run(build_network(images, network, training=False, checkpoint=checkpoint, normalised=True)), expected)


@pytest.mark.parametrize('preset', sorted(set(PRESETS) - {'tiny'}))
def test_the_weights_that_see_the_images_do_what_normalising_would(preset):
    network = preset_config(preset, network=dict(num_classes=4)).network
    with tf.Graph().as_default():
        build_network(tf.zeros([1, network.image_size, network.image_size, 3]), network, training=False)
        weights = [variable.op.name for variable in tf.global_variables() if variable.shape.as_list()[-2:-1] == [3]]
    assert weights == [TRUNKS[network.trunk].first_weights]


def test_the_graph_needs_the_checkpoint_no_more(saved, tmp_path):
    network, checkpoint, expected = saved
    with tf.Graph().as_default() as graph:
        build_network(tf.constant(images_of(network)), network, training=False, checkpoint=checkpoint)
        definition = graph.as_graph_def()
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(definition, name='')
        assert_close(session.run({key: key + ':0' for key in expected}), expected)


@pytest.mark.parametrize('constant', [True, False])
def test_predict_takes_constants_where_the_platform_wants_them(saved, constant):
    network, checkpoint, expected = saved
    params = {'config': preset_config('tiny').replace(network=vars(network)), 'checkpoint': checkpoint,
              'platform': ModelParams(constant_weights=constant, raw_predictions=True)}
    with tf.Graph().as_default():
        spec = model_fn({'image': tf.constant(images_of(network))}, None, tf.estimator.ModeKeys.PREDICT, params)
        assert sorted(spec.predictions) == sorted(expected)
        assert bool(tf.global_variables()) != constant


def test_folding_by_hand(tmp_path):
    values = {'a/weights': [[[[3., 5.]]]], 'a/BatchNorm/gamma': [2., 2.], 'a/BatchNorm/beta': [1., 1.], 'a/BatchNorm/moving_mean': [4., 0.],
              'a/BatchNorm/moving_variance': [4. - 1e-5, 1. - 1e-5], 'b/weights': [[[[7.]]]], 'b/biases': [8.], 'c/weights': [[[[1.], [2.], [3.]]]],
              'd/depthwise_kernel': [[[[3.], [5.]]]]}
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in values.items():
            tf.get_variable(name, initializer=tf.constant(value))
        session.run(tf.global_variables_initializer())
        checkpoint = tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'))
    folded = FoldedValues(checkpoint, of_images={'c/weights': CAFFE})
    for weights in 'a/weights', 'd/depthwise_kernel':
        folded.follow(weights, 'a/BatchNorm', 1e-5)
    assert folded.get('a/weights', [1, 1, 1, 2]).ravel().tolist() == pytest.approx([3, 10])  # scale 2 / sqrt(4), 2 / sqrt(1)
    assert folded.get('d/depthwise_kernel', [1, 1, 2, 1]).ravel().tolist() == pytest.approx([3, 10])  # by channels of the input
    assert folded.get('a/BatchNorm/beta', [2]).tolist() == pytest.approx([1 - 4, 1])
    assert (folded.get('b/weights', [1, 1, 1, 1]), folded.get('b/biases', [1])) == (7, 8)
    with pytest.raises(UserError, match=r'model.ckpt is of another network \(b/biases has shape \[1\] instead of \[2\]\)'):
        folded.get('b/biases', [2])
    assert folded.get('c/weights', [1, 1, 3, 1]).ravel().tolist() == [3 * 255, 2 * 255, 255]  # of RGB in [0, 1]
    assert FoldedValues(checkpoint, of_images={'c/weights': EFFICIENTNET_LITE}).get('c/weights', [1, 1, 3, 1]).ravel().tolist() == [
        255 / 128, 2 * 255 / 128, 3 * 255 / 128]
    assert FoldedValues(checkpoint, of_images={'c/weights': TORCHVISION}).get('c/weights', [1, 1, 3, 1]).ravel().tolist() == pytest.approx([
        1 / .229, 2 / .224, 3 / .225])
    with pytest.raises(UserError, match='it has no e/weights'):
        folded.get('e/weights', [1])


def test_trained_with_another_class_count(saved):
    network, checkpoint, _ = saved
    other = preset_config('tiny').replace(network=dict(vars(network), num_classes=9)).network
    with tf.Graph().as_default(), pytest.raises(UserError, match='has shape .* instead of'):
        build_network(tf.constant(images_of(other)), other, training=False, checkpoint=checkpoint)
    assert os.path.exists(checkpoint + '.index')
