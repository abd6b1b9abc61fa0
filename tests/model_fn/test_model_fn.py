"""model_fn in each mode, on made-up batches of a small network."""
import numpy as np
import pytest

from blitznet_estimator.batch import BACKGROUND, UNUSED, batch_spec, prediction_spec
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.graph_scan import scan
from blitznet_estimator.platforms.model_params import ModelParams
from blitznet_estimator.presets import preset_config
from blitznet_estimator.runtime import tf
from model_fn import model_fn
from tests.model_fn.graphs import ancestors, readers

Modes = tf.estimator.ModeKeys
BATCH, NUM_CLASSES = 2, 4
HEADS = [dict(), dict(segment=False), dict(detect=False)]


def small_config(**network):
    return preset_config('tiny', network=dict(dict(image_size=64, top_fm=32, n_base_channels=8, num_classes=NUM_CLASSES), **network),
                         train=dict(learning_rate=1e-3))


def make_batch(network, batch=BATCH, real=BATCH):
    """(features, labels) as of `batch_spec`; images from `real` on are padding."""
    random = np.random.RandomState(2)
    features = {'image': random.uniform(size=(batch, network.image_size, network.image_size, 3)).astype('f'),
                'source_id': np.arange(batch), 'size': np.tile(np.array([[30, 50]], np.int32), (batch, 1))}
    labels = {'match': np.full((batch, network.num_anchors), BACKGROUND, np.int32), 'boxes': np.zeros((batch, 3, 4), np.float32),
              'classes': np.zeros((batch, 3), np.int32),
              'mask': random.randint(0, NUM_CLASSES, (batch,) + 2 * (network.segmentation_size,)).astype(np.int32)}
    labels['match'][:, 100:110] = 1
    labels['boxes'][:, :2] = [[.2, .3, .6, .8], [.1, .1, .5, .4]]
    labels['classes'][:, :2] = 1, 3
    features['source_id'][real:], features['size'][real:] = -1, 1
    labels['match'][real:], labels['boxes'][real:], labels['classes'][real:], labels['mask'][real:] = UNUSED, 0, 0, IGNORE_LABEL
    return features, labels


def build(mode, config, features, labels=None, **platform):
    """The spec in the default graph, of placeholders; and what to feed them. `platform`: fields of ModelParams."""
    def placeholders(arrays):
        return {key: tf.placeholder(value.dtype, value.shape, name=key) for key, value in arrays.items()}
    tensors = placeholders(features), labels and placeholders(labels)
    feed = {tensors[0][key]: value for key, value in features.items()}
    feed.update({tensors[1][key]: value for key, value in (labels or {}).items()})
    return model_fn(tensors[0], tensors[1], mode, {'config': config, 'platform': ModelParams(**platform)}), feed


@pytest.mark.parametrize('heads', HEADS)
def test_training_lowers_the_loss_and_publishes_its_parts(heads):
    config = small_config(**heads).replace(run=dict(histograms=not heads))
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(1)
        spec, feed = build(Modes.TRAIN, config, *make_batch(config.network))
        assert spec.loss.shape == () and spec.loss.dtype == tf.float32
        published = dict(tf.get_collection('monitor'))
        session.run(tf.global_variables_initializer())
        losses = [session.run([spec.loss, spec.train_op], feed)[0] for _ in range(8)]
        values, step = session.run([published, tf.train.get_global_step()], feed)
        summaries = tf.Summary.FromString(session.run(tf.summary.merge_all(), feed))
        assert scan(graph, list(feed), [spec.train_op, spec.loss]) == []
    assert losses[-1] < losses[0] and step == 8
    parts = {'detect': {'loss/class', 'loss/bbox', 'loss/class_pos', 'loss/class_neg', 'train/accuracy'},
             'segment': {'loss/segmentation', 'train/accuracy_pixels'}}
    expected = {'loss', 'loss/weight_decay', 'optimizer/learning_rate'}.union(*[parts[head] for head in parts if heads.get(head, True)])
    assert set(values) == expected
    assert values['loss'] == pytest.approx(sum(values.get('loss/' + name, 0) for name in ('class', 'bbox', 'segmentation', 'weight_decay')))
    tags = {value.tag: value.WhichOneof('value') for value in summaries.value}
    scalars = {tag for tag, kind in tags.items() if kind == 'simple_value'}
    assert scalars == expected - {'loss'} | {'loss/total', 'optimizer/gradient_norm'}
    assert {'outputs/confidence', 'outputs/location', 'outputs/segmentation', 'weights/ssd/Conv'} <= set(tags) or heads


@pytest.mark.parametrize('precision,recompute', [('fp32', False), ('mixed', False), ('fp32', True)])
def test_whatever_reads_a_weight_does_so_before_its_update(precision, recompute):
    """Else a step's losses would be of weights before their update or after, as it happens: a variable's memory is read when an op runs."""
    config = small_config().replace(train=dict(recompute=recompute))
    with tf.Graph().as_default():
        spec, _ = build(Modes.TRAIN, config, *make_batch(config.network), cpu_precision=precision)
        ends = [spec.loss.op, spec.train_op, tf.summary.merge_all().op]
        in_step = set(ends).union(*map(ancestors, ends))
        for variable in tf.trainable_variables():
            reading = readers(variable.op.outputs[0]) & in_step
            update, = [op for op in reading if op.type == 'ApplyAdam']
            assert reading - ancestors(update) == {update}, variable.name


