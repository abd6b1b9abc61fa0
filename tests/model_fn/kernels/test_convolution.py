"""Fast convolutions: the direct one's values and gradients, wherever they are used, and nowhere else."""
import numpy as np
import pytest
from tensorflow.python.grappler.item import Item

from blitznet_estimator.platforms.local import CpuPlatform
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import IS_TF1, tf
from model_fn.kernels import convolution, cpu, pixel_gather, winograd
from model_fn.network import layers
from model_fn.network.build import build_network
from tests.model_fn.network.named_weights import NETWORKS, fill, golden_figures, golden_image


def products(graph, counts=(36, 49)):
    """How many of Winograd's products, of so many matrices, a graph holds."""
    found = [int(op.outputs[0].shape[0]) for op in graph.get_operations() if op.type.startswith('BatchMatMul')]
    parts = [[len(part) for part in np.array_split(np.arange(count), winograd.PARTS)] for count in counts]
    return sum(found.count(sizes[0]) / sizes.count(sizes[0]) for sizes in parts)


TILINGS = pytest.mark.parametrize('tiling, tolerance', [(winograd.TILES_OF_4, 2e-5), (winograd.TILES_OF_5, 5e-5)])


@TILINGS
@pytest.mark.parametrize('height, width, parts', [(8, 8, 1), (9, 6, 2), (3, 5, 1), (19, 21, 2)])
def test_values_and_gradients_are_those_of_the_direct_sum(height, width, parts, tiling, tolerance, monkeypatch):
    monkeypatch.setattr(winograd, 'PARTS', parts)
    random = np.random.RandomState(0)
    x, weights, dy = [random.randn(*shape).astype(np.float32) for shape in ((2, height, width, 5), (3, 3, 5, 7), (2, height, width, 7))]
    with tf.Graph().as_default(), tf.Session() as session:
        x, weights = tf.constant(x), tf.constant(weights)
        results = []
        for y in tf.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding='SAME'), tiling.conv3x3(x, weights):
            results.append(session.run([y] + tf.gradients(y, [x, weights], dy)))
    for direct, found in zip(*results):
        assert found.shape == direct.shape
        np.testing.assert_allclose(found, direct, atol=tolerance * np.abs(direct).max())


@TILINGS
def test_rounding_errors_are_small_at_the_depth_of_the_heads(tiling, tolerance):
    random = np.random.RandomState(1)
    x, weights = random.rand(1, 12, 12, 512), random.randn(3, 3, 512, 16)
    with tf.Graph().as_default(), tf.Session() as session:
        exact = session.run(tf.nn.conv2d(x, weights, strides=[1, 1, 1, 1], padding='SAME'))
        found = session.run(tiling.conv3x3(tf.constant(x, tf.float32), tf.constant(weights, tf.float32)))
    assert np.abs(found - exact).max() < tolerance * exact.std()


def test_constant_weights_that_tensorflow_does_not_transform_ahead_are_transformed_here(monkeypatch):
    x, weights = [np.random.RandomState(0).rand(*shape).astype(np.float32) for shape in ((1, 8, 8, 5), (3, 3, 5, 7))]

    def convolve():
        with tf.Graph().as_default() as graph, tf.Session() as session:
            y = session.run(winograd.conv3x3(tf.constant(x), tf.constant(weights)))
        made = [op for op in graph.get_operations() if op.type == 'MatMul' and op.inputs[0].shape.as_list() == [49, 9]]
        return y, len(made)
    values, made = convolve()
    monkeypatch.setattr(winograd, 'FOLDED_BYTES', 36 * 5 * 7 * 4 - 1)
    found, made_at_each_step = convolve()
    assert (made, made_at_each_step) == (1, 0)
    np.testing.assert_allclose(found, values, rtol=1e-5)
    monkeypatch.setattr(winograd, 'FOLDED_BYTES', 49 * 5 * 7 * 4)
    assert convolve()[1] == 1


@pytest.mark.parametrize('limit, count', [(36 * 4 - 1, 49), (36 * 4, 36), (49 * 4 - 1, 36), (49 * 4, 49)])
def test_tiles_are_smaller_where_tensorflow_transforms_only_their_filter(limit, count, monkeypatch):
    monkeypatch.setattr(winograd, 'FOLDED_BYTES', limit)
    with tf.Graph().as_default() as graph:
        winograd.conv3x3(tf.placeholder(tf.float32, [2, 8, 8, 1]), tf.ones([3, 3, 1, 1]))
    assert (products(graph, [count]), products(graph)) == (1, 1)


