"""Training's first weights: what is loaded, skipped, initialised, and refused."""
import functools
import logging
import os

import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import model_fn
from model_fn.network.build import build_network
from model_fn.training.warm_start import warm_start
from model_fn.training.weight_decay import weight_decay
from tests.model_fn.network.named_weights import NETWORKS, golden_variables

NETWORK = preset_config('tiny', network=dict(num_classes=5, image_size=16)).network
STEM = 'tiny_resnet/conv1/weights'


def build(network=NETWORK):
    side = network.image_size
    return build_network(tf.zeros([1, side, side, 3]), network, training=True)


@functools.lru_cache(maxsize=None)
def built(network):
    """((name, shape) of each variable) of a network."""
    with tf.Graph().as_default():
        build(network)
        return tuple((variable.op.name, variable.shape.as_list()) for variable in tf.global_variables())


def variables_of(network=NETWORK):
    """{name: shape} of a network."""
    return dict(built(network))


def save(path, shapes, fill=7.):
    """A checkpoint of constant float variables; its prefix."""
    with tf.Graph().as_default(), tf.Session() as session:
        for name, shape in shapes.items():
            tf.get_variable(name, shape, tf.float32, tf.constant_initializer(fill))
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(path), write_meta_graph=False)


def started(checkpoint, network=NETWORK, model_dir=''):
    """(report, {name: first value}) of a network, with a global step and a variable's Adam slots."""
    with tf.Graph().as_default(), tf.Session() as session:
        build(network)
        stem = [variable for variable in tf.global_variables() if variable.op.name == STEM]
        tf.train.AdamOptimizer().apply_gradients([(tf.zeros_like(variable), variable) for variable in stem], tf.train.get_or_create_global_step())
        report = warm_start(checkpoint, network, model_dir)
        session.run(tf.global_variables_initializer())
        return report, session.run({variable.op.name: variable for variable in tf.global_variables()})


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A checkpoint of a whole network of 5 classes, with an optimizer's slots and the step."""
    shapes = variables_of()
    slots = {name + '/Adam': shape for name, shape in shapes.items()}
    return save(tmp_path_factory.mktemp('whole') / 'model.ckpt-9', dict(shapes, beta1_power=[], global_step=[], **slots))


