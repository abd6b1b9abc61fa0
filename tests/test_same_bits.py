"""main.py --deterministic --seed, in processes of its own and through the real input: the same bits again, and after a stop."""
import subprocess
import sys

import pytest

from blitznet_estimator.runtime import tf
from tests.paths import ROOT

STEPS, STOP = 4, 2
FLAGS = ['--mode=train', '--platform=cpu', '--dataset=shapes_small', '--image_size=64', '--top_fm=16', '--n_base_channels=8', '--lr_decay=',
         '--batch_size=4', '--threads=2', '--eval_every=0', '--eval_limit=1', '--max_pictures=0', '--nowrite_predictions', '--noreport',
         '--noprogress', '--deterministic', '--seed=7']


def train(folder, steps=STEPS):
    """Train the model in `folder` to step `steps`. The data lie beside it."""
    words = FLAGS + ['--data_dir=%s' % (folder.parent / 'data'), '--model_dir=%s' % folder, '--train_steps=%d' % steps]
    done = subprocess.run([sys.executable, 'main.py'] + words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()


def variables(folder, step=STEPS):
    """{name: value} of the checkpoint of a step, with the optimizer's slots, and the global step."""
    reader = tf.train.load_checkpoint(str(folder / ('model.ckpt-%d' % step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def different(one, other):
    """Names of the variables whose bits differ."""
    assert set(one) == set(other)
    return sorted(name for name in one if one[name].tobytes() != other[name].tobytes())


@pytest.mark.slow
def test_a_seed_gives_the_same_bits_again_also_after_a_stop(tmp_path):
    """The first weights, the batches with their augmentation, and each update. A resumed training sees the batches that follow."""
    one, again, stopped = (tmp_path / name for name in ('one', 'again', 'stopped'))
    train(one)
    train(again)
    train(stopped, STOP)
    train(stopped)
    assert different(variables(one), variables(again)) == []
    assert different(variables(one), variables(stopped)) == []
    assert len(different(variables(stopped, STOP), variables(stopped))) > len(variables(one)) / 2  # the steps after the stop did change them
