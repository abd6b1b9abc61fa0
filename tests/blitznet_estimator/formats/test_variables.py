"""A graph of constants as one of variables, by hand."""
import numpy as np

from blitznet_estimator.formats.variables import with_variables
from blitznet_estimator.runtime import tf

WEIGHTS = np.arange(40 * 40, dtype=np.float32).reshape(40, 40)  # 6400 bytes


def test_large_constants_become_variables_and_what_depends_on_them_alone_is_computed():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 40], name='x')
        doubled = 2 * tf.constant(WEIGHTS, name='weights')
        with tf.control_dependencies([doubled]):
            small = tf.constant([3.], name='small')
        tf.identity(x @ doubled + small, name='y')
        tf.identity(x @ tf.zeros([40, 50]), name='nobody_asks')
        made = with_variables(graph.as_graph_def(), ['x:0', 'y:0'])
    (variable, value), = made.values.items()
    np.testing.assert_array_equal(value, 2 * WEIGHTS)
    assert variable.shape == (40, 40)
    assert not variable.handle.op.node_def.attr['debug_name'].s  # TensorFlow 1.15 does not load a SavedModel that has it
    assert 'weights' not in [op.name for op in made.graph.get_operations()]
    assert 'nobody_asks' not in [op.name for op in made.graph.get_operations()]
    with tf.Session(graph=made.graph) as session:
        variable.load(value, session)
        found = session.run('y:0', {'x:0': np.eye(40)[1:3]})
    np.testing.assert_array_equal(found, 2 * WEIGHTS[1:3] + 3)


def test_loops_keep_what_they_read():
    with tf.Graph().as_default() as graph:
        table = tf.constant(WEIGHTS)
        count = tf.placeholder(tf.int32, [], name='count')
        total = tf.while_loop(lambda i, sum_: i < count, lambda i, sum_: (i + 1, sum_ + table[i]), (0, tf.zeros([40])))[1]
        tf.identity(total, name='total')
        made = with_variables(graph.as_graph_def(), ['count:0', 'total:0'])
    (variable, value), = made.values.items()
    with tf.Session(graph=made.graph) as session:
        variable.load(value, session)
        np.testing.assert_array_equal(session.run('total:0', {'count:0': 3}), WEIGHTS[:3].sum(axis=0))
