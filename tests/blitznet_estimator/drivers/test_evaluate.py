import concurrent.futures
import dataclasses
import glob
import json
import shutil
import threading

import cv2
import numpy as np
import pytest

from blitznet_estimator import lettering, saved_config
from blitznet_estimator.drivers import evaluate, metrics_file, metrics_table, predictions, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.drivers import stand_in


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folder of a model with checkpoints at 3 and 6."""
    folder = tmp_path_factory.mktemp('model')
    config = stand_in.config(folder, train=dict(train_steps=6), run=dict(save_every=3, eval_every=3))
    train.run(config, get_platform(config), stand_in.train_input_fn, stand_in.model_fn, lambda path: None)
    return folder


def _evaluate(config, input_fn=None, model_fn=stand_in.model_fn, truth=stand_in.ground_truth, platform=None):
    return evaluate.run(config, platform or get_platform(config), input_fn or stand_in.predict_input_fn(), model_fn, truth,
                        len(stand_in.SIZES))


def test_metrics(trained, capsys):
    result = _evaluate(stand_in.config(trained))
    assert (result['global_step'], result['checkpoint'], result['num_images']) == (6, 'model.ckpt-6', 5)
    # cat: boxes right in images 0, 2, 4 and wrong in 1, 3, all of one score, in order: precision 1, 1/2, 2/3, 2/4, 3/5
    assert result['per_class']['dog']['AP_voc12'] == 0
    assert result['per_class']['cat']['AP_voc12'] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    cats, dogs = 6 * 8 + 25 + 64, 40 + 63
    assert result['per_class']['cat']['IoU'] == pytest.approx(cats / (cats + dogs))
    assert result['mIoU'] == pytest.approx(cats / (cats + dogs) / 2)
    assert json.loads((trained / 'metrics.json').read_text()) == result
    table = capsys.readouterr().out
    assert 'cat' in table and 'dog' in table
    # All cats have one score; of the dogs nothing was found.
    assert json.loads((trained / 'min_scores.json').read_text()) == {'model.ckpt-6': {'cat': .5}}


def test_the_lowest_scores_are_those_of_the_own_evaluation(trained, tmp_path):
    before = (trained / 'min_scores.json').read_text() if (trained / 'min_scores.json').exists() else ''
    _evaluate(stand_in.config(trained, data=dict(eval_split='test', class_names=('cat', 'dog')), network=dict(num_classes=3)))
    for path in trained.glob('model.ckpt-6*'):
        shutil.copy(str(path), str(tmp_path))
    _evaluate(stand_in.config(trained, run=dict(checkpoint_path=str(tmp_path / 'model.ckpt-6'))))
    assert before == ((trained / 'min_scores.json').read_text() if (trained / 'min_scores.json').exists() else '')
    assert not (tmp_path / 'min_scores.json').exists()


def test_a_given_checkpoint(trained):
    for path in (str(trained / 'model.ckpt-3'), str(trained / 'model.ckpt-3.index')):
        assert _evaluate(stand_in.config(trained, run=dict(checkpoint_path=path)))['global_step'] == 3
    with pytest.raises(UserError, match=r'ckpt-4: there is no such checkpoint; .* has model.ckpt-\d, .*model.ckpt-6'):
        _evaluate(stand_in.config(trained, run=dict(checkpoint_path=str(trained / 'model.ckpt-4'))))


def test_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match='no checkpoint in .*train first'):
        _evaluate(stand_in.config(tmp_path))


def test_a_checkpoint_of_another_network(trained):
    def other(features, labels, mode, params):
        tf.get_variable('another', [])
        return stand_in.model_fn(features, labels, mode, params)

    def wider(features, labels, mode, params):
        with tf.variable_scope('', custom_getter=lambda getter, name, shape, **more: tf.reduce_sum(getter(name, shape=[7], **more))):
            return stand_in.model_fn(features, labels, mode, params)

    with pytest.raises(UserError, match='another network .it has no another'):
        _evaluate(stand_in.config(trained), model_fn=other)
    with pytest.raises(UserError, match=r'another network .a variable has shape \[\] instead of \[7\]'):
        _evaluate(stand_in.config(trained), model_fn=wider)


def test_images_that_the_input_leaves_out_are_left_out_of_the_ground_truth(trained):
    result = _evaluate(stand_in.config(trained), stand_in.predict_input_fn(left_out=(1, 3)))
    assert result['num_images'] == 3 and result['per_class']['cat']['AP_voc12'] == 1


def test_a_ground_truth_that_ends_early(trained):
    with pytest.raises(UserError, match='ends before image 2'):
        _evaluate(stand_in.config(trained), truth=lambda: list(stand_in.ground_truth())[:2])


def test_tensorboard(trained, tmp_path):
    config = stand_in.config(tmp_path, run=dict(checkpoint_path=str(trained / 'model.ckpt-6'), max_pictures=2))
    result = _evaluate(config)
    values = {}
    for path in glob.glob(str(tmp_path / 'eval' / 'events*')):
        for event in tf.train.summary_iterator(path):
            assert event.step in (0, 6)
            values.update((value.tag, value) for value in event.summary.value)
    assert values['metrics/mIoU'].simple_value == pytest.approx(result['mIoU'])
    groups = sorted({tag.split('/')[0] for tag, value in values.items() if value.HasField('simple_value')})
    assert groups == ['metrics', 'z_details']  # TensorBoard's order: the few of the split before those of every class
    assert values['z_details/AP_voc12/cat'].simple_value == pytest.approx(result['per_class']['cat']['AP_voc12'])
    assert sorted(tag for tag in values if tag.startswith('pictures')) == ['pictures/000', 'pictures/001']
    assert values['pr/cat'].metadata.plugin_data.plugin_name == 'pr_curves'
    image = values['pictures/000'].image
    pixels = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (image.height, image.width, 3) and image.width > 2 * 240  # two pictures side by side


def test_nothing_is_kept_of_the_texts_on_the_pictures(trained, tmp_path, monkeypatch):
    """Scores make other texts at each evaluation of a long training."""
    drawn = []
    monkeypatch.setattr(lettering, 'forget', lambda forget=lettering.forget: (drawn.append(lettering._rendered.cache_info()), forget()))
    _evaluate(stand_in.config(tmp_path, run=dict(checkpoint_path=str(trained / 'model.ckpt-6'), max_pictures=1)))
    assert drawn[0].currsize > 0
    assert [kept.cache_info().currsize for kept in (lettering._rendered, lettering._laid, lettering._shades)] == [0, 0, 0]


def test_raw_predictions_are_finished_on_the_host(trained):
    config = stand_in.config(trained, detection=dict(top_k_post_nms=3))
    anchors = config.network.num_anchors

    def raw(features, labels, mode, params):
        assert params['platform'].raw_predictions
        tf.get_variable('weight', [])
        confidence = np.zeros((2, anchors, 3), np.float32)
        confidence[:, :, 0] = 9
        confidence[:, 7] = 0, 9, 0
        raw_outputs = {'confidence': tf.constant(confidence), 'location': tf.zeros([2, anchors, 4]),
                       'segmentation': tf.one_hot(tf.ones([2, 32, 32], tf.int32), 3)}
        return params['platform'].estimator_spec(mode=mode, predictions=dict(raw_outputs, **features))

    platform = get_platform(config)
    raw_params = dataclasses.replace(platform.model_params(), raw_predictions=True)
    platform.model_params = lambda: raw_params
    seen = []
    predictions.predict(config, platform, stand_in.predict_input_fn(), raw, str(trained / 'model.ckpt-6'), seen.append)
    assert [item['source_id'] for item in seen] == [0, 1, 2, 3, 4]
    assert [item['segmentation'].shape for item in seen] == stand_in.SIZES
    assert all((item['segmentation'] == 1).all() and item['classes'].tolist() == [1] for item in seen)
    assert all(item['scores'][0] == pytest.approx(np.exp(9) / (np.exp(9) + 2)) for item in seen)


def test_an_evaluation_leaves_its_predictions(trained, tmp_path):
    config = stand_in.config(tmp_path, run=dict(checkpoint_path=str(trained / 'model.ckpt-6')))
    (tmp_path / 'evaluation').mkdir()
    (tmp_path / 'evaluation' / 'old.txt').write_text('of an earlier evaluation')
    _evaluate(config, stand_in.predict_input_fn(left_out=(1,)))
    folder = tmp_path / 'evaluation'
    assert sorted(path.name for path in folder.iterdir()) == ['annotations.json', 'detections.json', 'masks', 'metrics.json']
    found = json.loads((folder / 'detections.json').read_text())
    assert [(row['image_id'], row['category_id'], row['score']) for row in found] == [(i, 1, .5) for i in (0, 2, 3, 4)]
    assert found[0]['bbox'] == [2, 1.5, 4, 3]  # the middle quarter of 6 x 8 pixels
    annotations = json.loads((folder / 'annotations.json').read_text())
    assert [image['id'] for image in annotations['images']] == [0, 2, 3, 4]
    assert sorted(path.name for path in (folder / 'masks').iterdir()) == ['0.png', '2.png', '3.png', '4.png']
    assert (cv2.imread(str(folder / 'masks' / '2.png'))).shape[:2] == stand_in.SIZES[2]
    with pytest.raises(UserError):
        _evaluate(config, truth=lambda: list(stand_in.ground_truth())[:2])
    assert [path.name for path in tmp_path.glob('evaluation*')] == ['evaluation']
    assert json.loads((folder / 'detections.json').read_text()) == found
    _evaluate(stand_in.config(tmp_path / 'none', run=dict(checkpoint_path=str(trained / 'model.ckpt-6'), write_predictions=False)))
    assert not (tmp_path / 'none' / 'evaluation').exists()


def test_chosen_metrics_reach_the_table_and_tensorboard(trained, tmp_path):
    config = stand_in.config(tmp_path, run=dict(checkpoint_path=str(trained / 'model.ckpt-6'), metrics=('coco',)))
    result = _evaluate(config)
    assert result['mAP_coco'] is not None and 'mIoU' not in result and 'mAP_voc12' not in result
    row, = metrics_table.read(str(tmp_path))
    assert row['metrics'] == 'coco' and float(row['coco/AP50']) == pytest.approx(result['coco']['AP50'])
    tags = {value.tag: value.simple_value for path in glob.glob(str(tmp_path / 'eval' / 'events*'))
            for event in tf.train.summary_iterator(path) for value in event.summary.value}
    assert tags['z_details/coco/AP50'] == pytest.approx(result['coco']['AP50'])


def test_another_split_is_a_run_of_its_own_in_tensorboard(trained, tmp_path):
    config = stand_in.config(tmp_path, run=dict(checkpoint_path=str(trained / 'model.ckpt-6')))
    saved_config.write(config)
    result = _evaluate(config.replace(data=dict(eval_split='test')))
    assert [path.name for path in tmp_path.glob('eval*') if path.name != 'evaluation'] == ['eval-shapes-%s' % result['settings']]


def test_an_error_in_scoring_ends_the_evaluation(trained):
    class Broken(stand_in.Sample):
        """A sample whose mask is damaged."""

        def mask(self):
            raise UserError('3.jpg: the mask cannot be decoded')

    with pytest.raises(UserError, match='3.jpg: the mask'):
        _evaluate(stand_in.config(trained), truth=lambda: [Broken(i) for i in range(5)])


def test_a_bad_record_of_the_input_is_named(trained):
    with pytest.raises(UserError, match='^b.tfrecord, record 0: no image.$'):
        _evaluate(stand_in.config(trained), stand_in.damaged(stand_in.predict_input_fn()))


def test_what_it_writes_waits_for_its_turn(trained, monkeypatch):
    """Another process's evaluation holds the folder while the metrics are ready; its row is not lost."""
    config, waiting = stand_in.config(trained), threading.Event()
    locked = evaluate.files.locked

    def announced(folder):
        waiting.set()
        return locked(folder)

    monkeypatch.setattr(evaluate.files, 'locked', announced)
    shutil.rmtree(str(trained / 'evaluation'), ignore_errors=True)
    (trained / 'metrics.csv').write_text('')
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with locked(str(trained)):
            evaluation = pool.submit(_evaluate, config)
            assert waiting.wait(60)
            assert not metrics_table.read(str(trained)) and not (trained / 'evaluation').exists()
            metrics_table.add(config, str(trained / 'model.ckpt-3'), {'global_step': 3, 'mIoU': .5})
        evaluation.result()
    assert sorted(row['global_step'] for row in metrics_table.read(str(trained))) == ['3', '6']
    assert (trained / 'evaluation' / 'detections.json').exists()


