"""What TensorBoard gets of a run before its first step, read back from the event file."""
import glob

import cv2
import numpy as np
import pytest

from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.drivers import setup_summary, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from tests.blitznet_estimator.drivers import stand_in


def batch(config, size=2):
    """A batch of grey images with a cat in the upper left quarter, one anchor matched to it."""
    network, data = config.network, config.data
    anchors = anchors_of(network)
    boxes = np.zeros((size, data.max_boxes, 4), np.float32)
    boxes[:, 0] = 0, 0, .5, .5
    classes = np.zeros((size, data.max_boxes), np.int32)
    classes[:, 0] = 1
    match = np.full((size, len(anchors)), -1, np.int32)
    match[:, np.argmin(np.abs(anchors - [.75, .75, .3, .3]).sum(axis=1))] = 0  # drawn in the lower right
    mask = np.zeros((size,) + (network.segmentation_size,) * 2, np.int32)
    features = {'image': np.full((size, network.image_size, network.image_size, 3), .5, np.float32)}
    return features, {'match': match, 'boxes': boxes, 'classes': classes, 'mask': mask}


def input_fn(config):
    return lambda: tf.data.Dataset.from_tensors(batch(config))


def read(folder):
    """{tag: (step, value)} of the event files of a folder."""
    return {value.tag: (event.step, value) for path in glob.glob(str(folder / 'events*'))
            for event in tf.train.summary_iterator(path) for value in event.summary.value}


@pytest.mark.parametrize('max_pictures, drawn', [(16, 2), (1, 1)])
def test_training_images_with_boxes_and_anchors(tmp_path, max_pictures, drawn):
    config = stand_in.config(tmp_path, run=dict(max_pictures=max_pictures))
    setup_summary.write(config, input_fn(config), 40)
    values = read(tmp_path / 'setup')
    assert sorted(tag for tag in values if tag.startswith('inputs')) == ['inputs/%03d' % i for i in range(drawn)]
    step, value = values['inputs/000']
    assert step == 40
    picture = cv2.imdecode(np.frombuffer(value.image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (value.image.height, value.image.width)
    side = picture.shape[1]
    coloured = np.abs(picture[:side].astype(int) - 127).max(axis=-1) > 60
    assert coloured[:side // 2, :side // 2].sum() > side  # the box and its label
    assert coloured[side * 5 // 8:, side * 5 // 8:].sum() > side // 4  # the anchor


def test_the_configuration_as_text(tmp_path):
    config = stand_in.config(tmp_path, train=dict(learning_rate=.125), run=dict(max_pictures=0)).replace(npu={'npu_mix': '`x`'})
    setup_summary.write(config, None, 0)
    values = read(tmp_path / 'setup')
    assert sorted(values) == ['configuration/' + name for name in ('data', 'detection', 'network', 'npu', 'run', 'train')]
    value = values['configuration/train'][1]
    assert value.metadata.plugin_data.plugin_name == 'text'
    rows = tf.make_ndarray(value.tensor)
    assert rows.shape[1] == 2 and [b'learning_rate', b'`0.125`'] in rows.tolist()
    run = dict(tf.make_ndarray(values['configuration/run'][1].tensor).tolist())
    assert run[b'output_dir'] == '–'.encode() and b'``' not in run.values()  # no empty texts
    assert tf.make_ndarray(values['configuration/npu'][1].tensor).tolist() == [[b'npu_mix', b"`'x'`"]]


def test_a_few_examples_are_read():
    config = stand_in.config('m', data=dict(batch_size=32, cache='disk'), run=dict(max_pictures=5))
    few = setup_summary.preview_config(config)
    assert few.data.batch_size == 5 and few.data.shuffle_buffer <= 64 and few.data.cache == 'none' and few.data.augment
    assert setup_summary.preview_config(config.replace(run=dict(max_pictures=0))).data.batch_size == 1


def test_each_start_of_training_is_summarised_once(tmp_path):
    starts = []
    for steps, chief in ((4, True), (4, True), (8, True), (12, False)):
        config = stand_in.config(tmp_path, train=dict(train_steps=steps), run=dict(eval_every=2))
        platform = get_platform(config) if chief else stand_in.NotChief(config)
        train.run(config, platform, stand_in.train_input_fn, stand_in.model_fn, lambda path: None, summarise=starts.append)
    assert starts == [0, 4]  # not by a finished run, nor by another process than the chief


def test_a_bad_record_of_the_input_is_named(tmp_path):
    config = stand_in.config(tmp_path)
    with pytest.raises(UserError, match='^b.tfrecord, record 0: no image.$'):
        setup_summary.write(config, stand_in.damaged(input_fn(config)), 0)
