"""What the scan of a graph finds, and what it lets pass."""
import numpy as np
import pytest

from blitznet_estimator.graph_scan import scan, scan_merged
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import model_fn


@pytest.fixture
def x():
    """An input [4, 3]."""
    with tf.Graph().as_default():
        yield tf.placeholder(tf.float32, [4, 3], name='x')


def problems(x, *ends):
    return scan(x.graph, [x], ends)


def nms(x):
    boxes = tf.concat([x, x], axis=1)[:, :4]
    return tf.image.non_max_suppression(boxes, x[:, 0], 2)


def python(x):
    return tf.py_func(lambda value: value, [x], tf.float32)


def x8(x):
    return tf.bitcast(tf.cast(x, tf.uint8), tf.quint8)


def cond_by_hand(x):
    off, on = tf.raw_ops.Switch(data=x, pred=x[0, 0] > 0)
    return tf.raw_ops.Merge(inputs=[off * 2, on])[0]


FORBIDDEN = {
    'Where': lambda x: tf.where(x > 0), 'boolean_mask (Where)': lambda x: tf.boolean_mask(x, x[:, 0] > 0),
    'Unique': lambda x: tf.unique(x[:, 0])[0], 'UniqueWithCounts': lambda x: tf.unique_with_counts(x[:, 0])[2],
    'DynamicPartition': lambda x: tf.dynamic_partition(x, tf.zeros([4], tf.int32), 2)[0],
    'NonMaxSuppression': nms, 'PyFunc': python, 'Switch': cond_by_hand,
    'string': lambda x: tf.as_string(x), 'float64': lambda x: tf.cast(x, tf.float64), 'complex64': lambda x: tf.cast(x, tf.complex64),
    'unknown size': lambda x: x[:tf.to_int32(x[0, 0])], 'inf or nan': lambda x: tf.minimum(x, np.inf),
    'bits of a scalar': lambda x: tf.bitcast(x[0, 0], tf.int32), 'casts int16': lambda x: tf.cast(tf.cast(x, tf.int16), tf.float32),
    'empty shape': lambda x: x + tf.random_uniform([]), 'empty shape or tensor': lambda x: tf.concat([x, x[:0]], 0),
    'list of operators': lambda x: tf.raw_ops.QuantizedAdd(x=x8(x), y=x8(x), min_x=0., max_x=1., min_y=0., max_y=1.)[0],
    'variant': lambda x: tf.raw_ops.TensorListReserve(element_shape=[3], num_elements=2, element_dtype=tf.float32)}


@pytest.mark.parametrize('what', sorted(FORBIDDEN))
def test_each_bad_thing_is_found(x, what):
    found = problems(x, FORBIDDEN[what](x))
    assert any(what.split('(')[-1].rstrip(')') in line for line in found), found


def test_a_line_names_op_type_and_reason(x):
    assert problems(x, tf.cast(x, tf.float64, name='wide')) == ['wide (Cast): output 0 is float64']


def test_control_inputs_are_followed(x):
    with tf.control_dependencies([tf.Assert(x[0, 0] > 0, ['text'], name='check')]):
        y = tf.identity(x)
    assert any('(Assert)' in line for line in problems(x, y))


def test_nothing_beyond_a_start_or_beside_the_way_is_looked_at(x):
    start = tf.ensure_shape(tf.boolean_mask(x, x[:, 0] > 0), [2, 3], name='start')
    tf.where(x > 0)
    y = start * 2
    assert scan(x.graph, [start], [y]) == scan(x.graph, ['start'], [y.op]) == []
    assert any('(Where)' in line for line in problems(x, y))


def test_an_input_of_unknown_size_is_a_problem():
    with tf.Graph().as_default() as graph:
        y = tf.placeholder(tf.float32, [None, 3], name='images') * 2
        assert 'images (Placeholder): output 0 has an unknown size: (?, 3)' in [line.replace('None', '?') for line in scan(graph, [], [y])]


def test_iterators_are_starts_and_need_not_be_named():
    with tf.Graph().as_default() as graph:
        data = tf.data.Dataset.from_tensors({'image': np.zeros([2, 3], np.float32), 'name': ['a', 'b']})
        batch = tf.data.make_initializable_iterator(data).get_next()
        assert scan(graph, [], [batch['image'] * 2]) == []
        assert any('is a string' in line for line in scan(graph, [], [tf.strings.length(batch['name'])]))


def test_conditions_and_loops_of_tensorflow_pass_with_their_gradients(x):
    chosen = tf.cond(x[0, 0] > 0, lambda: x * 2, lambda: x + 1)
    _, looped = tf.while_loop(lambda i, _: i < 3, lambda i, value: (i + 1, value * chosen), (0, x), maximum_iterations=3)
    assert problems(x, chosen, tf.gradients(chosen, x)[0], looped) == []


def test_conditions_within_conditions_and_loops_pass(x):
    def inner():
        return tf.cond(x[0, 1] > 0, lambda: x * 2, lambda: x + 1)

    chosen = tf.cond(x[0, 0] > 0, inner, lambda: x)
    _, looped = tf.while_loop(lambda i, _: i < 3, lambda i, value: (i + 1, tf.cond(value[0, 0] > 0, lambda: value * 2, lambda: value + 1)),
                              (0, x), maximum_iterations=3)
    assert problems(x, chosen, tf.gradients(chosen, x)[0], looped, tf.gradients(looped, x)[0]) == []


def test_gradients_of_broadcasting_pass(x):
    scale = tf.get_variable('scale', [3])
    assert problems(x, tf.gradients(tf.reduce_sum(x * scale), scale)[0]) == []


@pytest.mark.parametrize('preset', [pytest.param('blitznet300', marks=pytest.mark.slow), 'ssd300', 'tiny'])
def test_training_passes(preset):
    config = preset_config(preset, network=dict(num_classes=7))
    with tf.Graph().as_default() as graph:
        features, labels = _batch(config.network)
        assert scan(graph, [], [model_fn(features, labels, 'train', {'config': config}).train_op], '910') == []


def _batch(network, batch=2, boxes=3):
    side, size = network.image_size, network.segmentation_size
    labels = {'match': tf.placeholder(tf.int32, [batch, network.num_anchors]), 'boxes': tf.placeholder(tf.float32, [batch, boxes, 4]),
              'classes': tf.placeholder(tf.int32, [batch, boxes]), 'mask': tf.placeholder(tf.int32, [batch, size, size])}
    return {'image': tf.placeholder(tf.float32, [batch, side, side, 3])}, labels


def test_kernels_of_the_chip_are_asked_for(x):
    gradient = tf.gradients(tf.nn.relu(x), x)[0]
    assert scan(x.graph, [x], [gradient]) == scan(x.graph, [x], [gradient], '910') == []
    found, = scan(x.graph, [x], [gradient], '310')
    assert '(ReluGrad): the 310 has no kernel for it' in found


def test_operations_that_become_one_and_depend_on_each_other(x):
    first, other = tf.identity(x), tf.identity(x)
    with tf.control_dependencies([first + 1]):
        last = tf.identity(x, name='last')
    assert scan_merged([[first.op, other.op], [last.op]]) == []
    assert [line.split(' (')[0] for line in scan_merged([[first.op, last.op]])] == ['last']
