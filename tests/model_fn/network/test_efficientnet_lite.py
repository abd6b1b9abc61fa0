"""EfficientNet-Lite0: the layers of the public PyTorch code, from a state dict of it; names, sizes, and the whole network."""
import os

import numpy as np
import pytest

from blitznet_estimator.graph_scan import scan
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn import model_fn
from model_fn.network.build import build_network, normalise
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks import efficientnet_lite
from model_fn.training.warm_start import warm_start
from tests.model_fn.network.named_weights import fill
from tests.model_fn.weights import torch_files, torch_values
from tests.paths import GOLDEN

TRUNK = TRUNKS['lite0']


def network(**options):
    return preset_config('lite0', network=dict(dict(num_classes=4, image_size=96), **options)).network


@pytest.fixture
def golden():
    return np.load(os.path.join(GOLDEN, 'lite0.npz'))


@pytest.fixture
def state_dict(golden, tmp_path, monkeypatch):
    """A .pth file of EfficientNet-Lite0."""
    shapes = {str(name): tuple(map(int, shape.split())) for name, shape in zip(golden['names'], golden['shapes'])}
    arrays = {name: torch_values.value(name, shape) for name, shape in shapes.items()}
    return torch_files.save(tmp_path / 'lite0.pth', arrays, False, monkeypatch)


def test_every_block_gives_what_pytorch_code_gives(golden, state_dict, tmp_path):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = normalise(tf.constant(torch_values.images(97) / 255), TRUNK.normalisation, PlainOps())
        maps = efficientnet_lite.build_trunk(images, TRUNK.scope, Layers(PlainOps(), training=False, bn_decay=.9))
        report = warm_start(state_dict, network(), str(tmp_path))
        session.run(tf.global_variables_initializer())
        ends = {'stem': graph.get_tensor_by_name('efficientnet-lite0/stem/Relu6:0')}
        for i in range(16):
            ends['blocks_%d' % i] = [op for op in graph.get_operations() if op.name.startswith('efficientnet-lite0/blocks_%d/' % i)
                                     and op.type in ('FusedBatchNormV3', 'Add', 'AddV2')][-1].outputs[0]
        found, maps = session.run([ends, maps])
    assert report.initialised == () and report.skipped == ()
    for name, values in found.items():
        assert values.shape == tuple(golden[name + '/shape'])
        np.testing.assert_allclose(values.ravel()[golden[name + '/index']], golden[name + '/value'], rtol=0, atol=1e-4, err_msg=name)
    for number, block in enumerate((2, 4, 10, 15), start=1):
        np.testing.assert_array_equal(maps[number], found['blocks_%d' % block])


def test_names_are_those_of_the_published_checkpoint():
    with tf.Graph().as_default():
        efficientnet_lite.build_trunk(tf.zeros([1, 32, 32, 3]), TRUNK.scope, Layers(PlainOps(), training=False, bn_decay=.9))
        shapes = {variable.op.name[len('efficientnet-lite0/'):]: variable.shape.as_list() for variable in tf.global_variables()}
    assert shapes['stem/conv2d/kernel'] == [3, 3, 3, 32] and shapes['stem/tpu_batch_normalization/gamma'] == [32]
    assert shapes['blocks_0/depthwise_conv2d/depthwise_kernel'] == [3, 3, 32, 1] and shapes['blocks_0/conv2d/kernel'] == [1, 1, 32, 16]
    assert {name for name in shapes if name.startswith('blocks_15/') and name.endswith(('kernel', 'gamma'))} == {'blocks_15/' + name for name in (
        'conv2d/kernel', 'tpu_batch_normalization/gamma', 'depthwise_conv2d/depthwise_kernel', 'tpu_batch_normalization_1/gamma',
        'conv2d_1/kernel', 'tpu_batch_normalization_2/gamma')}
    assert len(shapes) == 5 * (1 + 2 + 15 * 3)  # a kernel and four of batch norm for each convolution
    trainable = sum(np.prod(shape) for name, shape in shapes.items() if '/moving_' not in name)
    assert trainable == 4652008 - (320 * 1280 + 2 * 1280) - (1280 * 1000 + 1000)  # those of the whole network less the head's and the classifier's


@pytest.mark.parametrize('side', [32, 97, 128])
def test_the_maps_have_the_sides_that_are_described(side):
    config = network(image_size=side)
    with tf.Graph().as_default() as graph:
        outputs = build_network(tf.placeholder(tf.float32, [2, side, side, 3], name='input'), config, training=True)
        assert outputs['confidence'].shape.as_list() == [2, config.num_anchors, 4]
        assert outputs['segmentation'].shape.as_list() == [2, -(-side // 4), -(-side // 4), 4]
        assert scan(graph, ['input'], outputs.values()) == []


def test_folded_weights_give_the_same_outputs(tmp_path):
    images = np.random.RandomState(3).rand(1, 96, 96, 3).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = build_network(tf.constant(images), network(), training=False, cpu_precision='fp32')
        fill(tf.global_variables(), session)
        checkpoint = tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'))
        expected = session.run(outputs)
    for normalised in (False, True):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            given = normalise(tf.constant(images), TRUNK.normalisation, PlainOps()) if normalised else tf.constant(images)
            found = session.run(build_network(given, network(), training=False, checkpoint=checkpoint, normalised=normalised))
            assert not [op for op in graph.get_operations() if 'BatchNorm' in op.type]
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, atol=2e-5 * np.abs(values).max(), err_msg=key)


def test_pixels_are_less_127_by_128_in_the_order_red_green_blue():
    with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(normalise(tf.constant([[[[1., .5, 0.]]]]), TRUNK.normalisation, PlainOps()))
    np.testing.assert_allclose(found, [[[[1, .5 / 128, -127 / 128]]]], atol=1e-6)


@pytest.mark.slow
def test_three_steps_of_training_from_published_weights(state_dict, tmp_path):
    config = preset_config('lite0', network=dict(num_classes=4, image_size=32), train=dict(warm_start_from=state_dict, learning_rate=1e-3),
                           run=dict(model_dir=str(tmp_path / 'run')))
    anchors = config.network.num_anchors

    def input_fn():
        images = np.random.RandomState(0).rand(2, 32, 32, 3).astype(np.float32)
        labels = {'match': np.tile(np.int32([[0, -1]]), [2, anchors // 2]), 'boxes': np.float32([[[.1, .2, .7, .9]]] * 2),
                  'classes': np.ones([2, 1], np.int32), 'mask': np.ones([2, 8, 8], np.int32)}
        return tf.data.Dataset.from_tensors(({'image': images}, labels)).repeat()

    tf.estimator.Estimator(model_fn, config.run.model_dir, params={'config': config}).train(input_fn, max_steps=3)
    trained = tf.train.load_checkpoint(config.run.model_dir)
    started = tf.train.load_checkpoint(str(next((tmp_path / 'run' / 'warm_start').glob('efficientnet-*')) / 'trunk.ckpt'))
    for name in started.get_variable_to_shape_map():
        before, after = started.get_tensor(name), trained.get_tensor(name)
        assert np.isfinite(after).all() and (before != after).any(), name
        if name.endswith('kernel'):
            np.testing.assert_allclose(after, before, atol=3.1e-3, err_msg=name)  # a step of Adam is about its rate
