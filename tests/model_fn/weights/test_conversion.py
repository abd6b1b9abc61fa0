"""Weights of others as this network's variables: names, and what folds into batch norm."""
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.layers import EPSILON, Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks import resnet, vgg
from model_fn.weights import converted, slim
from model_fn.weights.named_arrays import NamedArrays, batch_norm
from tests.model_fn.network.named_weights import fill, golden_variables

KERNEL, BIAS, NORM = np.ones([1, 1, 1, 2]), np.array([3., 4.]), [np.array([value, value]) for value in (1., 0., 5., 2.)]


def keras_resnet(units, older=False):
    """Layers of a ResNet by Keras's names, with arrays of two channels; units: of each block."""
    groups = {'predictions': [np.ones([2, 9]), np.ones(9)]}
    for conv, norm in [('conv1', 'bn_conv1') if older else ('conv1_conv', 'conv1_bn')]:
        groups.update({conv: [KERNEL, BIAS], norm: NORM})
    for block, count in enumerate(units, start=2):
        for unit in range(1, count + 1):
            for branch in (['1'] if unit == 1 else []) + ['2a', '2b', '2c']:
                layer = '%d%s_branch%s' % (block, 'abcdef'[unit - 1], branch) if older else 'conv%d_block%d_%d' % (
                    block, unit, ['1', '2a', '2b', '2c'].index(branch))
                names = ('res' + layer, 'bn' + layer) if older else (layer + '_conv', layer + '_bn')
                groups.update(zip(names, ([KERNEL, BIAS], NORM)))
    return NamedArrays('a.h5', groups)


def wanted(network, trunk):
    """Names of a trunk's own variables, of the golden list of a network."""
    return {line.split(' ')[0] for line in golden_variables(network) if line.startswith(TRUNKS[trunk].prefixes) and '/logits/' not in line}


@pytest.mark.parametrize('older', [False, True])
def test_all_of_a_resnet_and_nothing_else(older):
    values = resnet.CONVERT['Keras'](keras_resnet((3, 4, 6, 3), older), TRUNKS['resnet50'])
    assert set(values) == wanted('resnet50_full_ckpt', 'resnet50')
    assert values['resnet_v1_50/block2/unit_1/bottleneck_v1/shortcut/BatchNorm/moving_mean'].tolist() == [5 - 3, 5 - 4]


@pytest.mark.parametrize('units, reason', [((3, 4, 23, 3), 'this trunk has no conv4_block10_1_bn'), ((3, 4, 5, 3), 'it has no conv4_block6_1_conv')])
def test_another_resnet_is_refused(units, reason):
    with pytest.raises(UserError, match='a.h5 does not fit the trunk: ' + reason):
        resnet.CONVERT['Keras'](keras_resnet(units), TRUNKS['resnet50'])


def test_the_older_names_know_any_depth():
    assert resnet._older_names((3, 4, 23, 3))['block3/unit_23/bottleneck_v1/conv1'] == ('res4w_branch2a', 'bn4w_branch2a')


def test_arrays_of_other_ranks_are_refused():
    with pytest.raises(UserError, match=r'conv holds arrays of the shapes \(2,\), where those of 4 and 1 dimensions belong'):
        NamedArrays('a.h5', {'conv': [BIAS]}).take('conv', 4, 1)


@pytest.mark.parametrize('epsilon', [1e-3, 1.001e-5])
def test_bias_and_epsilon_fold_exactly(epsilon):
    random = np.random.RandomState(0)
    x, bias = random.standard_normal((7, 3)), random.standard_normal(3)
    gamma, beta, mean, variance = random.standard_normal((4, 3)) ** 2
    variance *= 1e-4  # so small that epsilon matters
    values = batch_norm('bn', (gamma, beta, mean, variance), epsilon, bias)
    found = values['bn/gamma'] * (x - values['bn/moving_mean']) / np.sqrt(values['bn/moving_variance'] + EPSILON) + values['bn/beta']
    expected = gamma * (x + bias - mean) / np.sqrt(variance + epsilon) + beta
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def keras_vgg(**others):
    groups = {'block%d_conv%d' % (i, j): [KERNEL, BIAS] for i, count in enumerate((2, 2, 3, 3, 3), start=1) for j in range(1, count + 1)}
    return NamedArrays('a.h5', dict(groups, **others))


def test_vgg_without_its_classifier():
    values = vgg.CONVERT['Keras'](keras_vgg(), TRUNKS['vgg16'])
    assert set(values) == {name for name in wanted('ssd300_vgg16', 'vgg16') if '/fc' not in name}


