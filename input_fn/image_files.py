"""Image files and URLs of any kind as batches, for prediction."""
import collections
import functools
import os

import numpy as np

from blitznet_estimator.batch import PREDICT, batch_spec
from blitznet_estimator.drivers import input_images
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from input_fn import urls
from input_fn.datasets.folders import read_bytes
from input_fn.datasets.images import decode_image, limit_pixels, standard_image
from input_fn.pipeline import ordered_batches

# name: as it is known. stem: for the files that are made of it, unlike that of any other image. pixels: () -> RGB uint8 [H, W, 3], upright.
Image = collections.namedtuple('Image', 'name stem pixels')


class ImageFiles:
    """Image files and URLs, in order. JPEG, PNG, BMP, PPM, TIFF and WebP become upright RGB: grey, indexed, CMYK, with alpha, turned by EXIF.

    Each is read when its turn comes. One that is missing, can't be decoded, or has more pixels than data.max_pixels stops the session by a
    UserError, or is left out and noted in `skipped`, as data.on_bad_record says.

    Attributes: input_fn: of features as in PREDICT, source_id = index into the paths. skipped: [(path, what is wrong)]. files: the paths that
      are no URLs.
    """

    def __init__(self, config, paths):
        limit_pixels(config.data.max_pixels)
        self._config = config
        self._paths, self._stems, self.skipped = list(paths), input_images.unique_stems(paths), []
        self.files = [path for path in paths if not input_images.is_url(path)]
        self._read = _standard  # how a path is read
        self._loaded = {}  # {index: bytes} of URLs, from the network's turn to the drawing's, so that none is loaded twice

    def __len__(self):
        return len(self._paths)

    def image(self, index):
        """The Image of an index. They are asked for in their order."""
        for earlier in [number for number in self._loaded if number < index]:
            del self._loaded[earlier]
        return Image(self._paths[index], self._stems[index], functools.partial(self._pixels, index))

    def _pixels(self, index):
        path, data = self._paths[index], self._loaded.get(index)
        return decode_image(self._read(path)[0] if data is None else data, path)

    def input_fn(self, params=None):
        """An Estimator's."""
        del params  # an Estimator's, for the model
        self._read = _standard
        return ordered_batches(self._config, tf.data.Dataset.from_generator(self._samples, *_types_and_shapes(self._config)))

    def pictures(self):
        """Yield (index, RGB uint8 [H, W, 3]) of each image, for engines outside of a graph. No graph is asked whether it reads them."""
        self._read = _decoded
        for i, _, pixels in self._readable():
            yield i, pixels

    def _samples(self):
        for i, data, size in self._readable():
            yield {'source_id': i, 'image': data, 'size': np.array(size, np.int32)}

    def _readable(self):
        """Yield (index, bytes, what else `_read` gives) of the images that can be read."""
        del self.skipped[:]
        for i, path in enumerate(self._paths):
            try:
                data, more = self._read(path)
            except UserError as error:
                if self._config.data.on_bad_record == 'error':
                    raise
                self.skipped.append((path, str(error)))
                log.warning('Skipped %s', error)
                continue
            if input_images.is_url(path):
                self._loaded[i] = data
            yield i, data, more


def make_image_input_fn(config, paths):
    """An Estimator's input_fn over image files, in order: features as in PREDICT, source_id = index into `paths`. See `ImageFiles`."""
    return ImageFiles(config, paths).input_fn


def read_pixels(path):
    """The pixels of an image file or URL as the network sees them, RGB uint8 [H, W, 3], upright."""
    return decode_image(_standard(path)[0], path)


def _types_and_shapes(config):
    """({key: dtype}, {key: shape}) of samples: as of features in PREDICT, but for the image, which is still encoded."""
    spec = batch_spec(config, PREDICT).features
    types, shapes = {key: tf.as_dtype(one.dtype) for key, one in spec.items()}, {key: one.shape[1:] for key, one in spec.items()}
    return dict(types, image=tf.string), dict(shapes, image=())


def _standard(path):
    """(JPEG or PNG bytes that a graph reads, (height, width)) of an image file or URL."""
    data, height, width = standard_image(_bytes(path), path)
    return data, (height, width)


def _decoded(path):
    """(its bytes, RGB uint8 [H, W, 3]) of an image file or URL."""
    data = _bytes(path)
    return data, decode_image(data, path)


def _bytes(path):
    return urls.load(path) if input_images.is_url(path) else _file(path)


def _file(path):
    if not os.path.isfile(path):
        raise UserError('%s is no file: check the paths of the images.' % path)
    return read_bytes(path)
