"""ResNet-18 and ResNet-34: the blocks of torchvision, from a state dict of it; names, sizes, and the images' normalisation."""
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.build import build_network, normalise
from model_fn.network.layers import Layers
from model_fn.network.ops import PlainOps
from model_fn.network.trunks import basic_resnet
from model_fn.training.warm_start import warm_start
from model_fn.weights.named_arrays import NamedArrays
from tests.model_fn.weights import torch_files, torch_values
from tests.paths import GOLDEN

SIDE = 70  # and 35, 18, 9, 5, 3: PyTorch's padding and SAME differ where a side is even
NAMES = sorted(basic_resnet.UNITS)


def network(name, **options):
    return preset_config('resnet18', network=dict(dict(trunk=name, num_classes=4, image_size=96), **options)).network


def build_trunk(images, name):
    return basic_resnet.build_trunk(images, name, Layers(PlainOps(), training=False, bn_decay=.9))


def modules(name, depth=2):
    """NamedArrays of the modules of torchvision's network, with arrays of `depth` channels."""
    groups = {'fc': [np.ones([9, depth]), np.ones(9)]}
    pairs = [('conv1', 'bn1')] + [('layer%d.%d.conv%d' % (i, j, k), 'layer%d.%d.bn%d' % (i, j, k)) for k in (1, 2) for i, units in enumerate(
        basic_resnet.UNITS[name], start=1) for j in range(units)] + [('layer%d.0.downsample.0' % i, 'layer%d.0.downsample.1' % i) for i in (2, 3, 4)]
    for convolution, norm in pairs:
        groups.update({convolution: [np.ones([depth, 3, 1, 1])], norm: [np.ones(depth)] * 4})
    return NamedArrays('a.pth', groups)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_every_block_gives_what_torchvision_gives(name, tmp_path, monkeypatch):
    golden = np.load(os.path.join(GOLDEN, 'basic_resnet.npz'))
    names, shapes = [golden['%s/%s' % (name, part)] for part in ('names', 'shapes')]
    arrays = {str(key): torch_values.value(str(key), tuple(map(int, shape.split()))) for key, shape in zip(names, shapes)}
    state_dict = torch_files.save(tmp_path / 'resnet.pth', arrays, True, monkeypatch)
    with tf.Graph().as_default(), tf.Session() as session:
        maps = build_trunk(normalise(tf.constant(torch_values.images(SIDE) / 255), TRUNKS[name].normalisation, PlainOps()), name)
        report = warm_start(state_dict, network(name), str(tmp_path))
        session.run(tf.global_variables_initializer())
        maps = session.run(maps)
    assert report.initialised == () and report.skipped == ()
    for number, values in maps.items():
        key = '%s/block%d/' % (name, number)
        expected = golden[key + 'value']
        assert values.shape == tuple(golden[key + 'shape'])
        np.testing.assert_allclose(values.ravel()[golden[key + 'index']], expected, rtol=0, atol=1e-4 * np.abs(expected).max(), err_msg=key)


@pytest.mark.parametrize('name, trainable', [('resnet18', 11689512), ('resnet34', 21797672)])
def test_its_parameters_are_those_of_torchvision_less_the_classifier(name, trainable):
    with tf.Graph().as_default():
        build_trunk(tf.zeros([1, 32, 32, 3]), name)
        variables = {variable.op.name: variable.shape.as_list() for variable in tf.trainable_variables()}
    assert sum(np.prod(shape) for shape in variables.values()) == trainable - (512 * 1000 + 1000)
    assert variables['resnet_v1_%s/block2/unit_1/basic_v1/shortcut/weights' % name[-2:]] == [1, 1, 64, 128]


@pytest.mark.parametrize('name', NAMES)
def test_all_of_a_state_dict_and_nothing_else(name):
    with tf.Graph().as_default():
        build_trunk(tf.zeros([1, 32, 32, 3]), name)
        wanted = {variable.op.name for variable in tf.global_variables()}
    assert set(basic_resnet.CONVERT['PyTorch'](modules(name), TRUNKS[name])) == wanted


@pytest.mark.parametrize('of, name, reason', [
    ('resnet34', 'resnet18', 'this trunk has no layer1.2.bn1'), ('resnet18', 'resnet34', 'it has no layer1.2.conv1')])
def test_another_depth_is_refused(of, name, reason):
    with pytest.raises(UserError, match='a.pth does not fit the trunk: ' + reason):
        basic_resnet.CONVERT['PyTorch'](modules(of), TRUNKS[name])


@pytest.mark.parametrize('side', [32, 97, 128])
def test_the_maps_have_the_sides_that_are_described(side):
    config = network('resnet18', image_size=side)
    with tf.Graph().as_default():
        outputs = build_network(tf.placeholder(tf.float32, [2, side, side, 3]), config, training=False)
        assert outputs['confidence'].shape.as_list() == [2, config.num_anchors, 4]
        assert outputs['segmentation'].shape.as_list() == [2, -(-side // 4), -(-side // 4), 4]


def test_each_channel_has_its_own_mean_and_deviation():
    with tf.Graph().as_default(), tf.Session() as session:
        found = session.run(normalise(tf.constant([[[[1., .5, 0.]]]]), TRUNKS['resnet18'].normalisation, PlainOps()))
    np.testing.assert_allclose(found, [[[[(1 - .485) / .229, (.5 - .456) / .224, -.406 / .225]]]], rtol=1e-6)
