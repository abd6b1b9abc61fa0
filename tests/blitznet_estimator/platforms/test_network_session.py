"""Weights in files and the finished graph: what constants in the graph gave, in less memory."""
import os
import tempfile

import numpy as np
import pytest

from blitznet_estimator import files, weight_files
from blitznet_estimator.batch import PREDICT, batch_spec
from blitznet_estimator.platforms import finished_graph, local, network_session
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import IS_TF1, tf
from model_fn import model_fn
from model_fn.network.build import build_network
from tests.model_fn.network.named_weights import fill

SIDE = 64
KEYS = 'image', 'size'


def config_of(folder, precision='fp32'):
    return preset_config('tiny', network=dict(num_classes=4, image_size=SIDE, top_fm=32)).replace(
        run=dict(model_dir=str(folder)), train=dict(precision=precision))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A checkpoint of the network with weights by their names."""
    folder = tmp_path_factory.mktemp('model')
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.create_global_step()
        build_network(tf.zeros([1, SIDE, SIDE, 3]), config_of(folder).network, training=False)
        session.run(tf.global_variables_initializer())
        fill([variable for variable in tf.global_variables() if variable is not step], session)
        return tf.train.Saver().save(session, str(folder / 'model.ckpt'))


def batch(count, seed=0):
    pixels = np.random.RandomState(seed).randint(0, 256, (count, SIDE, SIDE, 3))
    return {'image': pixels.astype(batch_spec(config_of(''), PREDICT).features['image'].dtype), 'size': np.full((count, 2), SIDE, np.int32)}


def opened(config, checkpoint):
    spec = batch_spec(config, PREDICT).features
    estimator = local.CpuPlatform(config).estimator(model_fn, {'config': config, 'checkpoint': checkpoint})
    return network_session.NetworkSession(estimator, {key: (spec[key].dtype, (None,) + spec[key].shape[1:]) for key in KEYS}, checkpoint)


def files_in(place):
    return sorted(name for name in os.listdir(str(place)) if name.startswith('blitznet') and not name.endswith('.lock'))


def operations(network):
    return [op.type for op in network._session.graph.get_operations()]


def arranged_filters(network):
    """Whether oneDNN keeps the filter of each of its convolutions as it arranges it."""
    return [op.get_attr('is_filter_const') for op in network._session.graph.get_operations() if 'is_filter_const' in op.node_def.attr]


@pytest.fixture(name='place')
def temporary_place(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    return tmp_path


@pytest.mark.parametrize('precision', ['fp32'] if IS_TF1 else ['fp32', 'mixed'])
def test_the_finished_graph_gives_what_the_first_one_gave(place, checkpoint, precision):
    config, inputs = config_of(place, precision), batch(2)
    network = opened(config, checkpoint)
    first, before = network.run(inputs), operations(network)
    second = network.run(inputs)
    after = operations(network)
    assert 'ResourceApplyMomentum' not in before and len(after) < len(before) and weight_files.OP in after
    assert not {'VariableV2', 'VarHandleOp'} & set(after)
    assert sorted(second) == sorted(first)  # by arranged filters, whose sums are rounded otherwise
    np.testing.assert_allclose(second['scores'], first['scores'], atol=1e-5 if precision == 'fp32' else 1e-2)
    assert (second['segmentation'] == first['segmentation']).mean() > .999
    for key, values in network.run(inputs).items():
        np.testing.assert_array_equal(values, second[key], err_msg=key)
    assert set(arranged_filters(network)) == (set() if IS_TF1 else {True})
    assert [len(network.run(batch(count))['size']) for count in (1, 3)] == [1, 3]
    network.close()
    assert files_in(place) == []


def test_outputs_are_those_of_weights_in_the_graph(place, checkpoint, monkeypatch):
    inputs = batch(2, seed=1)
    network = opened(config_of(place), checkpoint)
    found = [network.run(inputs) for _ in range(3)][-1]
    network.close()
    monkeypatch.setattr(network_session, '_takes_files', lambda estimator: False)
    network = opened(config_of(place), checkpoint)
    assert files_in(place) == [] and weight_files.OP not in operations(network)
    expected = network.run(inputs)
    network.close()
    assert sorted(found) == sorted(expected) and len(expected['boxes'])
    np.testing.assert_allclose(found['scores'], expected['scores'], atol=1e-4)
    assert (found['segmentation'] == expected['segmentation']).mean() > .999


def test_a_finished_graph_that_gives_something_else_is_not_used(place, checkpoint, monkeypatch):
    finish = finished_graph.finish

    def wrong(partition, folder):
        before = set(os.listdir(folder))
        finished = finish(partition, folder)
        made = set(os.listdir(folder)) - before  # of what is computed ahead: the first graph does not read them
        assert made
        for path in (os.path.join(folder, name) for name in made):
            np.zeros(os.path.getsize(path) // 4, np.float32).tofile(path)
        return finished
    network = opened(config_of(place), checkpoint)
    inputs, before = batch(1), operations(network)
    first = network.run(inputs)
    monkeypatch.setattr(finished_graph, 'finish', wrong)
    np.testing.assert_array_equal(network.run(inputs)['boxes'], first['boxes'])
    assert operations(network) == before
    network.close()


def test_xla_takes_no_files(place, checkpoint, monkeypatch):
    monkeypatch.setenv('TF_XLA_FLAGS', local.XLA_ON_CPU)
    network = opened(config_of(place).replace(run=dict(xla=True)), checkpoint)
    assert weight_files.OP not in operations(network) and files_in(place) == []
    network.close()


def test_files_of_a_killed_process_are_removed_by_the_next(place, checkpoint):
    network = opened(config_of(place), checkpoint)
    ours, = files_in(place)
    dead = ours.replace('.%d-' % os.getpid(), '.%d-' % (2 ** 22 + 1))  # beyond the largest number of a process
    os.mkdir(str(place / dead))
    files._swept.clear()  # as in another process
    other = opened(config_of(place), checkpoint)
    assert dead not in files_in(place) and len(files_in(place)) == 2
    network.close()
    other.close()


def test_what_weights_alone_decide_is_computed_ahead(place):
    """By hand: [1, 2] times the weights [[1, 2], [3, 4]] twice, [[2, 4], [6, 8]], is [14, 20]; the graph holds the doubled weights."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [1, 2], name='x')
        weights = tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[2, 2], memory_region_name=written(place, [[1, 2], [3, 4]]))
        y = tf.matmul(x, 2 * weights, name='y')
        metadata = tf.RunMetadata()
        options = tf.RunOptions(output_partition_graphs=True)
        assert session.run(y, {x: [[1, 2]]}, options=options, run_metadata=metadata).tolist() == [[14, 20]]
    finished = finished_graph.finish(metadata.partition_graphs[0], str(place))
    assert (sorted(finished.feeds), sorted(finished.fetches)) == (['x:0'], ['y:0'])
    with tf.Graph().as_default(), tf.Session(config=finished_graph.session_config(None)) as session:
        tf.import_graph_def(finished.graph_def, name='')
        assert session.run(finished.fetches['y:0'], {finished.feeds['x:0']: [[1, 2]]}).tolist() == [[14, 20]]
        constants = [session.run(op.outputs[0]).tolist() for op in session.graph.get_operations() if op.type in ('Const', weight_files.OP)]
    assert [[2, 4], [6, 8]] in constants and [[1, 2], [3, 4]] not in constants


def written(folder, values):
    path = str(folder / 'values')
    np.array(values, np.float32).tofile(path)
    return path
