"""What an engine is: a loaded model that turns images into outputs."""
import abc

import numpy as np

from blitznet_estimator import memory
from blitznet_estimator.resizing import network_input


class Engine(abc.ABC):
    """A loaded model. `run` may be called by several threads at once; `close` is called once, when no call is left.

    Attributes:
      is_raw: whether it gives raw outputs, which `drivers.predictions.finished` finishes, instead of complete predictions.
    """

    is_raw = False

    @abc.abstractmethod
    def run(self, images):
        """{key: array} of a batch as `batch.py` has it: complete predictions, or raw outputs, without source_id and size.

        images: list of RGB uint8 [h, w, 3], upright, of any sizes.
        """

    @abc.abstractmethod
    def close(self):
        """Free the memory and the device."""


class InputEngine(Engine):
    """An engine of a file that takes the network's own input, and gives raw outputs, or complete ones with masks of one size at a time."""

    def __init__(self, exported, config):
        self.is_raw, self._side = exported.outputs == 'raw', config.network.image_size

    def run(self, images):
        """Raw outputs or complete predictions, as the file has them. Images of one size are one batch where it is complete."""
        inputs = np.array([network_input(image, self._side) for image in images])
        return self.compute(inputs) if self.is_raw else by_size(images, lambda places, size: self.compute(inputs[places], size))

    @abc.abstractmethod
    def compute(self, inputs, size=None):
        """{key: array} of inputs [B, S, S, 3], as `resizing.network_input` makes them. size: (height, width) of the masks of a complete file."""

    def close(self):
        """Free the memory."""
        memory.release()


def one_by_one(compute, inputs):
    """{key: array [B, ...]} of inputs [B, S, S, 3], of which `compute` is given one [1, S, S, 3] after the other."""
    rows = [compute(one[None]) for one in inputs]
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


def by_size(images, compute):
    """{key: array [B, ...]} of images [h, w, 3], those of one size as one batch.

    compute: (places of the images of a size, (h, w)) -> {key: array}. Masks of several sizes are padded with 0.
    """
    sizes = [image.shape[:2] for image in images]
    places = {size: [i for i, one in enumerate(sizes) if one == size] for size in dict.fromkeys(sizes)}
    return _joined(len(images), [(where, compute(where, size)) for size, where in places.items()])


def _joined(count, parts):
    """{key: array [count, ...]} of [(places, {key: array})]. Masks of several sizes are padded with 0."""
    joined = {}
    for key in parts[0][1]:
        shape = np.max([found[key].shape[1:] for _, found in parts], axis=0).astype(int) if parts[0][1][key].ndim > 1 else ()
        joined[key] = np.zeros((count,) + tuple(shape), parts[0][1][key].dtype)
        for places, found in parts:
            joined[key][(places,) + tuple(slice(side) for side in found[key].shape[1:])] = found[key]
    return joined
