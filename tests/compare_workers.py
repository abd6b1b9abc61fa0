"""How far N workers go another way than one process with the same images, step for step, and how far rounding alone takes one process.

  python -m tests.compare_workers --workers 2 4 --steps 20

All start from one checkpoint, and train on the same four images per step. `rounding` is one process, too: each of its first weights is changed by
less than the last bit of a float32. A difference is of the vectors of all weights, of all averages of batch norm, or of all slots of the
optimizer, over how far that vector moved; `worst` is that of the variable that differs most over its own way.
"""
import argparse
import pathlib
import shutil
import tempfile

import numpy as np

from blitznet_estimator.runtime import tf
from tests.test_multi_worker import KINDS, SMALL, differences, finish, losses, moves, start, stored

IMAGES, BEFORE = 4, 2  # images of a step of all; steps of the common start


def train(folder, steps, workers, images=IMAGES):
    """Train on to the global step `steps`: by one process, or a job of several."""
    words = SMALL + ['--model_dir=%s' % folder, '--train_steps=%d' % steps, '--save_every=10', '--eval_every=0',
                     '--batch_size=%d' % (images // max(workers, 1))]
    launch = ['-m', 'tools.launch', '--workers=%d' % workers, '--log_dir=%s' % (folder / 'logs'), '--']
    finish(start((launch if workers else ['main.py']) + words, folder))


def nudge(folder, seed=0):
    """Change each weight of the checkpoint of step BEFORE by at most 6e-8 of itself."""
    dice, prefix = np.random.RandomState(seed), str(folder / ('model.ckpt-%d' % BEFORE))
    values = stored(folder, BEFORE)
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in sorted(values.items()):
            if value.dtype == np.float32:
                value = value * (1 + dice.uniform(-6e-8, 6e-8, value.shape)).astype(np.float32)
            tf.get_variable(name, initializer=value)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)


def compare(folder, workers, steps):
    """Print a line per side."""
    first, end = folder / 'first', BEFORE + steps
    train(first, BEFORE, 0)
    sides = [('alone', 0), ('rounding', 0)] + [('%d workers' % count, count) for count in workers]
    for name, count in sides:
        shutil.copytree(str(first), str(folder / name), ignore=shutil.ignore_patterns('*tfevents*', '*.csv', 'logs', 'setup'))
        if name == 'rounding':
            nudge(folder / name)
        train(folder / name, end, count)
        if name == 'alone':
            expected, expected_losses = moves(folder / name, BEFORE, end), losses(folder / name)
            continue
        found, found_losses = differences(moves(folder / name, BEFORE, end), expected), losses(folder / name)
        common = sorted(step for step in set(found_losses) & set(expected_losses) if step > BEFORE)
        said = ['%s %.2g, worst %.2g' % ((kind,) + found[kind]) for kind in KINDS]
        furthest = max(abs(found_losses[step] / expected_losses[step] - 1) for step in common)
        print('%-10s %s; losses of %d steps %.1g' % (name, '; '.join(said), len(common), furthest), flush=True)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--workers', type=int, nargs='+', default=[2, 4])
    parser.add_argument('--steps', type=int, default=20)
    args = parser.parse_args()
    print('TensorFlow %s, %d steps' % (tf.__version__, args.steps), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        compare(pathlib.Path(folder), args.workers, args.steps)


if __name__ == '__main__':
    main()
