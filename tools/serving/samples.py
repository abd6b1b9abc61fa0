"""Pictures that the page offers to try. There are none unless --samples names them."""
import os

import cv2
import numpy as np

from blitznet_estimator import exports
from blitznet_estimator.config import Config
from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import description
from blitznet_estimator.logs import log

MOST = 12  # pictures
REACH = 600  # images of a split from which they are taken: those before the last one are read
SIDE = 1024  # pixels of the longer side; a larger picture is shrunk


def load(words, model):
    """[JPEG bytes] of at most MOST pictures, from the first to the last of what is named.

    Args:
      words: image files, folders and globs; or a split of the dataset that the model was trained for: 'val', 'eval'.
      model: folder of the export, or of its versions, whose export.json names that dataset.
    Raises:
      UserError: they name nothing, or no picture there can be read.
    """
    from input_fn import images_to_predict
    images = images_to_predict(_config(model).replace(run=dict(input_paths=tuple(words))), '--samples=')
    reach = min(len(images), REACH)
    found = []
    for index in np.unique(np.linspace(0, reach - 1, min(MOST, reach)).round().astype(int)).tolist():
        try:
            found.append(_encoded(images.image(index).pixels()))
        except UserError as error:
            log.warning('No sample: %s', error)
    if not found:
        raise UserError('--samples=%s: none of the pictures there can be read.' % ','.join(words))
    return found


def _config(model):
    """The Config of an export, which holds its dataset; a plain one where no export.json tells it."""
    folder = exports.newest(model, description.NAME)
    return description.config_of(folder) if folder and os.path.isfile(os.path.join(folder, description.NAME)) else Config()


def _encoded(pixels):
    from input_fn.datasets.images import encode_jpeg
    factor = SIDE / max(pixels.shape[:2])
    if factor < 1:
        size = tuple(max(1, int(round(side * factor))) for side in pixels.shape[1::-1])
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(pixels)
