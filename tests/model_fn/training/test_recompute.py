"""What is computed again for the gradients: the same bits, of less that is kept, after the loss."""
import numpy as np
import pytest

from blitznet_estimator import checks
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn.training import recompute
from tests.model_fn.graphs import ancestors
from tests.model_fn.test_model_fn import build, make_batch, small_config

CONFIGS = [dict(), dict(trunk='resnet18', resize='nearest')]
LARGE = 1000  # elements


def config(again, network, **train):
    return small_config(**dict(dict(top_fm=8), **network)).replace(train=dict(recompute=again, **train))


def weights(config, precision='fp32'):
    """{variable: value} after two steps on one thread from the same weights."""
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)) as session:
        tf.set_random_seed(1)
        spec, feed = build('train', config, *make_batch(config.network), cpu_precision=precision)
        random = np.random.RandomState(4)
        session.run(tf.global_variables_initializer())
        for variable in tf.trainable_variables():  # the same, whatever the graph's seeds make of the initial values
            variable.load(.1 * random.randn(*variable.shape.as_list()), session)
        for _ in range(2):
            session.run(spec.train_op, feed)
        return session.run({variable.op.name: variable for variable in tf.global_variables()})


@pytest.mark.parametrize('network', CONFIGS)
def test_a_step_has_the_same_bits(network, monkeypatch):
    monkeypatch.setattr(recompute, 'LEAST', 1)  # small maps, too
    kept, again = [weights(config(on, network)) for on in (False, True)]
    assert set(kept) == set(again)
    assert [name for name in kept if kept[name].tobytes() != again[name].tobytes()] == []


@pytest.mark.slow
def test_a_step_of_a_large_network_updates_each_weight():
    """There TensorFlow joins the gradients of filters and biases. An op that waits for itself then never runs, and nothing says so."""
    made = preset_config('blitznet300', train=dict(recompute=True, optimizer='nesterov'), run=dict(platform='cpu'), network=dict(num_classes=21))
    with tf.Graph().as_default(), tf.Session() as session:
        spec, feed = build('train', made, *make_batch(made.network, 2), cpu_precision='fp32')
        session.run(tf.global_variables_initializer())
        session.run(spec.train_op, feed)
        moved = session.run({variable.op.name: tf.reduce_any(tf.not_equal(variable, 0)) for variable in tf.global_variables()
                             if variable.op.name.endswith('/weights/Momentum')})
    assert len(moved) > 80
    assert [name for name in moved if not moved[name]] == []


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.parametrize('network,train,precision', [
    (dict(), dict(accumulate_steps=2), 'fp32'), (dict(), dict(freeze=('batch_norm',)), 'fp32'), (dict(), dict(), 'mixed'),
    (dict(trunk='lite0', segment=False), dict(), 'fp32')])
def test_it_has_with_other_options(network, train, precision):
    kept, again = [weights(config(on, network, **train), precision) for on in (False, True)]
    assert [name for name in kept if kept[name].tobytes() != again[name].tobytes()] == []


def kept_maps(on, network):
    """Of large maps: ({name of one of the forward pass that gradients read: its size}, their types, whether each copy waits for the loss)."""
    made = config(on, network)
    with tf.Graph().as_default() as graph:
        spec, _ = build('train', made, *make_batch(made.network), cpu_precision='fp32')
        forward = ancestors(spec.loss.op)
        backward = ancestors(spec.train_op) - forward
        read = {value.name: value for op in backward if op.type not in recompute.SHAPES for value in op.inputs if value.op in forward}
        copies = [op for op in graph.get_operations() if op.name.endswith('/again')]
        late = [any('after_the_loss' in before.name for before in ancestors(op)) for op in copies]
        parameters = {op for variable in tf.global_variables() for op in ancestors(variable.op) | {variable.op}}
        large = {name: value for name, value in read.items() if value.shape.ndims == 4 and np.prod(value.shape.as_list()) > LARGE
                 and not ancestors(value.op) <= parameters}
    return {name: np.prod(value.shape.as_list()) for name, value in large.items()}, {_kind(value.op) for value in large.values()}, late


def _kind(op):
    return '%s of %s' % (op.type, op.inputs[0].op.type) if op.type == 'Relu' else op.type


@pytest.mark.parametrize('network', CONFIGS)
def test_batch_norm_relu_and_resized_maps_are_not_kept(network):
    cheap = {'FusedBatchNormV3', 'Relu of FusedBatchNormV3', 'ResizeBilinear', 'ResizeNearestNeighbor'}
    kept, before, none = kept_maps(False, network)
    fewer, types, late = kept_maps(True, network)
    assert none == [] and len(late) > 20 and all(late)
    assert before & cheap and not types & cheap, types
    assert sum(fewer.values()) < .7 * sum(kept.values()), (fewer, kept)


def test_it_is_refused_with_xla():
    made = small_config().replace(train=dict(recompute=True), run=dict(xla=True))
    with pytest.raises(UserError, match='--recompute does nothing with --xla'):
        checks.check_config(made)
