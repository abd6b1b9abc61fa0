"""The benchmark: the common pictures, the limits of the machine, the report, and real works on a small network."""
import dataclasses
import importlib.util
import json
import pathlib
import types

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from blitznet_estimator import files
from blitznet_estimator.drivers.predictions import predict_images
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets.formats import REFERENCE_JPEG
from input_fn.datasets.reader import read_samples
from input_fn.datasets.source import Source
from model_fn.kernels import thresholds
from tools import benchmark
from tools.benchmarks import (
    engines,
    limits,
    measure,
    ours,
    reference,
    reference_runner,
    report,
    runner,
    training,
    workspace,
)


def test_each_part_is_saved_and_gets_its_share_of_the_time(tmp_path, monkeypatch, capsys):
    clock = iter(range(0, 10 ** 6, 60))  # a minute goes by from look to look
    monkeypatch.setattr(measure, 'Bench', lambda *args: types.SimpleNamespace(limits=lambda: {'x': 1}, copied=None))
    monkeypatch.setattr(measure.time, 'monotonic', lambda: float(next(clock)))
    shares, saved = [], []

    def add(bench, found, tell, until):
        tell('ours starts')
        found['results'].append(len(saved))
        shares.append(until)
    monkeypatch.setattr(measure, '_parts', lambda works, args: [('one', add), ('two', add)])
    args = benchmark.parse(['train', '--minutes=5'])
    found = measure.measure(['train'], None, None, '', None, args, lambda report: saved.append(list(report['results'])))
    assert saved == [[0], [0, 1]] and found['results'] == [0, 1] and found['limits'] == {'x': 1}
    assert shares[0] < 300 and shares[1] <= 300  # half of what is left, then all of it
    assert 'Measuring: 1/3, one: ours starts' in capsys.readouterr().err


def test_a_stop_says_where_the_figures_are(tmp_path, monkeypatch, caplog):
    def stopped(names, config, data_config, folder, size, args, save):
        save({'results': [1]})
        raise KeyboardInterrupt
    monkeypatch.setattr(measure, 'measure', stopped)
    with pytest.raises(KeyboardInterrupt):
        benchmark.benchmark(benchmark.parse(['train', '--output_dir=%s' % tmp_path]))
    assert 'what was measured until then is in %s' % (tmp_path / 'benchmark.json') in caplog.text
    assert json.loads((tmp_path / 'benchmark.json').read_text()) == {'results': [1]}


class Sample:
    """What a host sample gives."""
    boxes = np.array([[.25, .1, .75, .6]], np.float32)
    classes = np.array([2], np.int32)

    def image(self):
        return np.full([30, 40, 3], (200, 10, 10), np.uint8)

    def mask(self):
        return np.full([30, 40], 2, np.uint8)


def test_the_workspace_holds_the_same_pictures_twice(tmp_path):
    made = workspace.write(str(tmp_path), [Sample(), Sample()], ('cat', 'dog'), (80, 60), 3)
    source = Source('records', 'train', (made.records,), REFERENCE_JPEG, made.class_names, 3)
    samples = list(read_samples(source))
    assert len(samples) == 3 and len(made.images) == 2 and len(made.class_names) == 20
    assert samples[0].image().shape == (60, 80, 3) and np.abs(samples[0].image()[5, 5].astype(int) - (200, 10, 10)).max() < 5
    assert samples[0].mask().shape == (60, 80) and (samples[0].mask() == 2).all()
    np.testing.assert_allclose(samples[0].boxes, Sample.boxes)
    assert cv2.imread(made.images[0]).shape == (60, 80, 3)
    annotation = open(made.images[0].replace('JPEGImages', 'Annotations').replace('.jpg', '.xml')).read()
    assert '<name>dog</name>' in annotation and '<ymin>15</ymin><xmin>8</xmin><ymax>45</ymax><xmax>48</xmax>' in annotation


def test_too_many_classes_for_the_published_heads(tmp_path):
    with pytest.raises(UserError, match='has 21 classes'):
        workspace.write(str(tmp_path), [Sample()], tuple('abcdefghijklmnopqrstu'), None, 1)


