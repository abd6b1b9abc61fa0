"""Each command of tools.inspect, against figures known otherwise."""
import types

import cv2
import numpy as np
import pytest

from blitznet_estimator import boxes as box_ops
from blitznet_estimator.anchors import anchors_of
from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from tools import inspect as tool
from tools.inspection import checkpoint, cost, dataset, scaling


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    return str(tmp_path_factory.mktemp('inspect'))


@pytest.fixture(scope='module')
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp('model')
    with tf.Graph().as_default(), tf.Session() as session:
        weights = tf.get_variable('net/weights', [3, 3, 2, 4])
        tf.get_variable('net/BatchNorm/moving_mean', [4], trainable=False)
        step = tf.train.get_or_create_global_step()
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(weights), step)
        session.run([tf.global_variables_initializer()])
        session.run(step.assign(77))
        tf.train.Saver().save(session, str(folder / 'model.ckpt'), 77)
    return folder


def words(text, name):
    """The words of the line that begins with a name."""
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def test_checkpoint(model_dir, capsys):
    text = tool.main(['checkpoint', str(model_dir)])
    assert capsys.readouterr().out.strip() == text.strip()
    assert 'model.ckpt-77, step 77' in text
    assert words(text, 'net/weights ') == ['net/weights', '3x3x2x4', 'float32']
    assert words(text, 'weights') == ['weights', '1', '0.000']
    assert words(text, 'optimizer')[1] == '4'  # two slots and two powers
    assert words(text, 'batch-norm')[2] == '1' and words(text, 'counter')[1] == '1'
    assert tool.main(['checkpoint', str(model_dir / 'model.ckpt-77')]) == text
    assert tool.main(['checkpoint', str(model_dir / 'model.ckpt-77.index')]) == text


def test_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match='checkpoint=.* is a folder without a list of checkpoints'):
        tool.main(['checkpoint', str(tmp_path)])
    with pytest.raises(UserError, match='there is no such checkpoint'):
        tool.main(['checkpoint', str(tmp_path / 'model.ckpt')])


def test_kinds_of_variables():
    assert checkpoint.kind('a/weights/Adam_1') == checkpoint.kind('a/weights/Momentum') == checkpoint.kind('beta1_power_1') == 'optimizer'
    assert checkpoint.kind('a/BatchNorm/moving_variance') == 'batch-norm statistics'
    assert checkpoint.kind('a/BatchNorm/beta') == 'weights' and checkpoint.kind('global_step') == 'counter'


def test_anchors(tmp_path):
    path = tmp_path / 'anchors.png'
    text = tool.main(['anchors', '--preset=blitznet300', '--output=%s' % path])
    assert '45390 anchors' in text
    assert words(text, 'rev1')[:4] == ['rev1', '75x75', '6', '33750'] and words(text, 'rev2')[4:6] == ['30x30', '42x21']
    assert '11640 anchors' in tool.main(['anchors', '--preset=blitznet300', '--nox4'])
    assert '131070 anchors' in tool.main(['anchors', '--preset=blitznet512', '--x4'])
    picture = cv2.imread(str(path))
    assert picture.shape == (2 * 390, 4 * 370, 3) and len(np.unique(picture @ [1, 256, 65536])) > 8


def test_cost_of_the_published_network():
    """59.4 million weights, and all but 1 % of its 32.3 GFLOP (the rest is not convolution); 0.74 are saved by convolving before resizing."""
    costs = cost.count(preset_config('blitznet300', network=dict(num_classes=21)).network)
    assert list(costs) == ['trunk', 'extra blocks', 'decoder', 'segmentation head', 'detection head']
    assert sum(c.parameters for c in costs.values()) == pytest.approx(59.4e6, rel=1e-3)
    assert sum(c.flops for c in costs.values()) == pytest.approx(32.3e9 * .99 - .74e9, rel=.003)
    assert costs['trunk'].parameters == pytest.approx(23.5e6, rel=1e-3)  # ResNet-50 without its classifier


def test_cost_of_parts_that_are_not_there():
    text = tool.main(['cost', '--preset=ssd300'])
    assert 'segmentation head' not in text and 'decoder' not in text and words(text, 'detection head')
    assert words(text, 'all')[1] == '26.285'


def test_data(prepared):
    text = tool.main(['data', '--dataset=shapes_small', '--prepared_dir=%s' % prepared, '--max_boxes=4'])
    source = open_dataset(DataConfig(dataset='shapes_small', prepared_dir=prepared), 'eval')
    samples = list(read_samples(source))
    boxes = sum(len(sample.boxes) for sample in samples)
    assert 'shapes, split val: 8 images, %d boxes' % boxes in text
    assert words(text, 'all')[1:3] == [str(boxes), str(sum(int(sample.difficult.sum()) for sample in samples))]
    assert sum(map(int, words(text, 'all')[3:6])) == boxes
    assert words(text, 'image width')[2] == str(min(sample.width for sample in samples))
    assert '%d images have more than --max_boxes=4' % sum(len(sample.boxes) > 4 for sample in samples) in text
    shares = [float(words(text[text.index('share of'):], name)[1]) for name in ('background',) + source.class_names]
    assert sum(shares) == pytest.approx(1, abs=.001) and shares[0] > .3
    assert 'share of' not in tool.main(['data', '--dataset=shapes_small', '--prepared_dir=%s' % prepared, '--no_masks'])


def test_covered_boxes():
    network = preset_config('blitznet300').network
    anchors = box_ops.to_corners(anchors_of(network))
    boxes = np.array([anchors[40000], [0, 0, .001, 1], [.5, .5, .5, .5]], np.float32)
    assert dataset.covered(boxes, anchors).tolist() == [True, False, False]
    assert dataset.covered(boxes[:0], anchors).tolist() == []


def test_the_network_of_a_model(tmp_path):
    (tmp_path / 'config.json').write_text(preset_config('blitznet300', network=dict(num_classes=9)).to_json())
    given = types.SimpleNamespace(model_dir=str(tmp_path), preset='tiny', image_size=None, x4=False, num_classes=None)
    network = tool.network_config(given)
    assert (network.preset, network.num_classes, network.x4) == ('blitznet300', 9, False)
    with pytest.raises(UserError, match='--preset=blitznet is unknown. Nearest: blitznet'):
        tool.main(['anchors', '--preset=blitznet'])


def test_a_ring_sends_the_gradients_once_around_and_back():
    """1.25 GB over 10 Gbit/s take a second: 2 workers send half of them twice, 4 send three quarters twice; 2 or 6 rounds."""
    assert scaling.exchange_seconds(2, 1.25e9, 10) == pytest.approx(1)
    assert scaling.exchange_seconds(4, 1.25e9, 10, .1) == pytest.approx(1.5 + .6)
    assert scaling.efficiency(2, 1.25e9, 10, 0, 3) == pytest.approx(.75)


def test_many_workers_are_reckoned_for_a_preset():
    text = tool.main(['scaling', '--preset=tiny', '--batch_size=8', '--images_per_second=50'])
    assert 'in steps of 8 images (160 ms)' in text
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    assert [int(row[0]) for row in rows] == list(scaling.WORKERS) and rows[0][1] == '64' and rows[0][-1] == '400'
    with pytest.raises(UserError, match='--batch_size=0: it must be above 0'):
        tool.main(['scaling', '--batch_size=0'])
