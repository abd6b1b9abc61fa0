"""Which form an operation and its gradient have: the fast ones where they pay, with the plain ones' values, and nowhere else."""
import numpy as np
import pytest

from blitznet_estimator.platforms.local import CpuPlatform
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels.dispatch import choose
from model_fn.network.build import build_network
from model_fn.network.layers import Layers
from tests.model_fn.kernels.test_winograd import winograd_products
from tests.model_fn.network.named_weights import NETWORKS, fill, golden_figures, golden_image


@pytest.mark.parametrize('shape, options, expected', [
    ([1, 38, 38, 512], {}, True), ([1, 18, 38, 512], {}, False), ([1, 38, 38, 64], {}, False), ([1, 38, 38, 128], {}, True),
    ([1, 38, 38, 512], dict(depth=64), False), ([1, 38, 38, 512], dict(stride=2), False), ([1, 38, 38, 512], dict(padding='VALID'), False),
    ([1, 38, 38, 512], dict(size=1), False), ([1, 38, 38, 512], dict(rate=2), False)])
def test_winograd_is_used_for_the_shapes_it_is_faster_for(shape, options, expected):
    options = dict(dict(size=3, depth=150), **options)
    size, depth = options.pop('size'), options.pop('depth')
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph:
            choose(precision, with_gradients=False).convolve(tf.placeholder(tf.float32, shape), tf.ones([size, size, shape[-1], depth]), **options)
        assert winograd_products(graph) == (expected and precision == 'fp32')


def test_pixels_are_gathered_for_strides_only_on_a_cpu():
    x = np.random.RandomState(0).rand(2, 7, 6, 3).astype(np.float32)
    for precision, expected in (None, 'MaxPool'), ('fp32', 'GatherV2'):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            y = choose(precision, with_gradients=False).strided_pixels(tf.constant(x), 2)
            np.testing.assert_array_equal(session.run(y), x[:, ::2, ::2])
            assert {op.type for op in graph.get_operations()} & {'MaxPool', 'GatherV2'} == {expected}


def test_a_pair_of_convolutions_is_one_with_the_same_variables_and_values():
    x = np.random.RandomState(0).rand(1, 20, 20, 256).astype(np.float32)
    found = []
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            layers = Layers(choose(precision, with_gradients=False), training=False, bn_decay=.9)
            outputs = layers.conv_pair(tf.constant(x), [84, 16], 3, ['confidence', 'location'])
            assert winograd_products(graph) == (precision == 'fp32')
            assert sum(op.type == 'Conv2D' for op in graph.get_operations()) == {None: 2, 'fp32': 0, 'mixed': 1}[precision]
            assert sorted(v.op.name for v in tf.global_variables()) == [
                'confidence/biases', 'confidence/weights', 'location/biases', 'location/weights']
            for i, variable in enumerate(tf.global_variables()):
                variable.load(np.random.RandomState(i).randn(*variable.shape.as_list()), session)
            found.append(session.run(outputs))
    for plain, *paired in zip(*found):
        for values in paired:
            np.testing.assert_allclose(values, plain, atol=2e-5 * np.abs(plain).max())


@pytest.mark.parametrize('precision', ['fp32', 'mixed'])
@pytest.mark.parametrize('side, channels, depth, size', [
    (6, 8, 3, 1), (40, 4, 8, 1), (1, 8, 8, 3), (6, 8, 8, 3), (12, 8, 8, 3), (20, 9, 3, 3), (40, 4, 4, 3), (20, 128, 96, 3), (20, 128, 8, 3)])
def test_gradients_are_those_of_the_plain_op_whatever_they_are_made_of(side, channels, depth, size, precision):
    random = np.random.RandomState(0)
    arrays = [random.randn(*shape).astype(np.float32) for shape in ((2, side, side, channels), (size, size, channels, depth), (2, side, side, depth))]
    found = []
    for cpu_precision in None, precision:
        with tf.Graph().as_default(), tf.Session() as session:
            x, weights, dy = [tf.placeholder_with_default(array, array.shape) for array in arrays]
            y = choose(cpu_precision, with_gradients=True).convolve(x, weights)
            found.append(session.run(tf.gradients(y, [x, weights], dy)))
    for plain, values in zip(*found):
        assert values.shape == plain.shape
        np.testing.assert_allclose(values, plain, atol=3e-5 * np.abs(plain).max())


