"""From a checkpoint to the table by way of a frozen graph, files of inputs and files of outputs, with TensorFlow in msame's place."""
import json
import os
import shutil
import types

import cv2
import numpy as np
import pytest

import main
from blitznet_estimator.batch import raw_output_shapes
from blitznet_estimator.config import Config
from blitznet_estimator.drivers.predictions import predict
from blitznet_estimator.drivers.score_outputs import finished, score
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.heads import HEADS
from blitznet_estimator.normalisation import MEAN_RGB
from blitznet_estimator.platforms.atc import aipp_config
from blitznet_estimator.platforms.local import CpuPlatform
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from input_fn import make_image_input_fn
from model_fn import model_fn
from model_fn.network.build import build_network
from tests.tools.ascend.conftest import CLASSES
from tools.ascend import evaluate_om, freeze, inference_files, inference_speed, make_inputs

ATC_OPS = {'Placeholder', 'Const', 'Conv2D', 'BiasAdd', 'Relu', 'MaxPool', 'Pad', 'ConcatV2', 'Concat', 'Mul', 'Sub', 'Add', 'AddV2',
           'Split', 'Mean', 'Reshape', 'ResizeBilinear', 'ResizeNearestNeighbor', 'Identity'}
LAYOUTS = {'msame text': ('2021118_18_51_25_234650/%s_output_%d.txt', 'txt'), 'msame binary': ('2021118_1_5_9_3/%s_output_%d.bin', 'bin'),
           'benchmark below result': ('result/dumpOutput_device0/%s_%d.bin', 'bin'),
           'benchmark': ('dumpOutput_device0/%s_%d.bin', 'bin'), 'benchmark text': ('dumpOutput_device0/%s_%d.txt', 'txt'),
           'ais_bench': ('2023_01_02-03_04_05/%s_%d.npy', 'npy')}

OUTPUTS = tuple(name for head in HEADS.values() for name in head.raw_outputs)  # of the model, which has both heads


def _run_graph(graph_def, images):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name='')
        return session.run([graph.get_tensor_by_name(name + ':0') for name in OUTPUTS], {'input:0': images})


def _msame(graph_def, inputs, outputs, layout, names=OUTPUTS):
    """Run the graph over the input files and leave files as the tool of that layout does, output k being names[k]."""
    pattern, kind = LAYOUTS[layout]
    shape = [node.attr['shape'].shape.dim for node in graph_def.node if node.name == 'input'][0]
    shape = [dim.size for dim in shape]
    write = {'txt': lambda path, values: np.savetxt(path, values.reshape(1, -1), '%.6g'),
             'bin': lambda path, values: values.astype('<f4').tofile(path), 'npy': np.save}[kind]
    os.makedirs(os.path.dirname(os.path.join(outputs, pattern)))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name='')
        for name in sorted(name for name in os.listdir(inputs) if name.endswith('.bin')):
            images = np.fromfile(os.path.join(inputs, name), '<f4').reshape(shape)
            tensors = [graph.get_tensor_by_name(output + ':0') for output in names]
            for number, values in enumerate(session.run(tensors, {'input:0': images})):
                write(os.path.join(outputs, pattern % (name[:-4], number)), values)


