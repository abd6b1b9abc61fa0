import types

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.drivers import metrics_table, patience, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation import metrics
from tests.blitznet_estimator.drivers import stand_in


def _evaluated(config, values, name='mAP_voc12'):
    for step, value in values:
        metrics_table.add(config, str(config.run.model_dir) + '/model.ckpt-%d' % step, {'global_step': step, name: value}, digest='%08d' % step)


@pytest.mark.parametrize('values, end', [
    ([.1, .2, .3], False), ([.3, .2], False), ([.3, .2, .1], True),
    ([.3, .3, .3], True), ([.1, .3, .2, .25], True), ([.3, .2, .4], False), ([], False)])
def test_training_ends_when_two_evaluations_are_no_better(tmp_path, values, end):
    config = stand_in.config(tmp_path, run=dict(patience=2))
    _evaluated(config, [(10 * (i + 1), value) for i, value in enumerate(values)])
    assert bool(patience.exhausted(config, 10 * len(values))) == end
    assert patience.exhausted(config.replace(run=dict(patience=0)), 100) == ''


def test_who_watches_reads_where_it_ended(tmp_path):
    config = stand_in.config(tmp_path, run=dict(patience=1), train=dict(train_steps=90))
    _evaluated(config, [(10, .25), (20, .2)])
    assert train._ends_early(config, types.SimpleNamespace(is_chief=True), 20, is_over=False)
    assert saved_config.read(str(tmp_path)).train.train_steps == 20


def test_the_reason_is_a_sentence(tmp_path):
    config = stand_in.config(tmp_path, run=dict(patience=1), train=dict(train_steps=90))
    _evaluated(config, [(10, .25), (20, .2)])
    assert patience.exhausted(config, 20) == (
        'Training ends at step 20 of 90: no evaluation since step 10 was better, mAP_voc12 0.25 (--patience=1).')


def test_it_looks_at_the_asked_metric_and_at_its_own_evaluations(tmp_path):
    config = stand_in.config(tmp_path, run=dict(patience=1, best_metric='mIoU'))
    _evaluated(config, [(10, .5), (20, .6)], 'mIoU')
    _evaluated(config.replace(detection=dict(conf_thresh=.3)), [(20, .1)], 'mIoU')
    _evaluated(config, [(30, .1)], 'mIoU')  # beyond the step, of a training before
    assert 'mIoU' in metrics.BEST_METRICS and not patience.exhausted(config, 20) and patience.exhausted(config, 30)


def test_several_processes_are_refused(tmp_path):
    config = stand_in.config(tmp_path, run=dict(patience=3))
    patience.check(config, types.SimpleNamespace(shard=(0, 1)))
    with pytest.raises(UserError, match='--patience=3 does not go with 8 processes'):
        patience.check(config, types.SimpleNamespace(shard=(0, 8)))
    patience.check(stand_in.config(tmp_path), types.SimpleNamespace(shard=(0, 8)))
