"""From the command line to the SavedModel, for real: train, resume, evaluate, predict, export and serve on the small drawn dataset."""
import json
import os
import signal
import subprocess
import sys
import time
import types

import cv2
import numpy as np
import pytest

import main
from blitznet_estimator import saved_config
from blitznet_estimator.engines import choice, registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from tests.paths import ROOT
from tests.signals import hear_all
from tools import score

STEPS = 4


@pytest.fixture(scope='module', name='folder')
def trained_folder(tmp_path_factory):
    """A model folder after STEPS steps, and what the last evaluation said."""
    folder = tmp_path_factory.mktemp('run')
    main.run(configuration(folder, mode='train', profile_steps=(1, 3), histograms=True, max_pictures=3))
    return folder


def configuration(folder, **run):
    data = dict(dataset='shapes_small', data_dir=str(folder / 'data'), batch_size=4, eval_batch_size=3)
    config = preset_config('tiny', network=dict(image_size=64, top_fm=16, n_base_channels=8), data=data,
                           train=dict(train_steps=STEPS, lr_decay=(), precision='fp32'))  # as what is exported computes
    return config.replace(run=dict(dict(model_dir=str(folder / 'model'), platform='cpu', eval_every=0, save_every=2, summary_every=2,
                                        progress=False, report=False), **run))


def test_training_ends_with_a_checkpoint_figures_and_summaries(folder):
    model = folder / 'model'
    assert tf.train.latest_checkpoint(str(model)).endswith('model.ckpt-%d' % STEPS)
    metrics = json.loads((model / 'metrics.json').read_text())
    assert metrics['global_step'] == STEPS
    assert {'mAP_voc07', 'mAP_voc12', 'mIoU', 'per_class'} <= set(metrics)
    assert len(metrics['per_class']) == 9  # background and eight shapes
    tags = scalar_tags(model)
    assert {'loss/total', 'loss/class', 'loss/bbox', 'loss/segmentation', 'loss/weight_decay', 'optimizer/learning_rate',
            'train/accuracy', 'images_per_second'} <= tags
    assert 'loss' not in tags  # Estimator's own, which is loss/total
    assert any('mAP_voc12' in tag for tag in scalar_tags(model / 'eval'))


def test_tensorboard_shows_what_goes_in_and_where_the_time_goes(folder):
    setup = scalar_tags(folder / 'model' / 'setup')
    assert {'inputs/000', 'inputs/001', 'inputs/002', 'configuration/network', 'configuration/train'} <= setup
    assert 'inputs/003' not in setup
    tags = scalar_tags(folder / 'model')
    assert 'outputs/confidence' in tags and any(tag.startswith('weights/') for tag in tags)
    assert {'pictures/000', 'pictures/001', 'pictures/002'} <= scalar_tags(folder / 'model' / 'eval')
    names = sorted(os.listdir(str(folder / 'model' / 'profile')))
    assert names == ['operations.txt', 'timeline_1.json', 'timeline_2.json']
    assert 'Conv2DBackpropFilter' in (folder / 'model' / 'profile' / 'operations.txt').read_text()


def scalar_tags(folder):
    """Tags of all summaries in the event files of a folder."""
    return {value.tag for name in os.listdir(str(folder)) if 'tfevents' in name
            for event in tf.train.summary_iterator(os.path.join(str(folder), name)) for value in event.summary.value}


def test_a_finished_run_does_nothing(folder):
    before, saved = sorted(os.listdir(str(folder / 'model'))), (folder / 'model' / 'config.json').read_bytes()
    main.run(configuration(folder, mode='train').replace(train=dict(learning_rate=9.)))
    assert (folder / 'model' / 'config.json').read_bytes() == saved
    assert sorted(os.listdir(str(folder / 'model'))) == before


def test_evaluation_repeats_the_metrics(folder):
    expected = json.loads((folder / 'model' / 'metrics.json').read_text())
    found = main.run(configuration(folder, mode='eval', reevaluate=True))
    for key in ('global_step', 'mAP_voc07', 'mAP_voc12', 'mIoU'):
        assert found[key] == pytest.approx(expected[key], abs=1e-6), key


