"""OpenVINO on a CPU."""
import threading

import numpy as np

from blitznet_estimator.engines.base import InputEngine


class OpenVinoEngine(InputEngine):
    """A compiled model, of which each thread has a request of its own: a request takes one call at a time."""

    def __init__(self, path, exported, config):
        import openvino
        super().__init__(exported, config)
        # Without a hint it computes in bfloat16 wherever the CPU can, which nobody asked for.
        options = {'INFERENCE_PRECISION_HINT': 'bf16' if config.train.precision == 'mixed' else 'f32'}
        if config.run.threads:
            options['INFERENCE_NUM_THREADS'] = config.run.threads
        self._compiled, self._own = openvino.Core().compile_model(path, 'CPU', options), threading.local()
        self._inputs = {name for value in self._compiled.inputs for name in value.get_names()}

    def compute(self, inputs, size=None):
        """Outputs of the thread's own request."""
        feed = {'input': inputs} if size is None else {'input': inputs, 'size': np.array(size, np.int64)}
        found = self._request().infer({name: values for name, values in feed.items() if name in self._inputs})
        return {output.get_any_name(): found[output] for output in self._compiled.outputs}

    def _request(self):
        if not hasattr(self._own, 'request'):
            self._own.request = self._compiled.create_infer_request()
        return self._own.request

    def close(self):
        """Free the compiled model and its requests."""
        self._compiled = self._own = None
        super().close()


def open_file(path, exported, config):
    """The Engine of an .xml file, beside which its weights lie."""
    return OpenVinoEngine(path, exported, config)