def test_vgg_with_its_classifier_thinned(monkeypatch):
    monkeypatch.setattr(vgg, 'FC6', (7, 7, 2, 16))
    monkeypatch.setattr(vgg, 'FC7', (1, 1, 16, 16))
    of_keras = np.random.RandomState(0).standard_normal((7 * 7 * 2, 16)).astype('f')
    top = dict(fc1=[of_keras, np.arange(16.)], fc2=[of_keras[:16], np.arange(16.)], predictions=[np.ones([1, 9]), np.ones(9)])
    values = vgg.CONVERT['Keras'](keras_vgg(**top), TRUNKS['vgg16'])
    assert set(values) == wanted('ssd300_vgg16', 'vgg16')
    weights = values['vgg_16/fc6/weights']
    assert weights.shape == (3, 3, 2, 4)
    for row, column, channel, output in [(0, 0, 0, 0), (2, 1, 1, 3), (1, 2, 0, 2)]:
        assert weights[row, column, channel, output] == of_keras[(3 * row * 7 + 3 * column) * 2 + channel, 4 * output]
    np.testing.assert_array_equal(values['vgg_16/fc7/weights'][0, 0], of_keras[:16:4, ::4])
    assert values['vgg_16/fc6/biases'].tolist() == values['vgg_16/fc7/biases'].tolist() == [0, 4, 8, 12]
    with pytest.raises(UserError, match=r'fc1 has the shape \(98, 3\)'):
        vgg.CONVERT['Keras'](keras_vgg(**dict(top, fc1=[of_keras[:, :3], np.arange(3.)])), TRUNKS['vgg16'])


def test_slim_sees_rgb(tmp_path):
    first = np.arange(6, dtype='f').reshape(1, 1, 3, 2)
    values = {'resnet_v1_50/conv1/weights': first, 'resnet_v1_50/mean_rgb': np.ones(3, 'f'), 'resnet_v1_50/block1/weights': np.ones(2, 'f'),
              'other': np.ones(1, 'f')}
    prefix = converted.write(values, str(tmp_path / 'slim.ckpt'))
    assert slim.is_slim({name: None for name in values}, TRUNKS['resnet50'])
    found = slim.to_bgr(slim.read(prefix), TRUNKS['resnet50'])
    assert sorted(found) == ['resnet_v1_50/block1/weights', 'resnet_v1_50/conv1/weights']
    assert found['resnet_v1_50/conv1/weights'].ravel().tolist() == [4, 5, 2, 3, 0, 1]


def test_slim_itself_gives_the_same_maps(tmp_path):
    """Its units of stride 2 stand at the end of a block, so that this network's maps are its, before it takes every second pixel."""
    of_slim = pytest.importorskip('tensorflow.contrib.slim')  # of TensorFlow 1.15
    resnet_v1 = pytest.importorskip('tensorflow.contrib.slim.nets').resnet_v1
    rgb = np.random.RandomState(0).uniform(-100, 100, (1, 70, 65, 3)).astype('f')
    with tf.Graph().as_default(), tf.Session() as session:
        with of_slim.arg_scope(resnet_v1.resnet_arg_scope()):
            blocks = [resnet_v1.resnet_v1_block('block%d' % i, 4 * i, 2, 2 if i < 4 else 1) for i in range(1, 5)]
            _, maps = resnet_v1.resnet_v1(tf.constant(rgb), blocks, is_training=False, global_pool=False, scope='resnet_v1_50')
        fill(tf.model_variables(), session)
        expected = session.run([maps['resnet_v1_50/block%d' % i] for i in range(1, 5)])
        checkpoint = tf.train.Saver(tf.model_variables()).save(session, str(tmp_path / 'slim.ckpt'))
    converted.write(slim.to_bgr(slim.read(checkpoint), TRUNKS['resnet50']), str(tmp_path / 'bgr.ckpt'))
    widths = resnet.Widths(64, tuple(resnet.Block(2, 16 * i, 4 * i) for i in range(1, 5)), extra=None)
    with tf.Graph().as_default(), tf.Session() as session:
        maps = resnet.build_resnet(tf.constant(rgb[..., ::-1].copy()), 'resnet_v1_50', widths, 4, Layers(PlainOps(), training=False, bn_decay=.9))
        tf.train.Saver().restore(session, str(tmp_path / 'bgr.ckpt'))
        found = session.run(maps)
    for i, values in enumerate(expected, start=1):
        step = 2 if i < 4 else 1
        assert values.std() > 0
        np.testing.assert_allclose(found[i][:, ::step, ::step], values, atol=1e-4 * np.abs(values).max())
