"""What an engine is: a loaded model that turns images into outputs."""
import abc


class Engine(abc.ABC):
    """A loaded model. `run` may be called by several threads at once; `close` is called once, when no call is left.

    An engine that takes the network's own input makes it by `resizing.network_input`. One that gives raw outputs leaves them as they are:
    the caller finishes them by `evaluation.host_postprocess`.
    """

    @abc.abstractmethod
    def run(self, images):
        """{key: array} of a batch as `batch.py` has it: complete predictions, or raw outputs, without source_id and size.

        images: list of RGB uint8 [h, w, 3], upright, of any sizes.
        """

    @abc.abstractmethod
    def close(self):
        """Free the memory and the device."""