def test_limits_are_rates():
    jpeg = cv2.imencode('.jpg', np.zeros([20, 20, 3], np.uint8))[1].tobytes()
    found = limits.measure('fp32', 1, .01, 1, tf.ConfigProto(intra_op_parallelism_threads=1), [jpeg] * 2)
    assert len(found) == 5 and all(rate > 0 for rate in found.values())


REPORT = dict(
    machine=dict(processor='Abacus', tensorflow='2.15.1'), settings=dict(preset='tiny', precision='fp32'),
    limits={'memory copy, GB/s': 18.},
    results=[dict(label='input pipeline', side='ours', peak_mb=500., of_limit=.25, stages={
        'total': dict(seconds=.002, low=.001, high=.003, images_per_second=500.),
        'decode': dict(seconds=.001, low=.001, high=.001, images_per_second=1000.)})],
    ratios=[dict(label='input pipeline', median=20., low=18., high=22., memory=.5)])


def test_the_table_has_a_row_a_stage():
    lines = [line.split() for line in report.format_table(REPORT).splitlines()]
    assert ['input', 'pipeline', 'ours', '2.00', '1.00-3.00', '500.0', '25', '%', '500'] in lines
    assert ['decode', '1.00', '1.00-1.00', '1000.0'] in lines
    assert ['input', 'pipeline', '20.00', '18.00-22.00', '0.50'] in lines


def test_the_table_shows_the_growth():
    found = dict(resident_mb=[300.2, 310.4], mb_a_cycle=10.2)
    assert 'MB: 300 310; growth in the end: 10.20 MB a cycle' in report.format_table(dict(REPORT, growth=found))


def test_chart_of_reports(tmp_path):
    path = str(tmp_path / 'benchmark.json')
    files.write_json(path, REPORT)
    benchmark.main(['chart', path, path, '--output_dir=%s' % tmp_path])
    assert cv2.imread(str(tmp_path / 'benchmark.png')).std() > 1
    files.write_json(path, dict(REPORT, ratios=[]))
    with pytest.raises(UserError, match='holds no ratios'):
        benchmark.main(['chart', path, '--output_dir=%s' % tmp_path])
    with pytest.raises(UserError, match='no.json, the report of a benchmark: not a readable JSON file .No such file'):
        benchmark.main(['chart', str(tmp_path / 'no.json')])


def test_chart_has_no_bar_of_what_a_report_lacks(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Axes, 'text', lambda axes, x, y, text, **style: drawn.append(text))
    evaluation = dict(label='evaluation', median=3., low=3., high=3., memory=1.)
    more = dict(REPORT, ratios=REPORT['ratios'] + [evaluation, dict(evaluation, label='its network alone', median=4., part=True)])
    report.draw_chart(str(tmp_path / 'chart.png'), [more, REPORT])
    assert drawn == [' 20.0', ' 3.0', ' 20.0']


@pytest.fixture(scope='module')
def order(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('benchmark'))
    made = workspace.write(folder, [Sample()] * 2, ('cat', 'dog'), (80, 60), 4)
    small = preset_config('tiny', network=dict(image_size=64, top_fm=16, n_base_channels=8), data=dict(batch_size=2, eval_batch_size=2))
    config = ours.benchmark_config(small.replace(run=dict(platform='cpu')), made)
    return runner.Order('', config, 0., made.images, '', folder)


@pytest.fixture(scope='module')
def checkpoint(order):
    with tf.Graph().as_default():
        return runner.WORKS['checkpoint'](order)[1]['checkpoint']


def test_the_checkpoint_leaves_few_boxes_above_the_threshold(order, checkpoint):
    reader = tf.train.load_checkpoint(checkpoint)
    biases = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name.endswith('/biases')}
    confidence = [values for name, values in biases.items() if '/confidence/' in name]
    assert confidence and all((values[::21] == training.BACKGROUND_LEAD).all() and np.abs(values[1:21]).max() < .1 for values in confidence)
    assert len(biases) > len(confidence) and all(values.any() for values in biases.values())  # TensorFlow leaves a bias of 0 out