def _samples(predictions):
    """Ground truth that the network half agrees with: of its boxes every third, some moved; of its mask the upper half."""
    for prediction in predictions:
        boxes = prediction['boxes'][::3].copy()
        boxes[::2] = np.clip(boxes[::2] + .03, 0, 1)
        mask = prediction['segmentation'].copy()
        mask[len(mask) // 2:] = 1
        height, width = prediction['size']
        yield types.SimpleNamespace(
            source_id=prediction['source_id'], height=height, width=width, boxes=boxes, classes=prediction['classes'][::3],
            difficult=np.zeros(len(boxes), bool), crowd=np.zeros(len(boxes), bool), has_boxes=True, has_mask=True,
            filename='%d' % prediction['source_id'], mask=lambda mask=mask: mask)


@pytest.fixture(scope='module')
def evaluation(model, pictures):
    """(the table's figures by the pipeline's own evaluation, the samples)."""
    config, checkpoint = model
    predictions = []
    predict(config, CpuPlatform(config), make_image_input_fn(config, pictures), model_fn, checkpoint, predictions.append)
    samples = list(_samples(predictions))
    scorer = Scorer(config.data.class_names)
    for prediction, sample in zip(predictions, samples):
        scorer.update(prediction, sample)
    return scorer.result(), samples


@pytest.fixture(scope='module')
def frozen(model):
    return freeze.freeze(*model)


@pytest.mark.parametrize('layout, batch_size', [('msame text', 1), ('msame binary', 2)])
def test_it_reproduces_the_evaluation(model, pictures, evaluation, tmp_path, layout, batch_size):
    config, checkpoint = model
    graph_def = freeze.freeze(config, checkpoint, batch_size)
    freeze.write(config, graph_def, str(tmp_path / 'om' / 'blitznet.pb'))
    input_fn = make_image_input_fn(config.replace(data=dict(eval_batch_size=batch_size)), pictures)
    assert make_inputs.write_inputs(input_fn, pictures.__getitem__, str(tmp_path / 'data')) == len(pictures)
    _msame(graph_def, str(tmp_path / 'data'), str(tmp_path / 'out'), layout)
    index = json.loads((tmp_path / 'data' / '.index.json').read_text())
    outputs = evaluate_om.RawOutputs(inference_files.newest_outputs(str(tmp_path / 'out')), index,
                                     OUTPUTS, raw_output_shapes(config.network))
    figures, samples = evaluation
    result = score(config, finished(config, outputs), samples)
    assert .01 < figures['mAP_voc12'] < .95 and .1 < figures['mIoU'] < .95  # the comparison means something
    for name in ('mAP_voc07', 'mAP_voc12', 'mIoU'):
        assert result[name] == pytest.approx(figures[name], abs=1e-3)


def _voc_folder(folder, pictures, samples):
    """The pictures and samples in VOC's layout; boxes become whole pixels, and small ones, which that would change, are left out."""
    for name in ('JPEGImages', 'Annotations', 'SegmentationClass', os.path.join('ImageSets', 'Main')):
        os.makedirs(os.path.join(folder, name))
    names = '\n'.join(sample.filename for sample in samples)
    for name, text in ((os.path.join('ImageSets', 'Main', 'val.txt'), names), ('classes.txt', '\n'.join(CLASSES))):
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text + '\n')
    for path, sample in zip(pictures, samples):
        shutil.copy(path, os.path.join(folder, 'JPEGImages', sample.filename + '.png'))
        cv2.imwrite(os.path.join(folder, 'SegmentationClass', sample.filename + '.png'), sample.mask())
        boxes = np.rint(sample.boxes * ([sample.height, sample.width] * 2)).astype(int)
        objects = ['<object><name>%s</name><bndbox><xmin>%d</xmin><ymin>%d</ymin><xmax>%d</xmax><ymax>%d</ymax></bndbox></object>'
                   % (CLASSES[label - 1], left + 1, top + 1, right, bottom)
                   for label, (top, left, bottom, right) in zip(sample.classes, boxes) if min(bottom - top, right - left) >= 8]
        with open(os.path.join(folder, 'Annotations', sample.filename + '.xml'), 'w') as file:
            file.write('<annotation><size><width>%d</width><height>%d</height><depth>3</depth></size>%s</annotation>'
                       % (sample.width, sample.height, ''.join(objects)))


