"""metrics.csv: what a row holds, when it is found again, and when it is not."""
import csv
import os

import pytest

from blitznet_estimator import saved_config
from blitznet_estimator.drivers import metrics_table
from tests.blitznet_estimator.drivers import stand_in

RESULT = {'global_step': 500, 'checkpoint': 'model.ckpt-500', 'split': 'val', 'metrics': ['voc12', 'miou'], 'settings': 'x',
          'num_images': 5, 'mAP_voc12': .25, 'mIoU': None, 'per_class': {'cat': {'IoU': 1.}}}


@pytest.fixture(name='config')
def two_metrics(tmp_path):
    for step in (500, 1000):
        (tmp_path / ('model.ckpt-%d.index' % step)).write_text('')
    return stand_in.config(tmp_path, run=dict(metrics=('voc12', 'miou')))


def path_of(config, step):
    return os.path.join(config.run.model_dir, 'model.ckpt-%d' % step)


def add(config, step, **metrics):
    metrics_table.add(config, path_of(config, step), dict(RESULT, global_step=step, **metrics))


def table(config):
    with open(os.path.join(config.run.model_dir, 'metrics.csv')) as file:
        return list(csv.DictReader(file))


def test_a_row_a_checkpoint_by_step(config):
    add(config, 1000)
    add(config, 500, mAP_voc12=1 / 3, coco={'AP': .5, 'AP_small': None})
    first, second = table(config)
    assert list(first)[:8] == ['global_step', 'checkpoint', 'weights', 'dataset', 'split', 'settings', 'metrics', 'evaluated']
    assert (first['global_step'], first['checkpoint'], first['split'], first['metrics']) == ('500', 'model.ckpt-500', 'val', 'voc12 miou')
    assert (first['mAP_voc12'], first['mIoU'], first['coco/AP'], first['coco/AP_small']) == ('0.333333', '', '0.5', '')
    assert second['global_step'] == '1000' and second['coco/AP'] == '' and 'per_class' not in second
    add(config, 1000, mAP_voc12=.75)
    assert [row['mAP_voc12'] for row in table(config)] == ['0.333333', '0.75']


def test_an_evaluation_is_found_again(config):
    assert metrics_table.find(config, 500, path_of(config, 500)) is None
    add(config, 500)
    assert metrics_table.find(config, 500, path_of(config, 500))['mAP_voc12'] == '0.25'
    assert metrics_table.find(config, 1000, path_of(config, 1000)) is None
    fewer = config.replace(run=dict(metrics=('miou',)))
    assert metrics_table.find(fewer, 500, path_of(config, 500))


@pytest.mark.parametrize('changed', [
    dict(run=dict(metrics=('voc12', 'coco'))), dict(data=dict(eval_split='test')), dict(data=dict(dataset='folder')),
    dict(detection=dict(conf_thresh=.2))])
def test_another_metric_split_or_setting_is_another_evaluation(config, changed):
    add(config, 500)
    assert metrics_table.find(config.replace(**changed), 500, path_of(config, 500)) is None


def test_what_does_not_change_figures_does_not_count(config):
    add(config, 500)
    other = config.replace(data=dict(eval_batch_size=1, batch_size=3), run=dict(threads=1, platform='gpu'))
    assert metrics_table.find(other, 500, path_of(config, 500))


def test_other_weights_of_the_same_step_are_another_checkpoint(config):
    add(config, 500)
    os.utime(path_of(config, 500) + '.index', (4e9, 4e9))  # the same ones saved again, as each start of training does
    assert metrics_table.find(config, 500, path_of(config, 500))
    with open(path_of(config, 500) + '.index', 'w') as file:
        file.write('other checksums')
    assert metrics_table.find(config, 500, path_of(config, 500)) is None
    add(config.replace(run=dict(metrics=('miou',))), 500, mIoU=.5)
    assert [row['metrics'] for row in table(config)] == ['miou']  # nothing of the old checkpoint's


def test_the_other_metrics_of_an_earlier_evaluation_stay(config):
    add(config, 500)
    add(config.replace(run=dict(metrics=('coco',))), 500, mAP_voc12=.25, mAP_coco=.1)
    row, = table(config)
    assert (row['metrics'], row['mAP_voc12'], row['mAP_coco']) == ('voc12 miou coco', '0.25', '0.1')


def test_splits_have_rows_of_their_own(config):
    add(config, 500)
    add(config.replace(data=dict(eval_split='test')), 500, split='test')
    assert sorted(row['split'] for row in table(config)) == ['test', 'val']


def test_a_checkpoint_from_elsewhere_is_known_by_its_path(config, tmp_path_factory):
    other = tmp_path_factory.mktemp('other') / 'model.ckpt-500'
    (other.parent / 'model.ckpt-500.index').write_text('')
    add(config, 500)
    metrics_table.add(config, str(other), RESULT)
    assert sorted(row['checkpoint'] for row in table(config)) == sorted([str(other), 'model.ckpt-500'])
    best = os.path.join(config.run.model_dir, 'best', 'model.ckpt-500')
    assert metrics_table.name_of(best, config.run.model_dir) == 'model.ckpt-500'


@pytest.mark.parametrize('text, bad', [('', 0), ('a,b\n1,2\n', 1), ('global_step,checkpoint\n500,x\n', 1), ('\x00', 0)])
def test_a_foreign_or_damaged_table_counts_as_none(config, text, bad, caplog):
    with open(os.path.join(config.run.model_dir, 'metrics.csv'), 'w') as file:
        file.write(text)
    assert metrics_table.find(config, 500, path_of(config, 500)) is None
    add(config, 500)
    assert len(table(config)) == 1
    assert caplog.text.count('metrics.csv: 1 of its 1 rows are damaged, and left out.') == bad


def test_a_table_is_read_up_to_where_it_is_none_any_more(config, caplog):
    add(config, 500)
    with open(os.path.join(config.run.model_dir, 'metrics.csv'), 'a') as file:
        file.write('"%s\n' % ('x' * 200000))  # longer than a cell may be
    assert len(metrics_table.read(config.run.model_dir)) == 1
    assert 'metrics.csv is damaged after line 2 (field larger than field limit' in caplog.text


def test_whether_an_evaluation_is_trainings_own(config):
    assert metrics_table.is_own(config)
    saved_config.write(config)
    assert metrics_table.is_own(config.replace(run=dict(mode='eval')))
    assert not metrics_table.is_own(config.replace(data=dict(eval_split='test')))


def test_figures_of_a_checkpoint_that_training_removed_are_kept(config):
    checkpoint = path_of(config, 500)
    digest = metrics_table.weights(checkpoint)
    os.remove(checkpoint + '.index')
    metrics_table.add(config, checkpoint, dict(RESULT, global_step=500), digest)
    assert [row['weights'] for row in metrics_table.read(config.run.model_dir)] == [digest]


@pytest.mark.parametrize('changed, differs', [
    (dict(detection=dict(soft_nms_sigma=.1)), False),  # hard NMS has none
    (dict(detection=dict(nms='soft')), True), (dict(detection=dict(nms_thresh=.5)), True), (dict(run=dict(tta=('flip',))), True)])
def test_the_digest_of_settings_tells_what_metrics_depend_on(config, changed, differs):
    assert (metrics_table.settings(config.replace(**changed)) != metrics_table.settings(config)) == differs