def shown(folder):
    """Steps of the metrics and of the predictions, of which the report is made."""
    return [metrics_file.evaluated_step(str(path)) for path in (folder, folder / 'evaluation')]


def _evaluate_step(folder, step, **run):
    config = stand_in.config(folder, run=dict(dict(mode='eval'), **run))
    return evaluate.run(config, get_platform(config), stand_in.predict_input_fn(), stand_in.model_fn, stand_in.ground_truth, 5,
                        str(folder / ('model.ckpt-%d' % step)))


def test_what_is_shown_does_not_go_back_unless_that_is_asked_for(trained):
    watch, every = dict(watch=True), dict(checkpoints='all')
    for step, run, now in ((3, {}, 3), (6, watch, 6), (3, watch, 6), (3, every, 6), (3, dict(checkpoints='3..5'), 6), (6, every, 6),
                           (3, dict(checkpoints='3'), 3), (6, every, 6), (3, dict(checkpoint_path=str(trained / 'model.ckpt-3')), 3),
                           (6, dict(mode='train'), 6), (3, dict(mode='train'), 3), (6, {}, 6)):
        (trained / 'metrics.csv').write_text('')
        assert _evaluate_step(trained, step, **run)['global_step'] == step
        assert shown(trained) == [now, now], (step, run)
        assert [row['global_step'] for row in metrics_table.read(str(trained))] == [str(step)]
    assert not list(trained.glob('evaluation.*'))


def test_what_a_longer_training_before_left_is_no_bound(trained):
    metrics_file.write(str(trained), {'global_step': 99})  # the folder's checkpoints end at 6
    _evaluate_step(trained, 3, watch=True)
    assert shown(trained) == [3, 3]


def test_predictions_say_what_they_are_of(trained):
    result = _evaluate_step(trained, 3)
    assert metrics_file.read(str(trained / 'evaluation')) == result
    _evaluate_step(trained, 6, write_predictions=False)
    assert shown(trained) == [6, 3]