def test_the_commands_reproduce_mode_eval(model, pictures, evaluation, tmp_path, capsys):
    """freeze, make_inputs and evaluate_om as commands; then the same files as those of a graph of other make, by flags alone."""
    config, checkpoint = model
    _voc_folder(str(tmp_path / 'voc'), pictures, evaluation[1])
    data = dict(dataset='folder', data_dir=str(tmp_path / 'voc'), prepared_dir=str(tmp_path / 'prepared'))
    figures = main.run(config.replace(data=data, run=dict(mode='eval', platform='cpu', checkpoint_path=checkpoint,
                                                          model_dir=str(tmp_path / 'eval'))))
    assert .001 < figures['mAP_voc12'] < .95 and .1 < figures['mIoU'] < .95
    words = ['--%s=%s' % pair for pair in sorted(data.items())] + ['--preset=tiny', '--image_size=64', '--top_fm=32', '--noprogress']
    om, inputs = str(tmp_path / 'om'), str(tmp_path / 'om' / 'data')
    with pytest.raises(UserError, match='--output: .* holds a training, whose config.json must stay'):
        freeze.main(['--checkpoint_path=' + checkpoint, '--output=%s/blitznet.pb' % os.path.dirname(checkpoint)] + words)
    freeze.main(['--checkpoint_path=' + checkpoint, '--output=%s/blitznet.pb' % om] + words)
    make_inputs.main(['--model_dir=' + om, '--output=' + inputs])
    graph_def = tf.GraphDef()
    with open(os.path.join(om, 'blitznet.pb'), 'rb') as file:
        graph_def.ParseFromString(file.read())
    _msame(graph_def, inputs, str(tmp_path / 'out'), 'msame binary')
    (tmp_path / 'out' / 'msame.log').write_text('Inference average time : 8.00 ms\n')  # as its report is kept
    ours = evaluate_om.main(['--model_dir=' + om, '--inputs=' + inputs, '--outputs=%s' % (tmp_path / 'out')])
    assert (ours['inference_ms'], ours['inference_images_per_second']) == (8, 125)
    said = capsys.readouterr().out
    assert 'Scoring the outputs in %s\n' % ours['checkpoint'] in said and os.path.dirname(ours['checkpoint']) == str(tmp_path / 'out')
    assert '8.00 ms a batch of 1, 125.0 images/s (%s' % (tmp_path / 'out' / 'msame.log') in said
    order = ['segmentation', 'confidence', 'location']
    _msame(graph_def, inputs, str(tmp_path / 'foreign'), 'msame text', order)
    foreign = evaluate_om.main(['--model_dir=%s' % (tmp_path / 'port'), '--inputs=' + inputs, '--outputs=%s' % (tmp_path / 'foreign'),
                                '--output_order=' + ','.join(order), '--num_classes=3'] + words)
    for result in (ours, foreign):
        for name in ('mAP_voc07', 'mAP_voc12', 'mIoU'):
            assert result[name] == pytest.approx(figures[name], abs=1e-3), name


def test_the_frozen_graph(model, frozen):
    config, _ = model
    assert {node.op for node in frozen.node} <= ATC_OPS  # no batch norm is left
    inputs = [node for node in frozen.node if node.op == 'Placeholder']
    assert [node.name for node in inputs] == ['input']
    description = freeze.describe(frozen, 'om/x.pb', list(OUTPUTS), 'Ascend310P3', '')
    assert description['input']['shape'] == [1, 64, 64, 3]
    anchors = config.network.num_anchors
    assert [output['shape'] for output in description['outputs']] == [[1, anchors, 3], [1, anchors, 4], [1, 16, 16, 3]]
    assert description['atc'] == [
        'atc', '--model=om/x.pb', '--framework=3', '--output=om/x', '--soc_version=Ascend310P3', '--input_shape=input:1,64,64,3',
        '--input_format=NHWC', '--out_nodes=confidence:0;location:0;segmentation:0', '--output_type=FP32', '--log=error']


def _pixels(seed=1):
    return np.random.RandomState(seed).randint(0, 256, (1, 64, 64, 3)).astype(np.uint8)


def test_folding_changes_nothing(model, frozen):
    config, checkpoint = model
    images = _pixels() / np.float32(255)
    with tf.Graph().as_default(), tf.Session() as session:
        outputs = build_network(tf.constant(images), config.network, training=False)
        tf.train.Saver().restore(session, checkpoint)
        expected = session.run([outputs[name] for name in OUTPUTS])
    for values, wanted in zip(_run_graph(frozen, images), expected):
        assert np.abs(wanted).max() > .1
        np.testing.assert_allclose(values, wanted, atol=5e-5 * np.abs(wanted).max())


def test_aipp_takes_the_normalisation_out_of_the_graph(model, frozen, tmp_path):
    config, checkpoint = model
    graph_def = freeze.freeze(config, checkpoint, aipp=True)
    assert not {'Split', 'Sub'} & {node.op for node in graph_def.node}
    description = freeze.write(config, graph_def, str(tmp_path / 'x.pb'), aipp=True)
    assert description['input']['type'] == 'uint8' and '--insert_op_conf=%s' % (tmp_path / 'x_aipp.cfg') in description['atc']
    settings = dict(line.strip().split(': ') for line in (tmp_path / 'x_aipp.cfg').read_text().splitlines() if ': ' in line)
    assert settings['rbuv_swap_switch'] == 'true' and settings['input_format'] == 'RGB888_U8'
    mean = [float(settings['mean_chn_%d' % i]) + float(settings['min_chn_%d' % i]) for i in range(3)]
    np.testing.assert_allclose(mean, MEAN_RGB[::-1], atol=1e-6)
    on_chip = _pixels()[..., ::-1].astype(np.float32) - np.array(mean, np.float32)  # what AIPP does to uint8 RGB
    for values, wanted in zip(_run_graph(graph_def, on_chip), _run_graph(frozen, _pixels() / np.float32(255))):
        np.testing.assert_allclose(values, wanted, atol=5e-5 * np.abs(wanted).max())


