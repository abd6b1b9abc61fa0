"""The network: published outputs, names and sizes; options; other sizes of image."""
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.normalisation import CAFFE
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.kernels.dispatch import choose
from model_fn.network.build import build_network, normalise
from tests.model_fn.graphs import ancestors, readers
from tests.model_fn.network.named_weights import GOLDEN, NETWORKS, fill, golden_figures, golden_image, golden_variables, value

# Trainable weights with 21 classes. The published blitznet300 x4 has 59.4 million.
PARAMETERS = {'blitznet300_x4': 59379951, 'blitznet300_nox4': 58330841, 'blitznet512_x4': 69583621, 'blitznet512_nox4': 68534511, 'ssd300': 26285486}


@pytest.fixture(scope='module', autouse=True)
def forget_weights():
    yield
    value.cache_clear()  # 300 MB


def build(network, training=False, batch=2, cpu_precision=None):
    side = network.image_size
    return build_network(tf.placeholder(tf.float32, [batch, side, side, 3], name='input'), network, training, cpu_precision=cpu_precision)


def described(variables):
    return sorted('%s %s' % (variable.op.name, variable.shape.as_list()) for variable in variables)


def trainable_parameters():
    return sum(int(np.prod(variable.shape.as_list())) for variable in tf.trainable_variables())


def count_parameters(network):
    with tf.Graph().as_default():
        build(network)
        return trainable_parameters()


def assert_graph(graph, outputs, name):
    """The published variables, and a graph that an NPU takes."""
    assert described(tf.global_variables()) == published_variables(name)
    assert name not in PARAMETERS or trainable_parameters() == PARAMETERS[name]
    assert set(tf.model_variables()) == set(tf.global_variables())
    assert {key: tensor.name for key, tensor in outputs.items()} == {key: key + ':0' for key in outputs}
    assert scan(graph, ['input'], outputs.values()) == []


def published_variables(name):
    if name == 'blitznet300_options':
        return sorted(np.load(os.path.join(GOLDEN, 'net_%s_eval.npz' % name))['variables'])
    if name == 'blitznet300_resnet101':  # those of ResNet-50, with 17 more units like the last of block3
        lines = [line.replace('resnet_v1_50/', 'resnet_v1_101/') for line in golden_variables('blitznet300_nox4')]
        units = [line.replace('/unit_6/', '/unit_%d/' % unit) for line in lines if '/block3/unit_6/' in line for unit in range(7, 24)]
        return sorted(lines + units)
    return golden_variables({'ssd300': 'ssd300_vgg16'}.get(name, name))


def tiny(**options):
    return preset_config('tiny', network=dict(options, num_classes=5)).network


@pytest.mark.parametrize('name, training', [
    ('blitznet300_x4', False), ('blitznet300_x4', True), ('blitznet300_nox4', False), ('blitznet300_options', False),
    ('blitznet512_nox4', False), ('ssd300', False), pytest.param('blitznet300_resnet101', False, marks=pytest.mark.slow)])
def test_variables_and_raw_outputs_are_those_of_the_public_reference(name, training):
    network = NETWORKS[name]
    golden = golden_figures('%s_%s' % (name, 'train' if training else 'eval'))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        batch = golden['confidence'][0][0]
        outputs = build(network, training, batch)
        assert_graph(graph, outputs, name)
        fill(tf.global_variables(), session)
        found = session.run(outputs, {'input:0': golden_image(network.image_size, batch)})
    assert sorted(found) == sorted(golden)
    for key, (shape, index, values) in golden.items():
        assert found[key].shape == shape
        np.testing.assert_allclose(found[key].ravel()[index], values, rtol=0, atol=5e-4, err_msg=key)


# One of each trunk, and each way through the decoder and the heads
SUMS = {'blitznet300': NETWORKS['blitznet300_x4'], 'ssd300': NETWORKS['ssd300'], 'tiny': tiny(), 'without x4': tiny(x4=False),
        'options': tiny(x4=False, head='shared', resize='nearest', det_kernel=1, seg_filter_size=3)}


@pytest.mark.parametrize('name', sorted(SUMS))
def test_whatever_else_reads_a_summand_does_so_before_the_sum(name):
    """TensorFlow 2.15 adds into a summand in place, in the convolution of the other. One that is still in use it copies, by pointers that all
    calls of the op share: beside a prediction that runs at the same time it crashes, or takes the other's values.
    """
    with tf.Graph().as_default() as graph:
        build(SUMS[name], cpu_precision='fp32')
    sums = [op for op in graph.get_operations() if op.type.startswith('Add')]
    assert len(sums) > 5 or name == 'ssd300'
    for op in sums:
        before = ancestors(op)
        for summand in op.inputs:
            assert all(reader in before or reader == op for reader in readers(summand)), (op.name, summand.name)


def test_variables_of_blitznet512_x4():
    with tf.Graph().as_default() as graph:
        assert_graph(graph, build(NETWORKS['blitznet512_x4']), 'blitznet512_x4')


