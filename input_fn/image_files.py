"""Image files of any kind as batches, for prediction."""
import os

import numpy as np

from blitznet_estimator.batch import PREDICT, batch_spec
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.images import decode_image, limit_pixels, standard_image
from input_fn.pipeline import ordered_batches


def make_image_input_fn(config, paths):
    """An Estimator's input_fn over image files, in order: features as in PREDICT, source_id = index into `paths`.

    JPEG, PNG, BMP, PPM, TIFF and WebP become upright RGB: grey, indexed, CMYK, with alpha, turned by EXIF. Raises UserError, before
    anything runs, for a file that is missing, can't be decoded, or has more pixels than data.max_pixels says.
    """
    limit_pixels(config.data.max_pixels)
    for path in paths:
        _read(path)

    def samples():
        for i, path in enumerate(paths):
            data, height, width = _read(path)
            yield {'source_id': i, 'image': data, 'size': np.array([height, width], np.int32)}

    def input_fn(params=None):
        del params  # an Estimator's, for the model
        return ordered_batches(config, tf.data.Dataset.from_generator(samples, *_types_and_shapes(config)))
    return input_fn


def read_pixels(path):
    """The pixels of an image file as the network sees them, RGB uint8 [H, W, 3], upright."""
    return decode_image(_read(path)[0], path)


def _types_and_shapes(config):
    """({key: dtype}, {key: shape}) of samples: as of features in PREDICT, but for the image, which is still encoded."""
    spec = batch_spec(config, PREDICT).features
    types, shapes = {key: tf.as_dtype(one.dtype) for key, one in spec.items()}, {key: one.shape[1:] for key, one in spec.items()}
    return dict(types, image=tf.string), dict(shapes, image=())


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
