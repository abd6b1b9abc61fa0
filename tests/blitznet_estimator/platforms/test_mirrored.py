"""Training on several devices, here two logical CPUs: what it equals on one device.

Each device takes a batch of its own, and their gradients are averaged. A device's losses are of its own batch: batch norm takes its own
statistics, and the detection losses are divided by its own positives and take its own hardest negatives. So one device with the double
batch does the same only where both halves are alike, and every step is the mean of the steps that one device would take with each half.
"""
import numpy as np
import pytest

from blitznet_estimator.batch import BACKGROUND, UNUSED
from blitznet_estimator.monitor import monitored
from blitznet_estimator.runtime import tf
from model_fn import model_fn
from tests.blitznet_estimator.platforms.no_gpu import NoGpu
from tests.model_fn.test_model_fn import build, make_batch, small_config

# Batch norm has enough values with so many images and last maps of 2 x 2: of two values its gradient is nothing but rounding errors.
IMAGES, SIDE = 4, 72
pytestmark = pytest.mark.slow


class _Published(tf.train.SessionRunHook):
    """What model_fn publishes, step by step, as the project's hooks see it; and model.ckpt-0, which no training of more steps keeps."""

    def __init__(self, folder):
        self._folder, self.steps = folder, []

    def begin(self):
        self._tensors = monitored()

    def after_create_session(self, session, coord):
        saver, = tf.get_collection(tf.GraphKeys.SAVERS)
        saver.save(session, str(self._folder / 'model.ckpt'), tf.train.get_global_step(), write_meta_graph=False)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context, run_values):
        self.steps.append(run_values.results)


def config(folder=''):
    return small_config(image_size=SIDE, x4=False, top_fm=8, n_base_channels=4).replace(
        train=dict(optimizer='nesterov', learning_rate=.01), run=dict(model_dir=str(folder), save_every=1, summary_every=1000))


def batch(positives, power=1):
    """(features, labels) with so many positives in the first image. All 120 negatives count, so that rounding never decides which do."""
    features, labels = make_batch(config().network, IMAGES)
    image = np.kron(np.random.RandomState(1).uniform(size=(IMAGES, 4, 4, 3)), np.ones([1, 18, 18, 1])).astype(np.float32)
    match = np.full_like(labels['match'], UNUSED)
    match[:, :30], match[:, 100:115], match[0, 300:300 + positives] = BACKGROUND, 1, 0
    return dict(features, image=image ** power), dict(labels, match=match)


BATCH, OTHER = batch(5), batch(40, power=2)


@pytest.fixture(scope='module')
def two(tmp_path_factory):
    """(folder, published) of two steps of two devices: both take BATCH, then one takes BATCH and one OTHER."""
    folder = tmp_path_factory.mktemp('two')
    published = _Published(folder)
    platform = NoGpu(config(folder), ('/cpu:0', '/cpu:1'))

    def batches():
        return tf.data.Dataset.from_tensors(BATCH).repeat(3).concatenate(tf.data.Dataset.from_tensors(OTHER))
    platform.estimator(model_fn, {'config': config(folder)}).train(batches, hooks=[published], max_steps=2)
    return folder, published.steps


def stored(folder, step):
    """{variable: value} of a step's checkpoint."""
    reader = tf.train.load_checkpoint(str(folder / ('model.ckpt-%d' % step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def one_device(folder, start, batches):
    """[({variable: value} after one step, published at it)] with each of `batches`, from the checkpoint of step `start`."""
    results = []
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.get_or_create_global_step()
        spec, feed = build('train', config(), *batches[0])
        saver, published, variables = tf.train.Saver(), monitored(), {variable.op.name: variable for variable in tf.global_variables()}
        for batch in batches:
            saver.restore(session, str(folder / ('model.ckpt-%d' % start)))
            values = {key: value for part in batch for key, value in part.items()}
            seen, _ = session.run([published, spec.train_op], {tensor: values[tensor.op.name] for tensor in feed})
            results.append((session.run(variables), seen))
    return results


def assert_close(found, expected, start, share):
    """Each variable moved from `start` alike, to a share of the move's length: a relu that rounding turns on or off is a small part of it."""
    assert set(found) == set(expected)
    for name in found:
        move = np.linalg.norm(expected[name] - start[name])
        assert np.linalg.norm(found[name] - expected[name]) <= share * move + 1e-6, name


def test_two_devices_with_equal_batches_do_what_one_does_with_both(two):
    """But for the moving variances: they are of unbiased ones, n / (n - 1), which depend on the number of values.

    Losses agree closely. Of weights a tenth of a move is granted: the two graphs round differently, and a relu of a deep map that is on in one
    and off in the other changes the gradients below it by some per cent, on one device as well. A sum in place of a mean would change all.
    """
    folder, published = two
    both = tuple({key: np.concatenate([value, value]) for key, value in part.items()} for part in BATCH)
    (variables, seen), = one_device(folder, 0, [both])
    found, start = stored(folder, 1), stored(folder, 0)
    assert set(found) == set(variables)
    names = [name for name in found if not name.endswith('/moving_variance')]
    assert_close(*[{name: values[name] for name in names} for values in (found, variables, start)], share=.1)
    assert published[0] == pytest.approx(seen, rel=1e-4)


def test_a_step_is_the_mean_of_the_steps_with_each_batch(two):
    folder, published = two
    (first, seen_first), (second, seen_second) = one_device(folder, 1, [BATCH, OTHER])
    moved = [name for name in first if np.abs(first[name] - second[name]).max() > 1e-3]
    assert any(name.endswith('/weights') for name in moved) and any(name.endswith('/moving_variance') for name in moved)
    assert_close(stored(folder, 2), {name: (first[name] + second[name]) / 2 for name in first}, stored(folder, 1), share=.02)
    assert published[1] == pytest.approx({name: (seen_first[name] + seen_second[name]) / 2 for name in seen_first}, rel=1e-4)
