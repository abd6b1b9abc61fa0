"""--on_nan=rollback:N: a training whose loss is not finite goes back to its last checkpoint, and on with other data."""
import os

from blitznet_estimator import files, json_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

NAME = 'rollbacks.json'  # in a model's folder: [[step that was bad, step that it went back to], ...]
STOP, ROLLBACK = 'stop', 'rollback:'


def most(on_nan):
    """How often a training may go back, by --on_nan; UserError where that is neither `stop` nor rollback:N."""
    if on_nan == STOP:
        return 0
    count = on_nan[len(ROLLBACK):] if on_nan.startswith(ROLLBACK) else ''
    if not count.isdecimal() or not 0 < int(count) < 10 ** 6:
        raise UserError('--on_nan=%s is neither stop nor rollback:N, N being how often training may go back: rollback:3.' % on_nan)
    return int(count)


def check(config, platform):
    """UserError where several processes train: the loss of one is not finite, and the others would go on."""
    if most(config.train.on_nan) and platform.shard[1] > 1:
        raise UserError('--on_nan=%s does not go with %d processes that train together: use --on_nan=stop.'
                        % (config.train.on_nan, platform.shard[1]))


class Rollbacks:
    """How often a training went back, over all its starts, and which batches it leaves out since.

    A step's batch has the step's number. After a rollback it is further on by the steps that were lost, so that the batches of the bad steps
    do not come again. That depends on what is stored and on the step alone: a training that is stopped and resumed sees the same.
    """

    def __init__(self, config):
        self._most, self._path, self._done = most(config.train.on_nan), os.path.join(config.run.model_dir, NAME), []

    def start(self, step):
        """The training begins at `step`."""
        self._done = _read(self._path) if step else []  # a new training has nothing to do with what another left

    def batch(self, step):
        """Number of the batch that a phase which begins at `step` begins with."""
        return step + sum(bad - good for bad, good in self._done if good <= step)

    def go_back(self, error, good):
        """Note that training goes on from step `good`. Raises the error, a NonFiniteLoss, where it may go back no more."""
        if len(self._done) >= self._most:
            raise error if not self._done else UserError('%s It went back %d times before.' % (error, len(self._done)))
        self._done.append([error.step, good])
        files.write_json(self._path, self._done)
        log.warning('%s Going back to step %d, and on without the data of the %d steps after it (--on_nan, %d of %d times).', error, good,
                    error.step - good, len(self._done), self._most)


def _read(path):
    """The saved pairs; none where there is no such file. UserError where it is damaged: which data come next depends on it."""
    pairs = json_files.read(path) if os.path.lexists(path) else []
    try:
        if all(isinstance(bad, int) and isinstance(good, int) and 0 <= good < bad for bad, good in pairs):
            return [list(pair) for pair in pairs]
    except (ValueError, TypeError):
        pass
    raise UserError('%s is damaged: it says which data the training left out since it went back (--on_nan). Get a copy, or remove the file: '
                    'then those come again.' % path)
