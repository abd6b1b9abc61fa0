"""Training on several devices, here two logical CPUs: what it equals on one device.

Each device takes a batch of its own. Its losses are divided by its share of all positives and labelled pixels, and the gradients are averaged.
So two devices do what one does with both batches, but for batch norm, which takes the statistics of a device's own batch where it is not
synchronised. (The hardest negatives are those of each device, too: tests/model_fn/training/test_replicas.py. Here all negatives count.)
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


def config(folder='', synced=False, clip=0.):
    return small_config(image_size=SIDE, x4=False, top_fm=8, n_base_channels=4, sync_batch_norm=synced).replace(
        train=dict(optimizer='nesterov', learning_rate=.01, clip_gradients=clip), run=dict(model_dir=str(folder), save_every=1, summary_every=1000))


def batch(positives, power=1):
    """(features, labels) with so many positives in the first image. All 120 negatives count, so that rounding never decides which do."""
    features, labels = make_batch(config().network, IMAGES)
    image = np.kron(np.random.RandomState(1).uniform(size=(IMAGES, 4, 4, 3)), np.ones([1, 18, 18, 1])).astype(np.float32)
    match = np.full_like(labels['match'], UNUSED)
    match[:, :30], match[:, 100:115], match[0, 300:300 + positives] = BACKGROUND, 1, 0
    return dict(features, image=image ** power), dict(labels, match=match)


BATCH, OTHER = batch(5), batch(40, power=2)


def two_devices(folder, batches, **options):
    """What is published at one step of two devices, which take a batch of `batches` each; the checkpoints of steps 0 and 1 are in `folder`."""
    published = _Published(folder)
    platform = NoGpu(config(folder, **options), ('/cpu:0', '/cpu:1'))

    def input_fn():
        first, second = map(tf.data.Dataset.from_tensors, batches)
        return first.concatenate(second)
    platform.estimator(model_fn, {'config': config(folder, **options)}).train(input_fn, hooks=[published], max_steps=1)
    return published.steps[0]


def stored(folder, step):
    """{variable: value} of a step's checkpoint."""
    reader = tf.train.load_checkpoint(str(folder / ('model.ckpt-%d' % step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def one_device(folder, batches, clip=0.):
    """({variable: value} after one step, published at it) with all `batches` at once, from the checkpoint of step 0."""
    both = [{key: np.concatenate([batch[key] for batch in part]) for key in part[0]} for part in zip(*batches)]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.get_or_create_global_step()
        spec, feed = build('train', config(clip=clip), *both)
        published, variables = monitored(), {variable.op.name: variable for variable in tf.global_variables()}
        tf.train.Saver().restore(session, str(folder / 'model.ckpt-0'))
        values = {key: value for part in both for key, value in part.items()}
        seen, _ = session.run([published, spec.train_op], {tensor: values[tensor.op.name] for tensor in feed})
        return session.run(variables), seen


def assert_close(found, expected, start, share):
    """Each variable moved from `start` alike, to a share of the move's length: a relu that rounding turns on or off is a small part of it."""
    assert set(found) == set(expected)
    for name in found:
        move = np.linalg.norm(expected[name] - start[name])
        assert np.linalg.norm(found[name] - expected[name]) <= share * move + 1e-6, name


def test_two_devices_with_equal_batches_do_what_one_does_with_both(tmp_path):
    """But for the moving variances: they are of unbiased ones, n / (n - 1), which depend on the number of values.

    Losses agree closely. Of weights a tenth of a move is granted: the two graphs round differently, and a relu of a deep map that is on in one
    and off in the other changes the gradients below it by some per cent, on one device as well. A sum in place of a mean would change all.
    """
    published = two_devices(tmp_path, [BATCH, BATCH], synced=False)
    variables, seen = one_device(tmp_path, [BATCH, BATCH])
    found, start = stored(tmp_path, 1), stored(tmp_path, 0)
    assert set(found) == set(variables)
    names = [name for name in found if not name.endswith('/moving_variance')]
    assert_close(*[{name: values[name] for name in names} for values in (found, variables, start)], share=.1)
    assert published == pytest.approx(seen, rel=1e-4)


@pytest.mark.one_python
@pytest.mark.parametrize('clip', [0, 1.])
def test_two_devices_with_synchronised_batch_norm_do_what_one_does_with_other_batches(tmp_path, clip):
    """One batch has 65 positives and the other 100. Moving averages and the optimizer's slots are among the variables."""
    published = two_devices(tmp_path, [BATCH, OTHER], synced=True, clip=clip)
    variables, seen = one_device(tmp_path, [BATCH, OTHER], clip)
    found, start = stored(tmp_path, 1), stored(tmp_path, 0)
    moved = [name for name in found if np.abs(found[name] - start[name]).max() > (1e-5 if clip else 1e-3)]
    assert any(name.endswith('/weights') for name in moved) and any(name.endswith('/moving_variance') for name in moved)
    assert_close(found, variables, start, share=.1)
    assert published == pytest.approx(seen, rel=1e-4)
