"""ONNX Runtime on a CPU."""
import numpy as np

from blitznet_estimator.engines.base import InputEngine


class OnnxRuntimeEngine(InputEngine):
    """A session, which threads may share."""

    def __init__(self, path, exported, config):
        import onnxruntime
        super().__init__(exported, config)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config.run.threads  # 0 = as many as cores
        self._session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
        self._names = [output.name for output in self._session.get_outputs()]

    def compute(self, inputs, size=None):
        """Outputs of the session."""
        feed = {'input': inputs} if size is None else {'input': inputs, 'size': np.array(size, np.int64)}
        return dict(zip(self._names, self._session.run(self._names, {value.name: feed[value.name] for value in self._session.get_inputs()})))

    def close(self):
        """Free the session."""
        self._session = None
        super().close()


def open_file(path, exported, config):
    """The Engine of an .onnx file."""
    return OnnxRuntimeEngine(path, exported, config)