def test_the_batch_may_be_unknown():
    x = np.random.RandomState(0).rand(3, 6, 6, 2).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 6, 6, 2])
        y = winograd.conv3x3(images, tf.ones([3, 3, 2, 4]))
        assert y.shape.as_list() == [None, 6, 6, 4]
        np.testing.assert_allclose(session.run(y, {images: x})[:, 1, 1, 0], x[:, :3, :3].sum((1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize('function, side', [(lambda x: winograd.conv3x3(x, tf.ones([3, 3, 2, 2])), 6), (lambda x: pixel_gather.every(x, 2), 3)])
def test_tensorflow_sees_that_an_unknown_batch_stays_the_same(function, side):
    """As it must, to fuse the addition of a shortcut with the convolution before it."""
    with tf.Graph().as_default():
        x = tf.reshape(tf.placeholder(tf.float32), [-1, 6, 6, 2])
        y = function(x)
        tf.add_to_collection(tf.GraphKeys.TRAIN_OP, y)
        found = Item(tf.train.export_meta_graph()).GetOpProperties()
    before, after = [[dim.size for dim in found[tensor.op.name][0].shape.dim] for tensor in (x, y)]
    assert after == [before[0], side, side, 2]
    assert before[0] < -1  # a symbol; -1 would be any number


@pytest.mark.parametrize('shape, options, expected', [
    ([1, 38, 38, 512], {}, True), ([1, 18, 38, 512], {}, False), ([1, 38, 38, 64], {}, False), ([1, 38, 38, 128], {}, True),
    ([1, 38, 38, 512], dict(depth=64), False), ([1, 38, 38, 512], dict(stride=2), False), ([1, 38, 38, 512], dict(padding='VALID'), False),
    ([1, 38, 38, 512], dict(size=1), False), ([1, 38, 38, 512], dict(rate=2), False)])
def test_winograd_is_used_for_the_shapes_it_is_faster_for(shape, options, expected):
    options = dict(dict(size=3, depth=150), **options)
    size, depth = options.pop('size'), options.pop('depth')
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph, cpu.tuned(precision):
            convolution.convolve(tf.placeholder(tf.float32, shape), tf.ones([size, size, shape[-1], depth]), **options)
        assert products(graph) == (expected and precision == 'fp32')


def test_pixels_are_gathered_for_strides_only_on_a_cpu():
    x = np.random.RandomState(0).rand(2, 7, 6, 3).astype(np.float32)
    for precision, expected in (None, 'MaxPool'), ('fp32', 'GatherV2'):
        with tf.Graph().as_default() as graph, cpu.tuned(precision), tf.Session() as session:
            np.testing.assert_array_equal(session.run(convolution.subsample(tf.constant(x), 2)), x[:, ::2, ::2])
            assert {op.type for op in graph.get_operations()} & {'MaxPool', 'GatherV2'} == {expected}


def test_a_pair_of_convolutions_is_one_with_the_same_variables_and_values():
    x = np.random.RandomState(0).rand(1, 20, 20, 256).astype(np.float32)
    found = []
    for precision in None, 'fp32', 'mixed':
        with tf.Graph().as_default() as graph, tf.Session() as session, cpu.tuned(precision):
            outputs = layers.conv_pair(tf.constant(x), [84, 16], 3, ['confidence', 'location'])
            assert products(graph) == (precision == 'fp32')
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
    for tuned in None, precision:
        with tf.Graph().as_default(), tf.Session() as session:
            x, weights, dy = [tf.placeholder_with_default(array, array.shape) for array in arrays]
            with cpu.tuned(tuned, with_gradients=True):
                y = convolution.convolve(x, weights)
            found.append(session.run(tf.gradients(y, [x, weights], dy)))
    for plain, values in zip(*found):
        assert values.shape == plain.shape
        np.testing.assert_allclose(values, plain, atol=3e-5 * np.abs(plain).max())


def own_gradients(precision, with_gradients, **options):
    """How many of a convolution's gradients are made by TensorFlow's own ops."""
    with tf.Graph().as_default() as graph:
        x, weights = tf.placeholder(tf.float32, [None, 10, 10, 512]), tf.placeholder(tf.float32, [1, 1, 512, 64])
        with cpu.tuned(precision, with_gradients):
            y = convolution.convolve(x, weights, **options)
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
        assert products(graph) >= 3 and not any(op.type == 'ResizeNearestNeighbor' for op in graph.get_operations())
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
