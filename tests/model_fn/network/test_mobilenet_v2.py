"""MobileNetV2: names and sizes of slim's checkpoint, its averages, and the two sets of names that Keras's files have."""
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn import weights
from model_fn.network.build import build_network, normalise
from model_fn.network.inverted_residual import each_unit
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks import mobilenet_v2
from model_fn.weights import converted
from model_fn.weights.named_arrays import NamedArrays

TRUNK = TRUNKS['mobilenet_v2']


@pytest.fixture(scope='module')
def shapes():
    """{name: shape} of the trunk's variables."""
    with tf.Graph().as_default():
        mobilenet_v2.build_trunk(tf.zeros([1, 32, 32, 3]), TRUNK.scope, Layers(PlainOps(), training=False, bn_decay=.9))
        return {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}


def test_names_are_those_of_slims_checkpoint(shapes):
    assert shapes['MobilenetV2/Conv/weights'] == [3, 3, 3, 32] and shapes['MobilenetV2/Conv/BatchNorm/gamma'] == [32]
    assert shapes['MobilenetV2/expanded_conv/depthwise/depthwise_weights'] == [3, 3, 32, 1]
    assert {name for name in shapes if name.startswith('MobilenetV2/expanded_conv/') and name.endswith('weights')} == {
        'MobilenetV2/expanded_conv/depthwise/depthwise_weights', 'MobilenetV2/expanded_conv/project/weights'}  # the first widens nothing
    assert shapes['MobilenetV2/expanded_conv_16/expand/weights'] == [1, 1, 160, 960]
    assert shapes['MobilenetV2/expanded_conv_16/project/BatchNorm/moving_variance'] == [320]
    assert len(shapes) == 5 * (1 + 2 + 16 * 3)  # the weights and four of batch norm for each convolution
    trainable = sum(np.prod(shape) for name, shape in shapes.items() if '/moving_' not in name)
    assert trainable == 2223872 - (320 * 1280 + 2 * 1280)  # those of Keras's without its classifier, less the last convolution's


@pytest.mark.parametrize('side', [32, 97, 128])
def test_the_maps_have_the_sides_that_are_described(side):
    config = preset_config('mobile', network=dict(num_classes=4, image_size=side)).network
    with tf.Graph().as_default() as graph:
        outputs = build_network(tf.placeholder(tf.float32, [2, side, side, 3], name='input'), config, training=True)
        assert outputs['confidence'].shape.as_list() == [2, config.num_anchors, 4]
        assert outputs['segmentation'].shape.as_list() == [2, -(-side // 4), -(-side // 4), 4]
        assert scan(graph, ['input'], outputs.values()) == []


def test_pixels_are_between_minus_1_and_1():
    with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(normalise(tf.constant([[[[1., .25, 0.]]]]), TRUNK.normalisation, PlainOps()))
    np.testing.assert_allclose(found, [[[[1, -.5, -1]]]], atol=1e-6)


def of_keras(older):
    """NamedArrays of Keras's layers, by the names since 2018 or by those before."""
    def names(i, kind):
        if older:
            return 'mobl%d_conv_%d_%s' % (i, i, kind), 'bn%d_conv_%d_bn_%s' % (i, i, kind)
        stem = ('block_%d_' % i if i else 'expanded_conv_') + kind
        return stem, stem + '_BN'
    pairs = [('Conv1', 'bn_Conv1'), ('Conv_1', 'Conv_1_bn')]
    pairs += [names(i, kind) for i in range(17) for kind in ('expand', 'depthwise', 'project') if i or kind != 'expand']
    groups = {'Logits' if older else 'predictions': [np.ones([2, 9]), np.ones(9)]}
    for convolution, norm in pairs:
        groups.update({convolution: [np.ones([1, 1, 1, 2])], norm: [np.ones(2)] * 4})
    return NamedArrays('a.h5', groups)


@pytest.mark.parametrize('older', [False, True])
def test_all_of_kerass_model_and_nothing_else(older, shapes):
    assert set(mobilenet_v2.CONVERT['Keras'](of_keras(older), TRUNK)) == set(shapes)


def test_another_model_of_keras_is_refused():
    with pytest.raises(UserError, match='a.h5 does not fit the trunk: it has no Conv1; it holds conv1_conv'):
        mobilenet_v2.CONVERT['Keras'](NamedArrays('a.h5', {'conv1_conv': [np.ones([1, 1, 1, 2])]}), TRUNK)


def test_a_checkpoint_of_slim_gives_the_averages_that_it_has(tmp_path, shapes):
    values = {name: np.zeros(shape, 'f') for name, shape in shapes.items()}
    values.update({name + '/ExponentialMovingAverage': np.ones(shape, 'f') for name, shape in shapes.items() if '/moving_' not in name})
    values.update({name + '/RMSProp': value for name, value in values.items() if name.endswith('weights')})
    values.update({'MobilenetV2/Logits/Conv2d_1c_1x1/weights': np.ones([1, 1, 2, 3], 'f'), 'MobilenetV2/Conv_1/weights': np.ones([1, 1, 3, 2], 'f')})
    prefix = converted.write(values, str(tmp_path / 'mobilenet_v2_1.0_224.ckpt'))
    start = weights.find(prefix, 'mobilenet_v2', model_dir=str(tmp_path))
    assert start.is_converted and 'of slim, the averages of its weights' in start.origin
    reader = tf.train.load_checkpoint(start.checkpoint)
    assert set(reader.get_variable_to_shape_map()) == set(shapes)
    for name in shapes:
        assert (reader.get_tensor(name) == (0 if '/moving_' in name else 1)).all(), name


def test_the_units_are_those_of_the_papers_table():
    assert [(row.depth, stride) for row, stride in each_unit(mobilenet_v2.UNITS)] == [
        (16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (96, 1), (96, 1), (96, 1),
        (160, 2), (160, 1), (160, 1), (320, 1)]
