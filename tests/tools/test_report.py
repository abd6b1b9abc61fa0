"""The report of a small run: what is on the page, what is read from the run's files, and what is missing."""
import base64
import json
import re

import cv2
import numpy as np
import pytest

from blitznet_estimator.colors import class_color
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.prediction_writer import PredictionWriter
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tests.tools.fake_predictions import near_truth
from tools.predictions import open_folder
from tools.report import __main__ as tool
from tools.report import analysis, history, history_charts, pictures


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """(folder of a model: config.json, event files, metrics.csv, evaluation/; the Source; its metrics)."""
    root = tmp_path_factory.mktemp('report')
    folder = root / 'a <model>'
    folder.mkdir()
    config = preset_config('tiny', data=dict(dataset='shapes_small', prepared_dir=str(root)), train=dict(learning_rate=.25))
    (folder / 'config.json').write_text(config.to_json())
    source = open_dataset(config.data, 'eval')
    writer, scorer = PredictionWriter(str(folder / 'evaluation'), source.class_names), Scorer(source.class_names)
    for sample in read_samples(source):
        for sink in (writer, scorer):
            sink.update(near_truth(sample), sample)
    writer.close()
    with tf.Graph().as_default():
        events = tf.summary.FileWriter(str(folder))
        for step in range(0, 100, 10):
            values = [tf.Summary.Value(tag=tag, simple_value=step / 10.) for tag in ('loss/total', 'loss/class', 'images_per_second')]
            events.add_summary(tf.Summary(value=values), step)
        events.close()
        events = tf.summary.FileWriter(str(folder / 'eval'))
        for step, tag in ((20, 'AP_voc12/circle'), (40, 'z_details/AP_voc12/circle')):  # as written earlier, and today
            tags = ('metrics/mAP_voc12', tag, 'z_details/num_objects/circle') if step == 20 else (tag,)
            events.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=.25) for tag in tags]), step)
        events.close()
    (folder / 'metrics.csv').write_text('global_step,checkpoint,weights,mAP_voc12,mIoU\n50,a.ckpt,12e4,.25,\n100,b.ckpt,5,.5,.75\n')
    (folder / 'metrics.json').write_text(json.dumps({'global_step': 100}))
    return folder, source, scorer.result()


def test_the_page(run, capsys):
    folder, source, metrics = run
    path = tool.main(['--model_dir=%s' % folder, '--images=2'])
    assert path == str(folder / 'report' / 'report.html') and path in capsys.readouterr().out
    with open(path) as file:
        page = file.read()
    assert '<title>BlitzNet: a &lt;model&gt;</title>' in page and 'evaluated at step 100' in page
    titles = re.findall(r'<h2 id="[a-z-]+">([^<]+)</h2>', page)
    assert titles == ['Training', 'Evaluations', 'Classes', 'Scores', 'Precision and recall', 'Errors of detection', 'Confusion', 'Data',
                      'Worst images', 'Best images', 'Configuration']
    assert page.index('class="tiles"') < page.index('id="training"') < page.index('curve loss total') < page.index('curve loss class')
    for number, name in enumerate(source.class_names, 1):  # a class has its colour in the table and in the legends
        assert page.count('<i class="swatch" style="background: %s"></i>%s<' % (class_color(number), name)) == 3
    assert '<b>%.3f</b>' % metrics['mAP_voc12'] in page and '<b>%.3f</b>' % metrics['mIoU'] in page
    assert 'training, images/s</span><b>5.0' in page
    assert re.search(r'class="changed"><td>learning_rate</td><td>0.25<', page)
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # nothing outside the page


def test_the_step_is_that_of_the_predictions(run, tmp_path):
    """Not of metrics that an evaluation with --nowrite_predictions left since."""
    folder, _, _ = run
    own = folder / 'evaluation' / 'metrics.json'
    own.write_text(json.dumps({'global_step': 50}))
    data = ['--dataset=shapes_small', '--prepared_dir=%s' % folder.parent]
    try:
        for words in (['--model_dir=%s' % folder], ['--predictions=%s' % (folder / 'evaluation')] + data):
            with open(tool.main(words + ['--images=0', '--output=%s' % tmp_path])) as file:
                assert 'evaluated at step 50' in file.read()
    finally:
        own.unlink()


