"""Memory of a long run: resident after each cycle of training and evaluation, in a process of its own.

Estimators are known to keep hundreds of megabytes of each evaluation in one process (tensorflow issues 24221, 32052).
"""
import json
import math
import os
import subprocess
import sys
import time

import numpy as np

from blitznet_estimator import memory
from blitznet_estimator.config import Config
from blitznet_estimator.drivers import evaluate, train
from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms import get_platform
from hooks import training_hooks
from input_fn import ground_truth, make_input_fn, open_dataset
from model_fn import model_fn

CYCLES = 20
SETTLED = 5  # the first cycles fill caches


def measure(config, folder, cycles=CYCLES, seconds=math.inf):
    """{'resident_mb': [MB after each cycle of one step and one evaluation], 'mb_a_cycle': as of `slope`, once SETTLED}.

    After so many seconds no cycle begins, once there are SETTLED and one more. folder: for the log of the process.
    """
    config = config.replace(train=dict(train_steps=cycles), run=dict(eval_every=1, summary_every=1, keep_best=0))
    log = os.path.join(folder, 'growth.log')
    with open(log, 'w', encoding='utf-8') as errors:
        command = [sys.executable, '-m', 'tools.benchmarks.growth', config.to_json(), str(seconds)]
        child = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors)
    if child.returncode:
        with open(log, encoding='utf-8') as errors:
            raise UserError('The cycles of training and evaluation failed:\n%s' % errors.read()[-3000:])
    resident = json.loads(child.stdout.decode())
    return dict(resident_mb=resident, mb_a_cycle=slope(resident[min(SETTLED, cycles) - 1:]))


def slope(values):
    """How much `values` grow from one to the next: the median of the slopes of all pairs (Theil and Sen), 0 of one value.

    One cycle that keeps more or less than the others moves it little: a heap gives back whole pages alone, and may do so cycles later.
    """
    rises = [(values[j] - values[i]) / (j - i) for j in range(len(values)) for i in range(j)]
    return float(np.median(rises)) if rises else 0.


def _resident_mb():
    with open('/proc/self/statm', encoding='utf-8') as pages:
        return int(pages.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2 ** 20


class _Enough(Exception):
    """The time is over."""


def _cycles(config, seconds):
    memory.limit_malloc_arenas()  # as main.py does
    platform, resident, end = get_platform(config), [], time.monotonic() + seconds
    training, evaluation = (open_dataset(config.data, split) for split in ('train', 'eval'))

    def evaluate_checkpoint(path):
        evaluate.run(config, platform, make_input_fn(config, evaluation, 'infer'), model_fn, lambda: ground_truth(config.data, 'eval'),
                     evaluation.num_examples, path)
        memory.release()  # as training does next
        resident.append(_resident_mb())
        if len(resident) > SETTLED and time.monotonic() >= end:
            raise _Enough
    try:
        train.run(config, platform, lambda start: make_input_fn(config, training, 'train', platform.shard, start), model_fn,
                  evaluate_checkpoint, training_hooks(config, platform))
    except _Enough:
        pass
    return resident


def main(text, seconds):
    """Print the megabytes after each cycle of the config that `text` (JSON) holds. seconds: as of `measure`."""
    answer = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(2, 1)  # the tables of the evaluations must not mix with it
    json.dump(_cycles(Config.from_json(text), float(seconds)), answer)
    answer.close()


if __name__ == '__main__':
    main(*sys.argv[1:])