@pytest.mark.parametrize('preset, options, expected', [  # which no size of image changes, an odd one included
    ('ssd300', dict(image_size=333), PARAMETERS['ssd300']), ('tiny', dict(num_classes=7), 836747),
    ('tiny', dict(num_classes=7, image_size=97), 836747), ('tiny', dict(num_classes=7, image_size=131), 836747), ('lite0', {}, 3675023),
    ('mobile', {}, 2527119), ('resnet18', {}, 12472015), ('resnet18', dict(trunk='resnet34'), 22580175)])
def test_number_of_parameters(preset, options, expected):
    assert count_parameters(preset_config(preset, network=dict(dict(num_classes=21), **options)).network) == expected


def test_the_trunk_is_what_the_classification_checkpoint_holds():
    trunk = [line for line in published_variables('blitznet300_nox4') if line.startswith(TRUNKS['resnet50'].prefixes)]
    assert trunk == [line for line in golden_variables('resnet50_full_ckpt') if '/logits/' not in line]


def test_resnet101_has_17_more_units_in_block3():
    network = preset_config('blitznet300', network=dict(trunk='resnet101', num_classes=21)).network
    unit = 1024 * 256 + 9 * 256 * 256 + 256 * 1024 + 2 * (256 + 256 + 1024)  # three convolutions, gamma and beta
    with tf.Graph().as_default():
        build(network)
        names = {variable.op.name for variable in tf.trainable_variables()}
        assert trainable_parameters() == PARAMETERS['blitznet300_x4'] + 17 * unit
    assert 'resnet_v1_101/block3/unit_23/bottleneck_v1/conv3/weights' in names
    assert 'resnet_v1_101/block3/unit_24/bottleneck_v1/conv3/weights' not in names


@pytest.mark.parametrize('side, x4', [(32, True), (97, False), (128, True), (131, True), (200, False)])
def test_any_image_size(side, x4):
    network = tiny(image_size=side, x4=x4)
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = build(network, batch=1)
        session.run(tf.global_variables_initializer())
        found = session.run(outputs, {'input:0': np.zeros([1, side, side, 3])})
    size = network.segmentation_size
    assert {key: output.shape for key, output in found.items()} == {
        'confidence': (1, network.num_anchors, 5), 'location': (1, network.num_anchors, 4), 'segmentation': (1, size, size, 5)}
    assert all(np.isfinite(output).all() for output in found.values())


def test_an_unknown_batch_size_stays_the_only_unknown():
    with tf.Graph().as_default():
        outputs = build(tiny(), batch=None)
        assert all(output.shape.as_list()[0] is None and None not in output.shape.as_list()[1:] for output in outputs.values())


def test_names_of_the_outputs_hold_in_any_scope():
    with tf.Graph().as_default(), tf.name_scope('somewhere'):
        assert build_network(tf.zeros([1, 128, 128, 3]), tiny(), training=False)['confidence'].name == 'confidence:0'


@pytest.mark.parametrize('off, left, absent', [
    ('detect', ['segmentation'], ('confidence/', 'location/')), ('segment', ['confidence', 'location'], ('Conv',))])
def test_one_head_alone(off, left, absent):
    with tf.Graph().as_default():
        assert sorted(build(tiny(**{off: False}))) == left
        assert not [v for v in tf.global_variables() if v.op.name.startswith(tuple('ssd/' + name for name in absent))]


def test_moving_averages_follow_the_batch_only_in_training():
    network = tiny(bn_decay=.75)
    with tf.Graph().as_default():
        build(network)
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    with tf.Graph().as_default():
        build(network, training=True)
        moving = [v for v in tf.global_variables() if '/moving_' in v.op.name]
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == len(moving) > 0
        assert not set(moving) & set(tf.trainable_variables())


@pytest.mark.parametrize('cpu_precision', [None, 'fp32'])
def test_normalise_gives_bgr_without_the_mean(cpu_precision):
    images = np.random.RandomState(0).rand(2, 4, 5, 3).astype('f')
    images[1, 2, 3] = 1, .5, 0
    with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(normalise(tf.constant(images), CAFFE, choose(cpu_precision, with_gradients=False)))
    np.testing.assert_allclose(found[1, 2, 3], [-103.062623801, 127.5 - 115.902882574, 255 - 123.151630838], rtol=1e-6)
    np.testing.assert_allclose(found, images[..., ::-1] * 255 - [103.062623801, 115.902882574, 123.151630838], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('network, part', [
    (tiny(detect=False, segment=False), '--nodetect'),
    (preset_config('ssd300', network=dict(num_classes=21, segment=True)).network, '--nosegment'),
    (preset_config('ssd300', network=dict(num_classes=21, x4=True)).network, '--nox4'),
    (preset_config('ssd300', network=dict(num_classes=21, head='shared')).network, '--head'),
    (preset_config('ssd300', network=dict(num_classes=21, image_size=271)).network, '--image_size=271')])
def test_impossible_networks(network, part):
    with tf.Graph().as_default(), pytest.raises(UserError, match=part):
        build(network)


def test_smallest_ssd300():
    network = preset_config('ssd300', network=dict(num_classes=21, image_size=272)).network
    with tf.Graph().as_default():
        assert build(network)['location'].shape.as_list() == [2, network.num_anchors, 4]


def test_the_number_of_classes_must_be_known():
    with tf.Graph().as_default(), pytest.raises(ValueError, match='num_classes is 0'):
        build(preset_config('tiny').network)
