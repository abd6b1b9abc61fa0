"""The folder of the best checkpoints: which are kept, that they are whole, and that TensorFlow takes the best of them."""
import json
import logging
import os

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.drivers import best_checkpoints, checkpoints, metrics_table
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.drivers import stand_in


def save(folder, step):
    """Save a checkpoint of a weight that is its step; returns the path."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('weight', initializer=float(step))
        session.run(tf.global_variables_initializer())
        return tf.train.Saver(max_to_keep=2).save(session, os.path.join(str(folder), 'model.ckpt'), global_step=step)


class Evaluations:
    """Checkpoints as they are evaluated one after the other."""

    def __init__(self, folder, **run):
        self.folder = folder
        self.config = stand_in.config(folder, run=dict(dict(keep_best=2), **run))

    def __call__(self, step, config=None, **metrics):
        config = config or self.config
        path = save(self.folder, step)
        result = dict({'global_step': step}, **metrics)
        metrics_table.add(config, path, result)
        best_checkpoints.keep(config, path, result)
        return path

    def kept(self):
        names = sorted(name[:-len('.index')] for name in os.listdir(str(self.folder / 'best')) if name.endswith('.index'))
        listed = json.loads((self.folder / 'best' / 'best.json').read_text())
        assert sorted(entry['checkpoint'] for entry in listed['checkpoints']) == names
        return [(entry['global_step'], entry['value']) for entry in listed['checkpoints']]


@pytest.fixture(name='evaluations')
def with_two(tmp_path):
    return Evaluations(tmp_path)


def test_the_highest_are_kept_the_best_first(evaluations):
    for step, figure in ((10, .3), (20, .5), (30, .2), (40, .4)):
        evaluations(step, mAP_voc12=figure, mIoU=1 - figure)
    assert evaluations.kept() == [(20, .5), (40, .4)]


def test_of_equal_ones_the_earlier_stays(evaluations):
    for step in (10, 20, 30):
        evaluations(step, mIoU=.5)
    assert evaluations.kept() == [(10, .5), (20, .5)]


def test_they_outlive_the_estimators_own_and_the_folder_gives_the_best(evaluations, tmp_path):
    for step, figure in ((10, .9), (20, .8), (30, .1)):
        path = evaluations(step, mAP_voc12=figure)
    for old in tmp_path.glob('model.ckpt-*'):
        old.unlink()
    folder = str(tmp_path / 'best')
    assert tf.train.latest_checkpoint(folder) == os.path.join(folder, 'model.ckpt-10')
    assert tf.train.load_variable(folder, 'weight') == 10
    assert checkpoints.every(str(tmp_path)) == {step: os.path.join(folder, 'model.ckpt-%d' % step) for step in (10, 20)}
    assert os.path.basename(path) == 'model.ckpt-30'
    moved = tmp_path / 'moved'
    (tmp_path / 'best').rename(moved)
    assert tf.train.load_variable(str(moved), 'weight') == 10  # its paths are relative


def test_a_checkpoint_that_is_saved_again_leaves_the_kept_one_alone(evaluations, tmp_path):
    path = evaluations(10, mAP_voc12=.5)
    kept = {file.name: file.read_bytes() for file in (tmp_path / 'best').iterdir()}
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('weight', initializer=[7., 8.])
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, path)
    assert kept == {file.name: file.read_bytes() for file in (tmp_path / 'best').iterdir()}


def test_no_file_is_left_behind(evaluations, tmp_path):
    for step, figure in ((10, .1), (20, .2), (30, .3), (40, .4)):
        evaluations(step, mAP_voc12=figure)
    names = {name.split('.index')[0].split('.data')[0].split('.meta')[0] for name in os.listdir(str(tmp_path / 'best'))}
    assert names == {'best.json', 'checkpoint', 'model.ckpt-30', 'model.ckpt-40'}


def test_the_configuration_is_beside_them(evaluations, tmp_path):
    saved_config.write(evaluations.config)
    evaluations(10, mAP_voc12=.5)
    (tmp_path / 'best').rename(tmp_path / 'moved')
    assert saved_config.beside(str(tmp_path / 'moved')) == (evaluations.config, str(tmp_path / 'moved'))


@pytest.mark.parametrize('mode, asked, name, why', [
    ('predict', '', 'best/model.ckpt-10', 'the best by mAP_voc12, 0.5'), ('export', '', 'best/model.ckpt-10', 'the best by mAP_voc12, 0.5'),
    ('eval', '', 'model.ckpt-20', 'the latest'), ('eval', 'best', 'best/model.ckpt-10', 'the best by mAP_voc12, 0.5'),
    ('predict', 'latest', 'model.ckpt-20', 'the latest'), ('predict', 'PATH', 'model.ckpt-20', 'as --checkpoint_path says')])
def test_the_checkpoint_that_a_mode_takes(evaluations, tmp_path, caplog, mode, asked, name, why):
    caplog.set_level(logging.INFO, 'blitznet')
    evaluations(10, mAP_voc12=.5)
    path = evaluations(20, mAP_voc12=.3)
    caplog.clear()
    found = checkpoints.find(evaluations.config.replace(run=dict(mode=mode, checkpoint_path=path if asked == 'PATH' else asked)))
    assert found == str(tmp_path / name)
    assert [record.getMessage() for record in caplog.records] == ['Using %s, %s' % (found, why)]


def test_without_a_best_one(tmp_path):
    path = save(tmp_path, 20)
    config = stand_in.config(tmp_path, run=dict(mode='predict'))
    assert checkpoints.find(config) == path
    with pytest.raises(UserError, match='--checkpoint_path=best: there is no checkpoint in .*best.*evaluate first'):
        checkpoints.find(config.replace(run=dict(checkpoint_path='best')))


def test_evaluated_again_it_is_ranked_anew(evaluations):
    for step, figure in ((10, .5), (20, .4), (10, .1)):
        evaluations(step, mAP_voc12=figure)
    assert evaluations.kept() == [(20, .4), (10, .1)]
    evaluations(30, mAP_voc12=.2)
    assert evaluations.kept() == [(20, .4), (30, .2)]


def test_a_chosen_figure(tmp_path):
    evaluations = Evaluations(tmp_path, best_metric='mIoU', keep_best=1)
    for step, figure in ((10, .3), (20, .5), (30, .2)):
        evaluations(step, mAP_voc12=figure, mIoU=1 - figure)
    assert evaluations.kept() == [(30, .8)]


def test_without_a_choice_the_figure_stays_the_one_it_was(evaluations):
    evaluations(10, mAP_voc12=.5, mIoU=.1)
    evaluations(20, mIoU=.9)  # --metrics=miou
    assert evaluations.kept() == [(10, .5)]


def test_other_splits_and_settings_and_checkpoints_do_not_count(evaluations, tmp_path, tmp_path_factory):
    saved_config.write(evaluations.config)
    evaluations(10, mAP_voc12=.5)
    evaluations(20, evaluations.config.replace(data=dict(eval_split='test')), mAP_voc12=.9)
    assert evaluations.kept() == [(10, .5)]
    foreign = save(tmp_path_factory.mktemp('foreign'), 40)
    best_checkpoints.keep(evaluations.config, foreign, {'global_step': 40, 'mAP_voc12': .9})
    assert evaluations.kept() == [(10, .5)]


def test_none_are_kept_on_demand_or_without_metrics(tmp_path):
    Evaluations(tmp_path, keep_best=0)(10, mAP_voc12=.5)
    Evaluations(tmp_path)(20, mAP_voc12=None)
    assert not (tmp_path / 'best').exists()


def test_they_hold_the_model_without_the_slots(evaluations, tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.get_or_create_global_step()
        weight = tf.get_variable('conv/weight', initializer=[3., 4.])
        tf.get_variable('conv/moving_mean', initializer=[5., 6.])
        train = tf.train.AdamOptimizer(0.).minimize(tf.reduce_sum(weight), step)
        session.run(tf.global_variables_initializer())
        session.run(train)
        path = tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'), step)
    assert tf.train.load_checkpoint(path).has_tensor('conv/weight/Adam_1')
    result = {'global_step': 1, 'mIoU': .5}
    metrics_table.add(evaluations.config, path, result)
    best_checkpoints.keep(evaluations.config, path, result)
    kept = str(tmp_path / 'best' / 'model.ckpt-1')
    shapes = tf.train.load_checkpoint(kept).get_variable_to_shape_map()
    assert set(shapes) == {'global_step', 'conv/weight', 'conv/moving_mean', 'beta1_power', 'beta2_power'}
    for name in ('global_step', 'conv/weight', 'conv/moving_mean'):
        assert (tf.train.load_variable(kept, name) == tf.train.load_variable(path, name)).all()
    assert metrics_table.find(evaluations.config.replace(run=dict(metrics=())), 1, kept)  # it need not be evaluated again


def test_a_checkpoint_that_training_removed_is_not_listed(evaluations):
    evaluations(1, mIoU=.25)
    path = save(evaluations.folder, 2)
    digest = metrics_table.weights(path)
    os.remove(path + '.index')
    result = {'global_step': 2, 'mIoU': .5}
    metrics_table.add(evaluations.config, path, result, digest)
    best_checkpoints.keep(evaluations.config, path, result)
    assert evaluations.kept() == [(1, .25)]