def own_gradients(precision, with_gradients, **options):
    """How many of a convolution's gradients are made by TensorFlow's own ops."""
    with tf.Graph().as_default() as graph:
        x, weights = tf.placeholder(tf.float32, [None, 10, 10, 512]), tf.placeholder(tf.float32, [1, 1, 512, 64])
        y = choose(precision, with_gradients).convolve(x, weights, **options)
        tf.gradients(y, [x, weights])
    return sum(op.type.startswith('Conv2DBackprop') for op in graph.get_operations())


def test_gradients_are_products_only_where_a_graph_trains_on_a_cpu():
    assert own_gradients('mixed', True) == 0
    assert own_gradients('fp32', True) == (0 if IS_TF1 else 1)
    assert own_gradients('mixed', False) == own_gradients(None, True) == own_gradients('mixed', True, stride=2) == 2


@pytest.mark.parametrize('training', [False, True])
def test_raw_outputs_of_blitznet300_are_those_of_the_public_reference(training):
    network = NETWORKS['blitznet300_x4']
    golden = golden_figures('blitznet300_x4_%s' % ('train' if training else 'eval'))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        batch = golden['confidence'][0][0]
        images = tf.placeholder(tf.float32, [batch, 300, 300, 3])
        outputs = build_network(images, network, training, cpu_precision='fp32')
        assert winograd_products(graph) >= 3 and not any(op.type == 'ResizeNearestNeighbor' for op in graph.get_operations())
        fill(tf.global_variables(), session)
        found = session.run(outputs, {images: golden_image(300, batch)})
    for key, (_, index, values) in golden.items():
        np.testing.assert_allclose(found[key].ravel()[index], values, rtol=0, atol=5e-4, err_msg=key)


@pytest.mark.parametrize('run, precision, expected', [
    (dict(platform='cpu'), 'fp32', 'fp32'), (dict(platform='auto', mode='export'), 'fp32', 'fp32'),
    (dict(platform='gpu', mode='export'), 'fp32', None),
    pytest.param(dict(platform='cpu'), 'mixed', 'mixed', marks=pytest.mark.skipif(IS_TF1, reason='needs bfloat16'))])
def test_only_a_graph_for_a_cpu_is_made_so(run, precision, expected):
    config = preset_config('tiny', run=dict(run, model_dir='unused'), train=dict(precision=precision))
    assert CpuPlatform(config).model_params().cpu_precision == expected


@pytest.mark.parametrize('side, size, stride', [(6, 3, 1), (7, 5, 1), (3, 5, 1), (6, 3, 2), (7, 5, 2)])
def test_gradients_of_a_depthwise_convolution_are_those_of_the_plain_op(side, size, stride):
    random = np.random.RandomState(side)
    x, weights = random.randn(2, side, side + 1, 8).astype(np.float32), random.randn(size, size, 8, 1).astype(np.float32)
    found, kinds = [], []
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            inputs = tf.constant(x), tf.constant(weights)
            y = choose(precision, with_gradients=True).convolve_channels(*inputs, stride=stride)
            found.append(session.run([y] + tf.gradients(y, inputs, tf.sin(y))))
            kinds.append(sum(op.type == 'DepthwiseConv2dNativeBackpropInput' for op in graph.get_operations()))
    assert kinds == [1, 0, 0] if stride == 1 and not IS_TF1 else kinds == [1, 1, 1]  # with stride 1 the forward op is faster
    for plain, *others in zip(*found):
        for values in others:
            np.testing.assert_allclose(values, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('depth, relu', [(16, False), (24, True), (40, False), (256, True), (264, True)])
def test_batch_norm_is_that_of_the_plain_op_for_any_depth(depth, relu):
    random = np.random.RandomState(depth)
    x, gamma, beta, dy = (random.randn(*shape).astype(np.float32) for shape in ([2, 5, 4, depth], [depth], [depth], [2, 5, 4, depth]))
    found = []
    for precision in None, 'mixed':
        with tf.Graph().as_default() as graph, tf.Session() as session:
            inputs = [tf.constant(values) for values in (x, gamma, beta)]
            y, mean, variance = choose(precision, with_gradients=True).batch_norm(*inputs, 1e-3, relu)
            assert y.shape.as_list() == [2, 5, 4, depth]
            found.append(session.run([y, mean, variance] + tf.gradients(y, inputs, dy)))
            depths = {int(op.inputs[1].shape[0]) for op in graph.get_operations() if op.type.startswith('FusedBatchNormV')}
            assert depths == {depth if precision is None else -(-depth // 16) * 16}  # in bfloat16 others are slow
    for plain, faster in zip(*found):
        np.testing.assert_allclose(faster, plain, rtol=1e-4, atol=2e-5)