@pytest.fixture(name='pictures')
def two_pictures(folder):
    """Two image files of different sizes."""
    paths = [folder / 'a.jpg', folder / 'b.png']
    random = np.random.RandomState(1)
    for path, size in zip(paths, ((60, 90), (200, 128))):
        cv2.imwrite(str(path), cv2.resize(random.randint(0, 255, (6, 9, 3)).astype(np.uint8), size[::-1]))
    return paths


def test_the_saved_model_finds_what_predict_finds(folder, pictures):
    predicted = main.run(configuration(folder, mode='predict', input_paths=tuple(map(str, pictures)), min_score=0, output_dir=str(folder / 'out')))
    for entry, path in zip(predicted['images'], pictures):
        mask = cv2.imread(str(folder / 'out' / entry['mask']), cv2.IMREAD_UNCHANGED)
        assert mask.shape[:2] == cv2.imread(str(path)).shape[:2]
        assert (folder / 'out' / entry['picture']).exists()
    rows = json.loads((folder / 'out' / 'detections.json').read_text())
    exported = main.run(configuration(folder, mode='export', output_dir=str(folder / 'export'), export_formats=('saved_model', 'frozen')))
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.load(session, ['serve'], exported).signature_def['raw_masks']
        found = session.run({key: tensor.name for key, tensor in signature.outputs.items()},
                            {signature.inputs['image_bytes'].name: [path.read_bytes() for path in pictures]})
    for i, entry in enumerate(predicted['images']):
        own = [row for row in rows if row['image_id'] == i]
        x, y, width, height = np.array([row['bbox'] for row in own]).T
        boxes = np.stack([y, x, y + height, x + width], axis=1) / ([entry['height'], entry['width']] * 2)
        assert found['num_detections'][i] == len(own) > 0
        np.testing.assert_allclose(found['scores'][i, :len(own)], [row['score'] for row in own], atol=1e-5)
        # After four steps many scores are the same to the last digits: rounding, which depends on the size of the batch, decides which are kept.
        same = np.abs(found['boxes'][i, :len(own), None] - boxes).max(axis=-1) < 1e-4
        assert same.any(axis=0).mean() > .9 and same.any(axis=1).mean() > .9
    assert found['segmentation'].shape == (2, 200, 128)


def test_an_export_is_evaluated_as_its_checkpoint_is(folder, monkeypatch):
    expected = json.loads((folder / 'model' / 'metrics.json').read_text())
    results = main.run(configuration(folder, mode='eval', model=str(folder / 'export')))
    assert sorted(results) == ['frozen.pb (raw, float32)', 'saved_model.pb (complete, float32)', 'saved_model.pb (raw, float32)']
    for name, result in results.items():
        for key in ('mAP_voc12', 'mIoU', 'num_images'):
            assert result[key] == pytest.approx(expected[key], abs=.005), (name, key)
    one = main.run(configuration(folder, mode='eval', model=str(folder / 'export'), engine='tensorflow', eval_limit=2))
    assert {result['num_images'] for result in one.values()} == {2} and len(one) == 3
    monkeypatch.setattr(registry, 'missing', lambda name: [])
    with pytest.raises(UserError, match='has no file that it runs, but some for --engine=tensorflow'):
        main.run(configuration(folder, mode='eval', model=str(folder / 'export'), engine='onnxruntime'))


