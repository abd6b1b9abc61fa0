"""Image files of any kind as batches, for prediction."""
import os

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.images import standard_image
from input_fn.pipeline import ordered_batches

_DTYPES = {'source_id': tf.int64, 'image': tf.string, 'size': tf.int32}
_SHAPES = {'source_id': [], 'image': [], 'size': [2]}


def make_image_input_fn(config, paths):
    """An Estimator's input_fn over image files, in order: features as in PREDICT, source_id = index into `paths`.

    Whatever OpenCV reads becomes upright RGB: grey, indexed, CMYK, with alpha, turned by EXIF. Raises UserError, before
    anything runs, for a file that is missing or can't be decoded.
    """
    for path in paths:
        _read(path)

    def samples():
        for i, path in enumerate(paths):
            data, height, width = _read(path)
            yield {'source_id': i, 'image': data, 'size': np.array([height, width], np.int32)}

    def input_fn(params=None):
        del params  # an Estimator's, for the model
        return ordered_batches(config, tf.data.Dataset.from_generator(samples, _DTYPES, _SHAPES))
    return input_fn


def _read(path):
    """(JPEG or PNG bytes, height, width) of an image file."""
    if not os.path.isfile(path):
        raise UserError('%s is no file: check the paths of the images.' % path)
    try:
        with open(path, 'rb') as file:
            data = file.read()
    except OSError as error:
        raise UserError('%s cannot be read (%s).' % (path, error.strerror))
    return standard_image(data, path)
