"""TensorFlow Lite by LiteRT on a CPU."""
import threading

from blitznet_estimator.engines.base import InputEngine, one_by_one
from blitznet_estimator.machine import available_cores


class TfLiteEngine(InputEngine):
    """An interpreter, which takes one image and one call at a time."""

    def __init__(self, path, exported, config):
        from ai_edge_litert.interpreter import Interpreter
        super().__init__(exported, config)
        self._interpreter, self._lock = Interpreter(path, num_threads=config.run.threads or available_cores()), threading.Lock()
        self._interpreter.allocate_tensors()
        self._input, = self._interpreter.get_input_details()
        self._outputs = {output['name'].split(':')[0]: output['index'] for output in self._interpreter.get_output_details()}

    def compute(self, inputs, size=None):
        """Outputs of one image after the other."""
        return one_by_one(self._compute_one, inputs)

    def _compute_one(self, one):
        with self._lock:
            self._interpreter.set_tensor(self._input['index'], one)
            self._interpreter.invoke()
            return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def close(self):
        """Free the interpreter."""
        self._interpreter = None
        super().close()


def open_file(path, exported, config):
    """The Engine of a .tflite file."""
    return TfLiteEngine(path, exported, config)
