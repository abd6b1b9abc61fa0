"""TensorFlow.js in Node.js, by WebAssembly on one core of a CPU."""
import os
import shutil

from blitznet_estimator.engines.base import InputEngine
from blitznet_estimator.engines.program import Program, ProgramError
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tfjs_runner.js')


class TfJsEngine(InputEngine):
    """A model in a process of Node.js, which takes one batch at a time."""

    def __init__(self, path, exported, config):
        super().__init__(exported, config)
        self._path, self._program = path, Program([shutil.which('node'), RUNNER, os.path.abspath(path)])
        log.info('TensorFlow.js %(version)s computes by its backend %(backend)s. %(why)s', self._program.greeting)

    def compute(self, inputs, size=None):
        """Raw outputs. UserError where the process failed."""
        try:
            return self._program.ask({'input': inputs})
        except ProgramError as error:
            raise UserError('%s cannot be computed by TensorFlow.js (%s).' % (self._path, error))

    def close(self):
        """End the process."""
        self._program.close()
        super().close()


def open_file(path, exported, config):
    """The Engine of a model.json, beside which its weights lie."""
    return TfJsEngine(path, exported, config)
