"""--train_minutes: the end of a training that has had its time."""
import os
import time

from blitznet_estimator import files, json_files
from blitznet_estimator.errors import UserError

NAME = 'training_time.json'  # in a model's folder: the seconds that its training took so far


def check(config, platform):
    """UserError where several processes train: their clocks would end them at different steps, and some would wait for the others."""
    if config.train.train_minutes and platform.shard[1] > 1:
        raise UserError('--train_minutes=%g does not go with %d processes that train together: leave it out, and end the training by '
                        '--train_steps.' % (config.train.train_minutes, platform.shard[1]))


class TimeBudget:
    """The time that a training takes, from its start to its last step, of all its starts together. Evaluations between count, the last does not.

    It is saved when a phase of training ends: of a training that is killed, what came after its last phase is not counted.
    """

    def __init__(self, config, clock=time.monotonic):
        self._limit, self._path, self._clock = 60 * config.train.train_minutes, os.path.join(config.run.model_dir, NAME), clock
        self._before, self._since = 0., clock()

    def start(self, step):
        """The training begins at `step`."""
        self._before, self._since = _read(self._path) if step else 0., self._clock()

    @property
    def seconds(self):
        """Those that the training took so far."""
        return self._before + self._clock() - self._since

    def is_spent(self):
        """Whether there is a budget, and it is used up."""
        return bool(self._limit) and self.seconds >= self._limit

    def save(self):
        """Store the time, where there is a budget."""
        if self._limit:
            files.write_json(self._path, {'seconds': self.seconds})


def _read(path):
    """The saved seconds; 0 where there is no such file, or it is damaged, with a warning."""
    saved = json_files.read_own(path)
    seconds = saved.get('seconds') if isinstance(saved, dict) else None
    if json_files.is_number(seconds) and seconds >= 0:
        return float(seconds)
    if saved is not None:
        json_files.leave_out(path, 'seconds of training')
    return 0.