@pytest.mark.parametrize('trunk, mean, deviation', [
    ('lite0', [127] * 3, [128] * 3), ('resnet18', [.485 * 255, .456 * 255, .406 * 255], [.229 * 255, .224 * 255, .225 * 255])])
def test_aipp_of_a_trunk_that_sees_rgb(trunk, mean, deviation):
    settings = dict(line.strip().split(': ') for line in aipp_config(320, TRUNKS[trunk].normalisation).splitlines() if ': ' in line)
    assert settings['rbuv_swap_switch'] == 'false'
    for i in range(3):  # AIPP gives (pixel - mean - min) * var_reci
        whole, rest, factor = [settings['%s_chn_%d' % (name, i)] for name in ('mean', 'min', 'var_reci')]
        assert int(whole) + float(rest) == pytest.approx(mean[i]) and float(factor) == pytest.approx(1 / deviation[i])


def test_uint8_inputs(model, pictures, tmp_path):
    config = model[0].replace(data=dict(eval_batch_size=1))
    for name, as_uint8 in (('float', False), ('uint8', True)):
        make_inputs.write_inputs(make_image_input_fn(config, pictures), str, str(tmp_path / name), as_uint8)
    exact = np.fromfile(str(tmp_path / 'float' / '00001.bin'), '<f4').reshape(64, 64, 3)
    rounded = np.fromfile(str(tmp_path / 'uint8' / '00001.bin'), np.uint8).reshape(64, 64, 3)
    assert 0 <= exact.min() and exact.max() <= 1 and exact.std() > .05
    np.testing.assert_allclose(rounded / 255., exact, atol=.5 / 255 + 1e-6)


def test_a_graph_that_the_chip_has_no_kernel_for(frozen):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [1, 4], name='input')
        tf.raw_ops.ReluGrad(gradients=x, features=x, name='confidence')
        graph_def = graph.as_graph_def()
    with pytest.raises(UserError, match=r'confidence \(ReluGrad\): the 310 has no kernel for it'):
        freeze._checked(graph_def, ['confidence'], 'Ascend310')
    assert freeze._checked(graph_def, ['confidence'], 'Ascend310P3') is graph_def
    assert freeze._checked(frozen, list(OUTPUTS), 'Ascend310') is frozen


def test_index_and_info(model, pictures, tmp_path):
    make_inputs.write_inputs(make_image_input_fn(model[0], pictures), pictures.__getitem__, str(tmp_path))
    index = json.loads((tmp_path / '.index.json').read_text())
    assert index['batch_size'] == 2
    assert [(entry['file'], entry['source_id'], tuple(entry['size'])) for entry in index['images']][2:] == [
        ('00001.bin', 2, (90, 40)), ('00001.bin', 3, (33, 48)), ('00002.bin', 4, (64, 100))]
    assert (tmp_path / '.index.info').read_text().splitlines()[1] == '1 %s 64 64' % (tmp_path / '00001.bin')
    assert os.path.getsize(str(tmp_path / '00002.bin')) == 2 * 64 * 64 * 3 * 4  # padded to a whole batch


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_layouts_of_the_tools(tmp_path, layout):
    pattern, kind = LAYOUTS[layout]
    values = np.linspace(-3, 3, 12, dtype=np.float32)
    for number in range(3):
        path = tmp_path / (pattern % ('00000', number))
        path.parent.mkdir(exist_ok=True, parents=True)
        {'txt': lambda: path.write_text('\n'.join(map(str, values * (number + 1))) + ' \n'),
         'bin': lambda: (values * (number + 1)).tofile(str(path)), 'npy': lambda: np.save(str(path), values * (number + 1))}[kind]()
    found = inference_files.list_outputs(inference_files.newest_outputs(str(tmp_path)))
    assert sorted(found) == ['00000'] and sorted(found['00000']) == [0, 1, 2]
    np.testing.assert_allclose(inference_files.read_output(found['00000'][2], [1, 3, 4]).ravel(), 3 * values, rtol=1e-6)


def test_half_precision_outputs(tmp_path):
    np.arange(6, dtype='<f2').tofile(str(tmp_path / '0_0.bin'))
    assert inference_files.read_output(str(tmp_path / '0_0.bin'), [2, 3]).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_newest_folder_is_taken(tmp_path):
    for age, name in enumerate(['2021118_9_1_1_1', '2021118_18_51_25_234650']):  # as text the older one sorts last
        (tmp_path / name).mkdir()
        (tmp_path / name / '0_output_0.txt').write_text('%d' % age)
        os.utime(str(tmp_path / name), (1000 + age, 1000 + age))
    assert inference_files.newest_outputs(str(tmp_path)).endswith('234650')