@pytest.mark.parametrize('work, stages', [
    ('forward', {'total'}), ('train', {'total'}), ('eval', {'total'}), ('eval_network', {'total'}), ('input_unavoidable', {'total'}),
    ('export', {'total'}), ('predict', {'total'}), ('outputs', {'total'}),
    ('predict_parts', {'total', 'decode', 'network', 'post-processing'}),
    ('storage', {'total', '1 open file', '2 open files', '4 open files', '8 open files'}),
    ('input_stages', {'total', 'read', 'parse', 'choose, move boxes, match', 'decode the image', 'resize, distort, mask', 'batch'})])
def test_every_work_gives_seconds_an_image(order, checkpoint, work, stages):
    with tf.Graph().as_default():
        run_round, facts = runner.WORKS[work](dataclasses.replace(order, work=work, checkpoint=checkpoint))
        found = run_round()
    assert set(found) == stages
    assert all(0 <= seconds < 60 for samples in found.values() for seconds in samples) and (found['total'][0] > 0) == (work != 'outputs')
    if work == 'outputs':
        assert {name: 1000 <= len(values) < 2000 for name, values in facts['outputs'].items()} == dict.fromkeys(
            ('confidence', 'location', 'segmentation'), True)
    if work in ('train', 'forward'):
        assert .01 < facts['gflop'] < 10


def test_engines_are_measured_on_the_files_of_an_export(order, export, monkeypatch):
    """The SavedModel in float32 and bfloat16; engines that are not installed are left out."""
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    sides = engines.sides(export, order.config)
    assert list(sides) == ['tensorflow float32', 'tensorflow bfloat16']
    assert [config.train.precision for config, _ in sides.values()] == ['fp32', 'mixed']
    finished = []
    monkeypatch.setattr(engines, 'predict_images', lambda *args: (finished.append(one) or one for one in predict_images(*args)))
    config, file = sides['tensorflow float32']
    variables = next(pathlib.Path(json.loads(file)[0]).glob('variables/*.data*'))
    for name, stages in ((file, ['total']), (file.replace('complete', 'raw'), ['total', 'runtime alone'])):
        run_round, facts = runner.WORKS['engine'](dataclasses.replace(order, work='engine', config=config.replace(data=dict(eval_batch_size=3)),
                                                                      file=name))
        found = run_round()
        assert list(found) == stages and all(0 < seconds < 60 for samples in found.values() for seconds in samples)
        assert finished and len(finished) % 3 == 0  # the boxes and masks were made
        finished.clear()
        assert facts['MB on disk'] > variables.stat().st_size / 1e6  # which lie beside the graph