@pytest.mark.parametrize('file', ['', 'frozen.pb'])
def test_an_export_predicts_what_its_checkpoint_does(folder, pictures, file, monkeypatch, capsys):
    """The SavedModel by its complete outputs, and the frozen graph by raw ones."""
    path = os.path.join(str(folder / 'export'), sorted(os.listdir(str(folder / 'export')))[-1], file)
    bad = folder / 'bad.jpg'
    bad.write_bytes(b'no picture')
    config = configuration(folder, mode='predict', model=path, input_paths=tuple(map(str, pictures + [bad])), min_score=0,
                           output_dir=str(folder / 'by'))
    monkeypatch.setattr(choice, 'hint', lambda used, exported: 'Faster than %s.' % exported.file)
    found = main.run(config.replace(data=dict(on_bad_record='skip')))
    assert 'Faster than %s.' % (file or 'saved_model.pb') in capsys.readouterr().err
    assert os.path.basename(found['info']['export']) == (file or 'saved_model.pb') and found['info']['global_step'] == STEPS
    assert [one['file_name'] for one in found['skipped']] == [str(bad)]
    rows, expected = [json.loads((folder / name / 'detections.json').read_text()) for name in ('by', 'out')]
    for i in range(len(pictures)):
        scores = [[row['score'] for row in part if row['image_id'] == i] for part in (rows, expected)]
        np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    masks = [cv2.imread(str(folder / name / found['images'][0]['mask'])) for name in ('by', 'out')]
    assert np.mean(masks[0] != masks[1]) < .01


def test_an_engine_without_a_file_of_this_checkpoint_says_how_to_make_it(folder, pictures, monkeypatch):
    monkeypatch.setattr(registry, 'missing', lambda name: [])
    with pytest.raises(UserError, match='--engine=openvino runs exported files, and .*export has none for it of this checkpoint. '
                       'This makes one: python main.py --mode=export --model_dir=.*model --export_formats=openvino'):
        main.run(configuration(folder, mode='predict', engine='openvino', input_paths=(str(pictures[0]),)))


@pytest.mark.parametrize('split', ['val', 'eval'])
def test_the_files_of_a_predicted_split_score_as_its_evaluation(folder, split, capsys):
    out = folder / ('predicted-' + split)
    # In batches of the evaluation's size, as rounding depends on it.
    predicted = main.run(configuration(folder, mode='predict', input_paths=(split,), min_score=0, output_dir=str(out), save=('json', 'masks')))
    assert len(predicted['images']) == 8 and not predicted['skipped']
    found = score.main(['--dataset=shapes_small', '--data_dir=%s' % (folder / 'data'), '--detections=%s' % (out / 'detections.json'),
                        '--masks=%s' % (out / 'masks')])
    expected = json.loads((folder / 'model' / 'metrics.json').read_text())
    for key in ('mAP_voc07', 'mAP_voc12', 'mIoU'):
        assert found[key] == pytest.approx(expected[key], abs=1e-6) and expected[key] is not None
    assert 'split val' in capsys.readouterr().out


def test_a_word_that_is_neither_file_nor_split_is_refused(folder):
    with pytest.raises(UserError, match=r'--input=vla: there is no such file or folder, and no such split of .* shapes_small \(train, val\)'):
        main.run(configuration(folder, mode='predict', input_paths=('vla',)))


def test_a_prediction_that_left_images_out_ends_with_3(folder, pictures, monkeypatch, capsys):
    config = configuration(folder, mode='predict', input_paths=tuple(map(str, pictures)), output_dir=str(folder / 'out'))
    (folder / 'c.jpg').write_bytes(b'no image')
    monkeypatch.setattr(main.flags, 'refuse_positional', lambda *words: None)
    monkeypatch.setattr(main.flags, 'given_words', lambda without: [])
    for paths, action, code in ((2, 'skip', 0), (3, 'skip', 3), (3, 'error', 2)):
        inputs = tuple(map(str, (pictures + [folder / 'c.jpg'])[:paths]))
        monkeypatch.setattr(main.flags, 'make_config', lambda: config.replace(run=dict(input_paths=inputs), data=dict(on_bad_record=action)))
        assert main.main(['main.py']) == code
    assert 'c.jpg: the image cannot be decoded' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.one_python