def test_sentences(tmp_path):
    with pytest.raises(UserError, match='no outputs of msame'):
        inference_files.newest_outputs(str(tmp_path))
    (tmp_path / '0_output_0.txt').write_text('1 2 3')
    with pytest.raises(UserError, match=r'holds 3 values, and 4 of them were expected \(2 x 2\)'):
        inference_files.read_output(str(tmp_path / '0_output_0.txt'), [2, 2])
    (tmp_path / '0_output_0.txt').write_text('1 two 3')
    with pytest.raises(UserError, match='no output of numbers'):
        inference_files.read_output(str(tmp_path / '0_output_0.txt'), [3])
    index = {'batch_size': 1, 'images': [{'file': '0.bin', 'source_id': 0, 'size': [2, 2]}]}
    with pytest.raises(UserError, match='lacks output 1 of 0'):
        list(evaluate_om.RawOutputs(str(tmp_path), index, ['a', 'b'], {'a': [3], 'b': [3]}))


def test_the_order_of_a_foreign_graph():
    network = Config().network
    assert evaluate_om._output_order(None, None, network) == ['confidence', 'location', 'segmentation']
    assert evaluate_om._output_order('segmentation,confidence,location', None, network)[0] == 'segmentation'
    with pytest.raises(UserError, match='--output_order'):
        evaluate_om._output_order('confidence,location', None, network)


@pytest.mark.parametrize('left', [None, 'msame.log'])
def test_a_newest_folder_without_outputs_is_said(tmp_path, left):
    for name in ('old', 'new', 'data'):
        (tmp_path / name).mkdir()
    (tmp_path / 'old' / '0_output_0.txt').write_text('1')
    (tmp_path / 'data' / '.index.json').write_text('{}')  # of the inputs, which say nothing of a run
    for age, name in enumerate(['new', 'old', 'data']):
        os.utime(str(tmp_path / name), (1000 + age, 1000 + age))
    assert inference_files.newest_outputs(str(tmp_path)).endswith('old')
    if left:
        (tmp_path / 'new' / left).write_text('failed')
    os.utime(str(tmp_path / 'new'), (2000, 2000))
    with pytest.raises(UserError, match='the newest folder, .*new, holds no outputs'):
        inference_files.newest_outputs(str(tmp_path))


def test_outputs_numbered_from_1(tmp_path):
    for number in (1, 2):
        (tmp_path / ('0_%d.txt' % number)).write_text('%d' % number)
    index = {'batch_size': 1, 'images': [{'file': '0.bin', 'source_id': 0, 'size': [2, 2]}]}
    (_, raw), = evaluate_om.RawOutputs(str(tmp_path), index, ['a', 'b'], {'a': [1], 'b': [1]})
    assert (raw['a'].tolist(), raw['b'].tolist()) == ([1], [2])


def test_what_make_inputs_leaves_is_what_msame_reads(model, pictures, tmp_path):
    make_inputs.write_inputs(make_image_input_fn(model[0], pictures), str, str(tmp_path))
    assert all(name.endswith('.bin') for name in os.listdir(str(tmp_path)) if not name.startswith('.'))


REPORTS = {  # of the tools: name beside the folder `out/run`, text
    'msame': ('msame.log', 'Inference average time : 13.00 ms\nInference average time without first time: 12.50 ms\n'),
    'benchmark': ('perf_vision_batchsize_2_device_0.txt',
                  '[infer] throughputRate: 100, Interface throughputRate: 160, moduleLatency: 12.5\n'),
    'ais_bench': ('run_summary.json', json.dumps({'NPU_compute_time': {'min': 12, 'mean': 12.5}, 'throughput': 160}))}


@pytest.mark.parametrize('tool', sorted(REPORTS))
def test_speeds_of_the_tools(tmp_path, tool):
    (tmp_path / 'out' / 'run').mkdir(parents=True)
    assert inference_speed.find(str(tmp_path / 'out' / 'run'), 2) is None
    name, text = REPORTS[tool]
    (tmp_path / 'out' / name).write_text(text)
    assert inference_speed.find(str(tmp_path / 'out' / 'run'), 2) == (12.5, 160., str(tmp_path / 'out' / name))
