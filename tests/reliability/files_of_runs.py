"""Readers of what runs and other systems leave: predictions, event files, and the project's own notes, which may have been damaged or changed."""
import io
import json
import os
import tempfile

import numpy as np

from blitznet_estimator.config import Config
from blitznet_estimator.drivers import rollbacks, time_budget
from blitznet_estimator.evaluation import prediction_formats
from blitznet_estimator.runtime import tf
from hooks import loss_table
from input_fn.datasets import contents, prepared, record_checks
from tests.reliability.fuzz import Reader, ask_all
from tools.ascend import inference_files, inference_speed
from tools.preparation import convert
from tools.report import history

NAMES = ('cat', 'dog')


def bytes_of(path):
    """What a file holds."""
    with open(path, 'rb') as file:
        return file.read()


def as_json(value):
    """A value as JSON."""
    return json.dumps(value).encode('utf-8')


def _rollbacks(path):
    config = Config().replace(run=dict(model_dir=os.path.dirname(path)), train=dict(on_nan='rollback:5'))
    found = rollbacks.Rollbacks(config)
    found.start(9)
    assert found.batch(9) >= 9


def _time(path):
    found = time_budget.TimeBudget(Config().replace(run=dict(model_dir=os.path.dirname(path)), train=dict(train_minutes=5)))
    found.start(9)
    assert found.seconds >= 0


def _report(path):
    found = record_checks._read_report(os.path.dirname(path))
    assert found is None or sum(found['counts']) > 0 and all(map(os.path.isfile, found['files']))


def _reminders(path):
    prepared._reminded.clear()
    prepared.log_skip_report(path)


def _remarks(path):
    prepared._reminded.clear()
    prepared._log_remarks(path, 'train')


def _shards(path):
    """A conversion's list of its files, any of which may be deleted."""
    base = path[:-len('.json')]
    state = convert.json_files.read_own(path)
    assert all(shard.startswith(base + '-') for shard in convert._shards_of(state, base))


def _events(path):
    for tag, step, value in history.read_scalars(path):
        assert isinstance(tag, str) and isinstance(step, int) and isinstance(value, float)


def _speed(path):
    found = inference_speed._ais_bench(bytes_of(path).decode('utf-8', 'replace'), 4)
    assert found is None or min(found) > 0


def _annotations(path):
    detections = os.path.join(os.path.dirname(path), 'detections.json')
    with open(detections, 'w', encoding='utf-8') as file:
        json.dump([{'image_id': 1, 'category_id': 3, 'bbox': [1, 2, 3, 4], 'score': .5}], file)
    ask_all(lambda: prediction_formats.read_image_ids(path), lambda: prediction_formats.read_coco_detections(detections, NAMES, path))


def _event_file():
    """Three steps: a scalar of each form, and a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a')
        with tf.python_io.TFRecordWriter(path) as writer:
            for step in range(3):
                values = [tf.Summary.Value(tag='a', simple_value=.5), tf.Summary.Value(tag='b', tensor=tf.make_tensor_proto(step + .5)),
                          tf.Summary.Value(tag='c', tensor=tf.make_tensor_proto('text'))]
                writer.write(tf.Event(step=step, summary=tf.Summary(value=values)).SerializeToString())
        return bytes_of(path)


def _of_event(path):
    """One event, damaged between the checksums of its record."""
    with tf.python_io.TFRecordWriter(path + '.tfrecord') as writer:
        writer.write(bytes_of(path))
    _events(path + '.tfrecord')


def readers():
    """{what is read: Reader}"""
    detections = [{'image_id': 1, 'category_id': 2, 'bbox': [1, 2, 3, 4], 'score': .5},
                  {'image_id': 'b', 'category_id': 1, 'bbox': [0] * 4, 'score': 1}]
    annotations = {'images': [{'id': 1, 'file_name': 'a.jpg'}], 'categories': [{'id': 3, 'name': 'cat'}], 'annotations': []}
    outputs = {'input': {'shape': [1, 4, 4, 3], 'type': 'float32'}, 'outputs': [{'name': 'confidence', 'shape': [1, 9, 3]}], 'global_step': 7}
    index = {'batch_size': 2, 'images': [{'file': 'a.bin', 'source_id': 0, 'size': [20, 30], 'filename': 'a.jpg'}]}
    event = tf.Event(step=7, summary=tf.Summary(value=[tf.Summary.Value(tag='b', tensor=tf.make_tensor_proto(.5))])).SerializeToString()
    return {
        'detections in COCO\'s form': Reader('found.json', [as_json(detections)], lambda path: prediction_formats.read_coco_detections(path, NAMES)),
        'annotations of detections': Reader('annotations.json', [as_json(annotations)], _annotations),
        'detections in VOC\'s form': Reader('comp4_det_val_cat.txt', [b'a .5 1 2 3 4\nb c 1 1 2 9 9.5\n'],
                                            lambda path: prediction_formats.read_voc_detections(os.path.dirname(path), NAMES)),
        'event file': Reader('events.out.tfevents.1', [_event_file()], _events),
        'event': Reader('event', [event], _of_event),
        'losses of a run': Reader('losses.csv', [b'global_step,loss/total\n10,.5\n20,.25\n'], loss_table.read),
        'rollbacks of a run': Reader('rollbacks.json', [as_json([[9, 5], [20, 15]])], _rollbacks),
        'time of a run': Reader('training_time.json', [as_json({'seconds': 9.5})], _time),
        'summary of a run': Reader('run_summary.json', [as_json({'images_per_second': 9.5})],
                                   lambda path: history.training_speed(os.path.dirname(path), {})),
        'report on records': Reader('report.json', [as_json({'files': [os.path.abspath(__file__)], 'counts': [3], 'left_out': ['a']})], _report),
        'what was left out': Reader('left_out.json', [as_json({'left_out': ['a', 'b']})], _reminders),
        'remarks on a split': Reader('remarks.json', [as_json({'train': ['no image has a box'], 'val': []})], _remarks),
        'counts of pixels': Reader('pixels.json', [as_json([[9, 9], [4, 5]])], lambda path: contents._read(path, contents._pairs)),
        'labels of prepared data': Reader(prepared.LABELS, [b'cat\ndog\n'], lambda path: prepared.prepared_labels(os.path.dirname(path))),
        'list of a conversion': Reader('shapes-train.json', [as_json({'source': 'ab', 'files': ['out/shapes-train-00000-of-00001']})], _shards),
        'index of inputs': Reader(inference_files.INDEX, [as_json(index)], lambda path: inference_files.read_index(os.path.dirname(path))),
        'description of a frozen graph': Reader('model.json', [as_json(outputs)], _described),
        'output of inference, text': Reader('a_0.txt', [b'1 2 3.5 4e-3'], lambda path: inference_files.read_output(path, [2, 2])),
        'output of inference, npy': Reader('a_0.npy', [_npy()], lambda path: inference_files.read_output(path, [2, 2])),
        'speed of inference': Reader('out_summary.json', [as_json({'NPU_compute_time': {'mean': 12.5}})], _speed)}


def _described(path):
    with open(path[:-len('.json')] + '.pb', 'wb'):
        pass
    inference_files.find_description(os.path.dirname(path))


def _npy():
    stream = io.BytesIO()
    np.save(stream, np.ones([2, 2], 'f'))
    return stream.getvalue()