def test_evaluations_and_stops_between_change_no_bit_of_what_is_learnt(folder):
    def weights(name, every):
        config = configuration(folder, mode='train', model_dir=str(folder / name), eval_every=every)
        main.run(config.replace(run=dict(save_every=2)))
        reader = tf.train.load_checkpoint(str(folder / name / ('model.ckpt-%d' % STEPS)))
        return {variable: reader.get_tensor(variable) for variable in reader.get_variable_to_shape_map()}
    uninterrupted, interrupted = weights('uninterrupted', 0), weights('interrupted', 2)
    assert set(uninterrupted) == set(interrupted)
    assert [name for name, value in uninterrupted.items() if not np.array_equal(value, interrupted[name])] == []


def test_another_network_is_refused_in_the_same_folder(folder, monkeypatch):
    import input_fn
    monkeypatch.setattr(input_fn, 'open_dataset', lambda data, role: pytest.fail('The data were prepared first.'))
    config = configuration(folder, mode='train')
    with pytest.raises(UserError, match='another network'):
        main.run(config.replace(network=dict(top_fm=32), train=dict(train_steps=STEPS + 2)))
    names = tuple(reversed(saved_config.read(config.run.model_dir).data.class_names))
    with pytest.raises(UserError, match='other classes'):
        main.run(config.replace(data=dict(class_names=names)))


def test_each_process_trains_on_its_own_share(tmp_path, monkeypatch):
    import input_fn
    from blitznet_estimator.drivers import train
    shares = []
    monkeypatch.setattr(input_fn, 'open_dataset', lambda data, role: types.SimpleNamespace(num_examples=100))
    monkeypatch.setattr(input_fn, 'make_input_fn', lambda config, source, mode, shard=(0, 1), first_batch=0: shares.append((shard, first_batch)))
    monkeypatch.setattr(train, 'run', lambda config, platform, make, *rest, **options: make(7))
    platform = types.SimpleNamespace(shard=(3, 8), is_chief=False, num_workers=8, only_evaluates=False, only_serves=False, makes_own_steps=False,
                                     resolved=lambda config: config, batches_before=lambda step: 2 * step)
    main.MODES['train'](configuration(tmp_path, mode='train'), platform)
    assert shares == [((3, 8), 14)]


def test_a_dry_run_shows_everything_and_writes_nothing(tmp_path, capsys):
    main.run(configuration(tmp_path, mode='train', dry_run=True))
    shown = capsys.readouterr().out
    assert 'train_steps=%d' % STEPS in shown and 'Graph scan' in shown and 'nothing found' in shown
    assert not os.listdir(str(tmp_path))


def test_ctrl_c_in_any_mode_is_one_line(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(main.flags, 'refuse_positional', interrupted)
    assert main.main(['main.py']) == 130
    assert capsys.readouterr().err == 'Stopped by Ctrl-C.\n'


@pytest.mark.slow
@pytest.mark.one_python
@pytest.mark.parametrize('number, name, code', [(signal.SIGINT, 'Ctrl-C', 130), (signal.SIGTERM, 'SIGTERM', 143)])
def test_a_signal_while_training_saves_the_step_in_one_line(folder, tmp_path, number, name, code):
    model = tmp_path / 'model'
    command = [sys.executable, 'main.py', '--mode=train', '--preset=tiny', '--dataset=shapes_small', '--data_dir=%s' % (folder / 'data'),
               '--model_dir=%s' % model, '--batch_size=2', '--image_size=64', '--top_fm=16', '--save_every=3', '--platform=cpu']
    with open(str(tmp_path / 'err'), 'w') as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=hear_all)
        try:
            end = time.time() + 120
            while time.time() < end and process.poll() is None and not tf.train.latest_checkpoint(str(model)):
                time.sleep(.1)
            process.send_signal(number)
            assert process.wait(120) == code
        finally:
            process.kill()
    lines = (tmp_path / 'err').read_text().splitlines()
    step = int(tf.train.latest_checkpoint(str(model)).rsplit('-', 1)[1])
    assert step >= 3 and lines[-1] == 'Stopped by %s. Step %d is saved; the same command resumes from there.' % (name, step)
    assert not any('Traceback' in line for line in lines)
