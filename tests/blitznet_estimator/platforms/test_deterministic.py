"""--deterministic: what it turns on, and that two trainings are then equal to the last bit."""
import numpy as np
import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import local, npu
from blitznet_estimator.runtime import IS_TF1, tf
from model_fn import model_fn
from model_fn.network import cost
from tests.blitznet_estimator.drivers import stand_in
from tests.model_fn.test_model_fn import make_batch, small_config


def _is_on():
    from tensorflow.python.framework import config
    return config.is_op_determinism_enabled()


@pytest.fixture(autouse=True)
def off_again():
    yield
    if not IS_TF1:
        from tensorflow.python.framework import config
        config.disable_op_determinism()  # which TensorFlow itself offers to its tests alone


def test_the_switch_or_one_thread(tmp_path):
    for deterministic in (False, True):
        platform = local.CpuPlatform(stand_in.config(tmp_path, run=dict(threads=3, deterministic=deterministic)))
        threads = 1 if deterministic and IS_TF1 else 3
        session = platform.session_config()
        assert (session.intra_op_parallelism_threads, session.inter_op_parallelism_threads) == (threads, threads)
        assert IS_TF1 or _is_on() == deterministic
        assert ('CPU (%d thread' % threads in platform.describe()) and ('deterministic' in platform.describe()) == deterministic


def test_where_it_is_not_to_be_had(tmp_path, monkeypatch):
    config = stand_in.config(tmp_path, run=dict(deterministic=True))
    with pytest.raises(UserError, match='--npu_deterministic'):
        npu.NpuPlatform(config)
    monkeypatch.setattr(local, 'IS_TF1', True)
    with pytest.raises(UserError, match='--deterministic on a GPU needs TensorFlow 2'):
        local.GpuPlatform(config)


def test_the_cost_of_the_network_is_counted(tmp_path):
    """At the start of a training, in a graph that has no seed of its own."""
    network = small_config().network
    expected = cost.total(network)
    local.CpuPlatform(stand_in.config(tmp_path, run=dict(deterministic=True)))
    assert cost.total(network) == expected


@pytest.mark.slow
def test_two_trainings_have_the_same_bits(tmp_path):
    """On four threads, of the whole model with its kernels for CPUs, and all that draws by chance."""
    def train(folder):
        config = small_config().replace(run=dict(model_dir=str(folder), deterministic=True, threads=4, platform='cpu', seed=3))
        features, labels = make_batch(config.network, 4)
        random = np.random.RandomState(0)
        images = random.uniform(size=(3,) + features['image'].shape).astype(np.float32)

        def batches():
            each = tf.data.Dataset.from_tensor_slices(images).map(lambda image: (dict(features, image=image), labels))
            return each.shuffle(3, seed=5).repeat()
        platform = local.CpuPlatform(config)
        platform.estimator(model_fn, {'config': config}).train(batches, max_steps=5)
        reader = tf.train.load_checkpoint(str(folder))
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    one, other = train(tmp_path / 'one'), train(tmp_path / 'other')
    assert set(one) == set(other) and one['global_step'] == 5
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