def test_the_network_alone_is_made_of_the_convolutions_of_predictions(order, checkpoint, monkeypatch):
    for limit in 'WINOGRAD_LEAST_SIDE', 'WINOGRAD_LEAST_CHANNELS', 'WINOGRAD_LEAST_DEPTH':
        monkeypatch.setattr(thresholds, limit, 1)
    with tf.Graph().as_default() as graph:
        runner.WORKS['forward'](dataclasses.replace(order, work='forward', checkpoint=checkpoint))
        products = [op.outputs[0].shape for op in graph.get_operations() if op.type.startswith('BatchMatMul')]
        assert any(shape[0] in (36 // thresholds.WINOGRAD_PARTS, 49 // thresholds.WINOGRAD_PARTS) for shape in products)  # Winograd's


def _class_file(folder):
    path = folder / 'classes.txt'
    path.write_text('\n'.join('abcdefghijk'))
    return path


@pytest.mark.slow
@pytest.mark.one_python
def test_a_benchmark_from_the_command_line(tmp_path, capsys):
    class_file = _class_file(tmp_path)
    benchmark.main(['input', '--preset=tiny', '--dataset=records', '--eval_files=tests/golden/camvid_val4_reference_jpeg.tfrecord',
                    '--class_file=%s' % class_file, '--batch_size=2', '--num_images=4', '--rounds=1', '--seconds=0', '--threads=1',
                    '--output_dir=%s' % tmp_path])
    found = json.load(open(str(tmp_path / 'benchmark.json')))
    assert [result['label'] for result in found['results']] == ['input pipeline', 'input, decoding, resizing, matching alone', 'input, by stage']
    assert found['results'][0]['facts'] == {'tensorflow': tf.__version__} and found['results'][0]['of_limit'] > 0
    assert 'JPEG decoding, images/s' in capsys.readouterr().out


def test_a_part_is_measured_beside_the_whole_of_the_reference(order, tmp_path, monkeypatch):
    orders = []
    monkeypatch.setattr(reference, 'Worker', lambda name, command, *args, **kwargs: orders.append(json.loads(command[-1])))
    made = workspace.Workspace(str(tmp_path), '', order.config.data.class_names, order.images)
    for work in 'eval_network', 'input_unavoidable', 'train':
        reference.starter(work, '', order.config, made, '', 2, 0)()
    assert [sent['work'] for sent in orders] == ['eval', 'input', 'train']
    assert set(runner.WORKS) >= set(reference.WHOLE) and set(reference_runner.WORKS) >= set(reference.WHOLE.values())


class _Told:
    """Stands for a worker that told the facts."""

    def __init__(self, **facts):
        self.facts = facts

    def kill(self):
        pass


OUTPUTS = {'confidence': [3., -4.], 'location': [.5, .25]}


@pytest.mark.parametrize('theirs, precision, message', [
    ({'confidence': [3., -4.001], 'location': [.5, .25]}, 'fp32', None),
    ({'confidence': [3., -4.01], 'location': [.5, .25]}, 'fp32', 'confidence of the two sides differs by 0.0025 of its largest value'),
    ({'confidence': [3., -4.01], 'location': [.5, .25]}, 'mixed', None),
    ({'confidence': [3., -4.], 'location': [.5, .75]}, 'mixed', 'location of the two sides .* times cannot be compared'),
    ({'confidence': [3., float('nan')], 'location': [.5, .25]}, 'fp32', 'differs by nan'),
    ({'confidence': [3., -4.]}, 'fp32', 'different outputs'),
])
def test_both_sides_must_compute_the_same(tmp_path, monkeypatch, theirs, precision, message):
    """`measure` with stand-ins for the sides: their outputs are compared before anything is timed."""
    asked = []

    def starter(side, outputs):
        def start(work, *rest):
            asked.append((side, work))
            return lambda: _Told(outputs=outputs, checkpoint='weights')
        return start
    monkeypatch.setattr(measure.ours, 'starter', starter('ours', OUTPUTS))
    monkeypatch.setattr(measure.reference, 'starter', starter('reference', theirs))
    monkeypatch.setattr(measure.reference, 'check', lambda *args: None)
    monkeypatch.setattr(measure.reference, 'copy', lambda *args: 'copy')
    monkeypatch.setattr(measure.Bench, 'limits', lambda bench: {})
    monkeypatch.setattr(measure, 'alternate', lambda starters, rounds, tell, until: {
        side: dict(facts={}, rounds=[{'total': [1.]}], peak_mb=1.) for side in starters})
    args = benchmark.parse(['train', '--reference=checkout', '--precision=%s' % precision, '--num_images=1', '--dataset=records',
                            '--eval_files=tests/golden/camvid_val4_reference_jpeg.tfrecord', '--class_file=%s' % _class_file(tmp_path)])

    def run():
        return measure.measure(['train'], benchmark.make_config(args), benchmark.arguments.data_config(args), str(tmp_path), None, args)

    if message:
        with pytest.raises(UserError, match=message):
            run()
        assert asked == [('ours', 'checkpoint'), ('ours', 'outputs'), ('reference', 'outputs')]
    else:
        assert 0 < run()['outputs_differ_by'] < .01 and ('reference', 'train') in asked


@pytest.mark.parametrize('arguments, message', [
    (['train', '--preset=tiney'], 'Nearest: tiny'),
    (['trane'], 'Nearest: train'),
    (['train', '--rounds=0'], '--rounds=0'),
    (['train', '--batch_size=0'], '--batch_size=0'),
    (['train', '--picture_size=big'], 'is not WIDTHxHEIGHT'),
    (['engines'], 'name one by --export=FOLDER'), (['engines', '--export=none'], '--export=none: there is no export'),
    (['train', '--reference=.', '--preset=blitznet300', '--dataset=shapes_small'], 'resnet.py'),
])
def test_wrong_arguments_are_sentences(arguments, message):
    with pytest.raises(UserError, match=message):
        benchmark.main(arguments)
