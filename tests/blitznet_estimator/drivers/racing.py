"""A training run or a watcher of one model, as a process that says what it does; for a test of two at once.

It prints 'ready', waits for a line, and goes; prints 'evaluating', and waits for a line, before it gives an evaluation's metrics.
"""
import logging
import sys

from blitznet_estimator.drivers import evaluate_checkpoints, metrics_table, train
from blitznet_estimator.drivers.checkpoints import step_of
from blitznet_estimator.platforms import get_platform
from tests.blitznet_estimator.drivers import stand_in


def main(part, model_dir):
    """part: 'train', whose run has its last checkpoint already, or 'watch'."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format='%(message)s')
    options = stand_in.config(model_dir, train=dict(train_steps=6), run=dict(mode='eval', watch=True) if part == 'watch' else {})
    platform = get_platform(options)

    def evaluate(checkpoint):
        print('evaluating', flush=True)
        sys.stdin.readline()
        result = {'global_step': step_of(checkpoint), 'mIoU': .5}
        metrics_table.add(options, checkpoint, result)
        return result

    print('ready', flush=True)
    sys.stdin.readline()
    if part == 'watch':
        evaluate_checkpoints.watch(options, evaluate)
    else:
        train.run(options, platform, stand_in.train_input_fn, stand_in.model_fn, evaluate)


if __name__ == '__main__':
    main(*sys.argv[1:])