def test_every_image_is_embedded_and_a_file(run):
    folder, _, _ = run
    path = tool.main(['--model_dir=%s' % folder, '--images=2', '--output=%s' % (folder / 'other')])
    with open(path) as file:
        embedded = {base64.b64decode(data) for data in re.findall(r'src="data:image/[a-z]+;base64,([^"]+)"', file.read())}
    files = {entry.name: entry.read_bytes() for entry in (folder / 'other').iterdir() if entry.suffix in ('.png', '.jpg')}
    assert set(files.values()) == embedded
    assert {'worst_1.jpg', 'worst_2.jpg', 'best_2.jpg', 'confusion_boxes.png', 'curve_loss_total.png', 'curve_loss_class.png',
            'curve_mAP_voc12.png', 'curve_AP_voc12.png', 'threshold_f1.png', 'precision_recall_8.png', 'data_objects.png', 'data_pixels.png',
            'data_box_shapes.png', 'data_box_sides.png'} <= set(files)
    assert all(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).std() > 1 for data in files.values())


def test_without_predictions_the_page_says_so(run, tmp_path):
    folder, _, _ = run
    (tmp_path / 'config.json').write_text((folder / 'config.json').read_text())
    with open(tool.main(['--model_dir=%s' % tmp_path])) as file:
        page = file.read()
    assert 'No predictions were found' in page and 'main.py --mode=eval' in page and 'Worst images' not in page


def test_from_predictions_alone(run, tmp_path):
    folder, source, _ = run
    with open(tool.main(['--predictions=%s' % (folder / 'evaluation'), '--output=%s' % tmp_path, '--dataset=shapes_small',
                         '--prepared_dir=%s' % folder.parent])) as file:
        page = file.read()
    assert 'Worst images' in page and 'Configuration' not in page and 'Training' not in page


def test_missing_things_are_sentences(run, tmp_path):
    with pytest.raises(UserError, match='Nothing to report on'):
        tool.main([])
    with pytest.raises(UserError, match='holds no config.json'):
        tool.main(['--model_dir=%s' % tmp_path])
    with pytest.raises(UserError, match='holds neither detections.json nor masks/'):
        tool.main(['--predictions=%s' % tmp_path, '--dataset=shapes_small', '--prepared_dir=%s' % run[0].parent])


def test_history(run):
    curves = history.read_history(str(run[0]))
    assert curves['loss/total'] == [(step, step / 10.) for step in range(0, 100, 10)]
    assert curves['mAP_voc12'] == [(20, .25), (50, .25), (100, .5)] and curves['mIoU'] == [(100, .75)] and 'checkpoint' not in curves
    assert curves['AP_voc12/circle'] == [(20, .25), (40, .25)] and 'weights' not in curves


def test_evaluations_of_another_split_are_no_part_of_the_history(tmp_path):
    (tmp_path / 'metrics.csv').write_text('global_step,settings,mIoU\n50,a,.25\n50,b,.75\n100,a,.5\n')
    for folder, value in (('eval', 1.), ('eval-shapes-test-b', 2.)):
        with tf.Graph().as_default():
            writer = tf.summary.FileWriter(str(tmp_path / folder))
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag='AP_voc12/circle', simple_value=value)]), 50)
            writer.close()
    assert history.read_history(str(tmp_path)) == {'mIoU': [(50, .25), (100, .5)], 'AP_voc12/circle': [(50, 1.)]}
    assert history.read_history(str(tmp_path), settings='b')['mIoU'] == [(50, .75)]
    assert history.read_history(str(tmp_path), settings='unknown')['mIoU'] == [(50, .25), (100, .5)]


def test_speed_of_training_is_the_median_or_that_of_the_whole_run(tmp_path):
    assert history.training_speed(str(tmp_path), {}) is None
    (tmp_path / 'run_summary.json').write_text('{"images_per_second": 45.5}')
    assert history.training_speed(str(tmp_path), {}) == 45.5
    assert history.training_speed(str(tmp_path), {'images_per_second': [(10, 5.), (20, 7.), (30, 1.)]}) == 5.