def test_trunk_alone(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    logging.getLogger('blitznet').propagate = True
    shapes = variables_of()
    trunk = {name: shape for name, shape in shapes.items() if name.startswith('tiny_resnet/')}
    logits = {'tiny_resnet/logits/weights': [1, 1, 256, 1000], 'tiny_resnet/logits/biases': [1000]}
    report, values = started(save(tmp_path / 'trunk.ckpt', dict(trunk, **logits)))
    assert report.loaded == tuple(sorted(trunk))
    assert report.skipped == tuple(sorted(logits)) and report.reshaped == ()
    assert report.initialised == tuple(sorted(set(shapes) - set(trunk)))
    assert all((values[name] == 7).all() for name in trunk)
    assert not any((values[name] == 7).any() for name in report.initialised)
    assert '%d variables loaded, %d initialised, 2 of the checkpoint skipped' % (len(trunk), len(shapes) - len(trunk)) in caplog.text


def test_the_published_classification_checkpoint_by_its_names(tmp_path):
    shapes = {name: [int(side) for side in shape[:-1].split(', ')]
              for name, shape in (line.split(' [') for line in golden_variables('resnet50_full_ckpt'))}
    checkpoint = save(tmp_path / 'resnet50_full.ckpt', shapes)
    network = NETWORKS['blitznet300_nox4']
    with tf.Graph().as_default(), tf.Session() as session:
        build(network)
        report = warm_start(checkpoint, network)
        last = [v for v in tf.global_variables() if v.op.name.endswith('block4/unit_3/bottleneck_v1/conv3/weights')][0]
        session.run(last.initializer)
        assert (session.run(last) == 7).all()
    assert (len(report.loaded), len(report.initialised)) == (265, 473 - 265)
    assert report.skipped == ('resnet_v1_50/logits/biases', 'resnet_v1_50/logits/weights')


def test_vgg_trunk_alone(tmp_path):
    network = NETWORKS['ssd300']
    shapes = {name: shape for name, shape in variables_of(network).items()
              if name.split('/')[1] in ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7') and name.startswith('vgg_16/')}
    with tf.Graph().as_default():
        build(network)
        assert warm_start(save(tmp_path / 'atrous.ckpt', shapes), network).loaded == tuple(sorted(shapes))
    assert len(shapes) == 2 * (13 + 2)


def test_whole_network_without_slots_and_step(whole):
    report, values = started(whole)
    assert len(report.loaded) == len(variables_of()) and report.initialised == ()
    assert set(report.skipped) == {'beta1_power', 'global_step'} | {name + '/Adam' for name in report.loaded}
    assert values['global_step'] == 0 and (values[STEM] == 7).all() and (values[STEM + '/Adam'] == 0).all()


def test_heads_of_another_class_count_are_left_out_and_named(whole):
    network = preset_config('tiny', network=dict(num_classes=4, image_size=16)).network
    report, values = started(whole, network)
    maps = len(network.detection_maps)
    assert len(report.reshaped) == 2 * maps + 2  # weights and biases of each map's confidence, and of the segmentation's last convolution
    assert set(report.reshaped) == set(report.initialised) and set(report.reshaped) < set(report.skipped)
    assert 'ssd/confidence/ssd/pool6/weights' in report.reshaped and 'ssd/Conv_%d/biases' % maps in str(report)
    assert (values['ssd/location/ssd/pool6/weights'] == 7).all()
    assert values['ssd/confidence/ssd/pool6/biases'].shape == (6 * 4,) and (values['ssd/confidence/ssd/pool6/biases'] == 0).all()


def test_copies_on_several_devices_start_alike(whole):
    strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'], tf.distribute.ReductionToOneDevice())

    def replica():
        build()
        return len(warm_start(whole, NETWORK).initialised), weight_decay(1.)

    with tf.Graph().as_default(), strategy.scope():
        initialised, decay = strategy.extended.call_for_each_replica(replica)
        copies = strategy.experimental_local_results([v for v in tf.model_variables() if v.name == STEM + ':0'][0])
        with tf.Session(config=tf.ConfigProto(device_count={'CPU': 2})) as session:
            session.run(tf.global_variables_initializer())
            copies, decay = session.run([copies, strategy.experimental_local_results(decay)])
    assert set(strategy.experimental_local_results(initialised)) == {0}
    assert len(copies) == 2 and all((copy == 7).all() for copy in copies)
    assert decay[0] == decay[1] > 0


def test_forms_of_a_path(whole):
    with tf.Graph().as_default():
        build()
        for path in (os.path.dirname(whole), whole, whole + '.index', whole + '.data-00000-of-00001'):
            assert warm_start(path, NETWORK).checkpoint == whole


def test_a_single_file_of_the_old_format(tmp_path):
    path = str(tmp_path / 'old.ckpt')
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        session.run(tf.global_variables_initializer())
        expected = session.run(STEM + ':0')
        tf.train.Saver(write_version=tf.train.SaverDef.V1).save(session, path, write_meta_graph=False)
    assert os.path.isfile(path)
    report, values = started(path)
    assert report.initialised == () and (values[STEM] == expected).all()


def test_trunk_variables_missing_or_of_another_shape(tmp_path):
    shapes = variables_of()
    missing = 'tiny_resnet/block1/unit_1/bottleneck_v1/conv1/BatchNorm/gamma'
    shapes.pop(missing)
    right, wrong = shapes[STEM], [3, 3] + shapes[STEM][2:]
    with pytest.raises(UserError) as error:
        started(save(tmp_path / 'model.ckpt', dict(shapes, **{STEM: wrong})))
    assert missing + ' is missing' in str(error.value)
    assert '%s is %s instead of %s' % (STEM, wrong, right) in str(error.value)
    assert 'in 2 of its' in str(error.value)


def test_a_checkpoint_of_another_trunk(tmp_path):
    with pytest.raises(UserError, match='no variable of the trunk .tiny_resnet/....; it holds resnet_v1_50, ssd. --trunk'):
        started(save(tmp_path / 'model.ckpt', {'resnet_v1_50/conv1/weights': [7, 7, 3, 64], 'ssd/Conv/biases': [64]}))


def test_no_checkpoint_there(tmp_path):
    (tmp_path / 'model.tar.gz').write_bytes(b'not a checkpoint' * 99)
    with tf.Graph().as_default():
        build()
        for path, message in (('nothing.ckpt', 'there is no such checkpoint'), ('', 'folder without a list of checkpoints'),
                              ('model.tar.gz', 'model.tar.gz is not a TensorFlow checkpoint')):
            with pytest.raises(UserError, match=message):
                warm_start(str(tmp_path / path), NETWORK)


def test_a_checkpoint_in_the_model_directory_wins(whole, tmp_path):
    """The same Estimator started twice: from `whole`, then from its own checkpoint, with the first file gone."""
    def input_fn():
        anchors = NETWORK.num_anchors
        labels = {'match': np.full([2, anchors], -1, np.int32), 'boxes': np.zeros([2, 1, 4], np.float32),
                  'classes': np.zeros([2, 1], np.int32), 'mask': np.zeros([2, 4, 4], np.int32)}
        return tf.data.Dataset.from_tensors(({'image': np.zeros([2, 16, 16, 3], np.float32)}, labels)).repeat()

    def train(path, steps, rate):
        config = preset_config('tiny', network=dict(num_classes=5, image_size=16), run=dict(model_dir=str(tmp_path)),
                               train=dict(warm_start_from=path, learning_rate=rate))
        tf.estimator.Estimator(model_fn, str(tmp_path), params={'config': config}).train(input_fn, max_steps=steps)
        return tf.train.load_checkpoint(str(tmp_path)).get_tensor('ssd/Conv/weights')

    first = train(whole, steps=1, rate=.1)
    np.testing.assert_allclose(first, 7, atol=.11)  # a step of Adam is about its rate
    assert (first != 7).any()
    np.testing.assert_array_equal(train('gone.ckpt', steps=2, rate=0.), first)