def evaluate(config, features, labels):
    """{metric: value} of one batch, with the same weights each time."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        spec, feed = build(Modes.EVAL, config, features, labels)
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        session.run([update for _, update in spec.eval_metric_ops.values()], feed)
        return session.run(dict({name: value for name, (value, _) in spec.eval_metric_ops.items()}, loss=spec.loss), feed)


def test_evaluation_gives_the_losses_and_mean_iou_and_leaves_padding_out():
    config = small_config()
    found = evaluate(config, *make_batch(config.network))
    assert {'loss/class', 'loss/bbox', 'loss/segmentation', 'loss/weight_decay', 'accuracy', 'mIoU_at_label_size'} <= set(found)
    assert 0 < found['mIoU_at_label_size'] < 1 and found['loss'] == pytest.approx(
        sum(found['loss/' + name] for name in ('class', 'bbox', 'segmentation', 'weight_decay')), rel=1e-5)
    features, labels = make_batch(config.network, batch=4)
    padded = [{key: value.copy() for key, value in part.items()} for part in make_batch(config.network, batch=4, real=2)]
    for whole, part in zip((features, labels), padded):  # the same two images first
        for key in whole:
            if key != 'source_id':
                part[key][:2] = whole[key][:2]
    two = [{key: value[:2] for key, value in part.items()} for part in (features, labels)]
    assert evaluate(config, *padded) == pytest.approx(evaluate(config, *two), rel=1e-5)


def test_metrics_weigh_a_batch_by_its_images():
    config = small_config(detect=False)
    with tf.Graph().as_default(), tf.Session() as session:
        features, labels = make_batch(config.network)
        spec, feed = build(Modes.EVAL, config, features, labels)
        source_id = [tensor for tensor in feed if tensor.op.name == 'source_id'][0]
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        value, update = spec.eval_metric_ops['loss/segmentation']
        both = []
        for ids in ([0, 1], [2, -1]):
            feed[source_id] = ids
            for tensor in feed:
                if tensor.op.name == 'mask' and ids[1] < 0:
                    feed[tensor] = np.where(np.arange(2)[:, None, None] == 1, IGNORE_LABEL, feed[tensor])
            both.append(session.run([spec.loss, update], feed)[0])
        decay = session.run(spec.eval_metric_ops['loss/weight_decay'][1], feed)
        assert session.run(value) == pytest.approx((2 * both[0] + both[1]) / 3 - decay, rel=1e-5)


@pytest.mark.parametrize('heads', HEADS)
def test_prediction_holds_what_the_contract_says(heads):
    config = small_config(**heads)
    features, _ = make_batch(config.network)
    features['size'][1] = 20, 70
    with tf.Graph().as_default(), tf.Session() as session:
        spec, feed = build(Modes.PREDICT, config, features)
        session.run(tf.global_variables_initializer())
        found = session.run(spec.predictions, feed)
    spec_of = dict(prediction_spec(config.network, config.detection, BATCH), **{
        key: one for key, one in batch_spec(config.replace(data=dict(eval_batch_size=BATCH)), Modes.PREDICT).features.items() if key != 'image'})
    assert {key: (value.dtype.name, value.ndim) for key, value in found.items()} == {
        key: (one.dtype, len(one.shape)) for key, one in spec_of.items()}
    for key, value in found.items():
        expected = (BATCH, 30, 70) if key == 'segmentation' else spec_of[key].shape  # the largest height and width
        assert value.shape == expected, key
    if heads.get('detect', True):
        count, scores, classes = found['num_detections'][0], found['scores'][0], found['classes'][0]
        assert count > 0 and np.all(np.diff(scores) <= 0) and np.all((classes > 0) == (np.arange(200) < count))


def test_raw_predictions_are_the_networks_outputs_and_static():
    config = small_config()
    with tf.Graph().as_default() as graph:
        spec, feed = build(Modes.PREDICT, config, make_batch(config.network)[0], raw_predictions=True)
        raw = prediction_spec(config.network, config.detection, BATCH, raw=True)
        assert set(spec.predictions) == {*raw, 'source_id', 'size'}
        assert {key: (spec.predictions[key].dtype.name, tuple(spec.predictions[key].shape.as_list())) for key in raw} == {
            key: (one.dtype, one.shape) for key, one in raw.items()}
        assert scan(graph, list(feed), list(spec.predictions.values())) == []


def test_a_batch_of_any_size_is_served():
    config = small_config()
    with tf.Graph().as_default(), tf.Session() as session:
        image, size = tf.placeholder(tf.float32, [None, 64, 64, 3]), tf.placeholder(tf.int32, [None, 2])
        tf.set_random_seed(1)
        spec = model_fn({'image': image, 'size': size}, None, Modes.PREDICT, {'config': config})
        session.run(tf.global_variables_initializer())
        features = make_batch(config.network)[0]
        pair = session.run(spec.predictions, {image: features['image'], size: features['size']})
        one = session.run(spec.predictions, {image: features['image'][1:], size: features['size'][1:]})
    assert 'source_id' not in pair
    different = np.abs(one['scores'][0] - pair['scores'][1]) > 1e-4
    assert np.mean(different) < .05  # rounding decides which of two boxes of equal score is left
    assert np.mean(one['segmentation'][0] != pair['segmentation'][1]) < .001


def test_the_platform_makes_the_spec():
    config = small_config(segment=False)
    made = []

    def spec(mode, **fields):
        made.append((mode, sorted(fields)))
    features, labels = make_batch(config.network)
    for mode, given in ((Modes.EVAL, labels), (Modes.PREDICT, None)):
        with tf.Graph().as_default():
            assert build(mode, config, features, given, estimator_spec=spec)[0] is None
    assert made == [(Modes.EVAL, ['eval_metric_ops', 'loss', 'scaffold']), (Modes.PREDICT, ['predictions', 'scaffold'])]