def test_images_without_predictions_are_left_out(run, tmp_path):
    """As --on_bad_record=skip makes it: no missed objects, and no missing mask."""
    _, source, _ = run
    writer, scorer = PredictionWriter(str(tmp_path), source.class_names), Scorer(source.class_names)
    for sample in read_samples(source):
        if sample.source_id % 3:
            for sink in (writer, scorer):
                sink.update(near_truth(sample), sample)
    writer.close()
    predictions, steps = open_folder(str(tmp_path), source.class_names), []
    found = analysis.analyse(source, predictions, lambda: steps.append(1))
    assert found.result['num_images'] == scorer.num_images == predictions.num_covered(source.num_examples) < source.num_examples
    assert len(steps) == 2 * scorer.num_images
    for name in ('mAP_voc12', 'mIoU'):
        assert found.result[name] == pytest.approx(scorer.result()[name], abs=1e-6)
    assert not any(image % 3 == 0 for image in found.image_scores)


def test_history_of_a_killed_run(run, tmp_path):
    """The last record is cut short; and scalars as tensors, which TensorFlow 2's writers make."""
    with tf.Graph().as_default():
        events = tf.summary.FileWriter(str(tmp_path))
        for step in range(3):
            value = tf.Summary.Value(tag='t', tensor=tf.make_tensor_proto(step + .5))
            events.add_summary(tf.Summary(value=[value]), step)
        events.close()
    path, = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert history.read_history(str(tmp_path)) == {'t': [(0, .5), (1, 1.5)]}


def test_event_files_of_others_are_read_as_far_as_they_are_such(tmp_path):
    good = tf.Summary.Value(tag='t', simple_value=.5)
    odd = [tf.Summary.Value(tag='u', tensor=tf.make_tensor_proto(.5)) for _ in range(3)]
    odd[0].tensor.tensor_content = b'abc'
    for value in odd[:2]:
        value.tensor.ClearField('float_val')
    odd[2].tensor.dtype = tf.string.as_datatype_enum
    records = [tf.Event(step=3, summary=tf.Summary(value=odd + [good])).SerializeToString(), b'no event\xff', b'']
    for name in ('a', 'b'):
        with tf.python_io.TFRecordWriter(str(tmp_path / ('events.out.tfevents.' + name))) as writer:
            for record in records if name == 'a' else records[::-1]:
                writer.write(record)
    (tmp_path / 'events.out.tfevents.c').write_bytes(b'something else' * 9)
    (tmp_path / 'events.out.tfevents.d').mkdir()
    assert history.read_history(str(tmp_path)) == {'t': [(3, .5)]}


def test_long_curves_are_thinned_and_smoothed():
    assert len(history._thinned([(i, 0.) for i in range(2500)])) == 834
    np.testing.assert_allclose(history_charts.smooth([0, 3, 6, 3, 0], share=.2), [1.5, 3, 4, 3, 1.5])


def test_extremes():
    assert pictures.extremes({0: .5, 1: .1, 2: .9, 3: .3, 4: .5}, 2) == ([1, 3], [2, 4])
    assert pictures.extremes({0: .5, 1: .1, 2: .9}, 6) == ([1], [2])
    assert pictures.extremes({0: .5}, 6) == ([], [])


def test_image_scores(run):
    """Two of three boxes found and one wrong: F1 2/3; half of the pixels right."""
    sample = next(read_samples(run[1]))
    sample.boxes = np.array([[0, 0, .4, .4], [.5, .5, 1, 1], [0, .5, .4, 1]], np.float32)
    sample.classes, sample.difficult, sample.crowd = np.array([1, 1, 2]), np.zeros(3, bool), np.zeros(3, bool)
    boxes = np.array([[0, 0, .4, .4], [.5, .5, 1, 1], [0, .5, .4, 1], [0, 0, 1, 1]], np.float32)
    found = {'boxes': boxes, 'classes': np.array([1, 1, 1, 2]), 'scores': np.array([.9, .8, .7, .1])}
    thresholds = np.array([.5] * 9)
    assert analysis.f1(found, sample, thresholds) == pytest.approx(2 / 3)
    sample.difficult[0] = True
    assert analysis.f1(found, sample, thresholds) == pytest.approx(2 / 4)  # one right of two found and two objects
    truth = np.array([[1, 1, 255, 2]], np.uint8)
    assert analysis.pixel_score(np.array([[1, 0, 0, 2]], np.uint8), truth, 9) == pytest.approx((.5 + 1) / 2)
    assert analysis.pixel_score(None, truth, 9) is None
