"""Gradients of our own: what `attach` gives, and that nothing of a graph is kept once it is dropped."""
import gc
import weakref

import numpy as np
import pytest
from tensorflow.python.framework import ops

from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients, thresholds
from tests.model_fn.test_model_fn import Modes, build, make_batch, small_config

REGISTRY = ops.gradient_registry if hasattr(ops, 'gradient_registry') else ops._gradient_registry  # of TensorFlow 2.15, of 1.15

gradients.register('GradientOfTestScaling', lambda x, factor, dy: (10 * tf.get_static_value(factor) * dy, None))


def test_the_gradient_is_the_attached_one():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant([1., 2.])
        y = gradients.attach('GradientOfTestScaling', 3 * x, [x, 3])
        values, dx = session.run([y, tf.gradients(y, x, tf.constant([1., -1.]))[0]])
    np.testing.assert_array_equal(values, [3, 6])
    np.testing.assert_array_equal(dx, [30, -30])  # TensorFlow's own would be 3 and -3


def build_training_graph(precision):
    """A weak reference to a training graph that nothing else holds."""
    config = small_config()
    with tf.Graph().as_default() as graph:
        build(Modes.TRAIN, config, *make_batch(config.network), cpu_precision=precision)
    types = {op.type for op in graph.get_operations()}
    assert {'IdentityN', 'ScatterNd'} <= types  # attached, and sparse gradients
    return weakref.ref(graph)


@pytest.mark.parametrize('precision', ['fp32', 'mixed'])
def test_a_dropped_training_graph_is_gone_and_has_registered_nothing(precision, monkeypatch):
    """tf.custom_gradient would register a closure at each call, and each would keep its graph: tens of megabytes per training in one process."""
    for limit in 'WINOGRAD_LEAST_SIDE', 'WINOGRAD_LEAST_CHANNELS', 'WINOGRAD_LEAST_DEPTH', 'SPARSE_LEAST_SIDE':
        monkeypatch.setattr(thresholds, limit, 1)
    registered = list(REGISTRY.list())
    graph = build_training_graph(precision)
    gc.collect()
    assert sorted(REGISTRY.list()) == sorted(registered)
    assert graph() is None
