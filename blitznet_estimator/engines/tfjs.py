"""TensorFlow.js in Node.js, by WebAssembly on one core of a CPU."""
import os
import shutil

from blitznet_estimator.engines.base import InputEngine, one_by_one
from blitznet_estimator.engines.program import Program, ProgramError
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tfjs_runner.js')


class TfJsEngine(InputEngine):
    """A model in a process of Node.js. It computes one image at a time: a batch of 16 takes twice as long per image."""

    def __init__(self, path, exported, config):
        super().__init__(exported, config)
        self._path, self._program = path, Program([shutil.which('node'), RUNNER, os.path.abspath(path)])
        log.info('%s', 'TensorFlow.js {version} computes by its backend {backend}. {why}'.format(**self._program.greeting).strip())

    def compute(self, inputs, size=None):
        """Raw outputs. UserError where the process failed."""
        try:
            return one_by_one(lambda one: self._program.ask({'input': one}), inputs)
        except ProgramError as error:
            raise UserError('%s cannot be computed by TensorFlow.js (%s).' % (self._path, error))

    def close(self):
        """End the process."""
        self._program.close()
        super().close()


def open_file(path, exported, config):
    """The Engine of a model.json, beside which its weights lie."""
    return TfJsEngine(path, exported, config)
