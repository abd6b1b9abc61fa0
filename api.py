"""The Python API: a model that predicts images. `from blitznet_estimator import Model` brings it.

  with Model('runs/tiny-shapes') as model:
      result = model('photo.jpg')
      print(result.names, result.scores, result.boxes)
      result.save('found.png')

This module is at the top, as main.py is: it gives the core's engines the model_fn and the decoder of the other folders.
"""
import collections
import contextlib
import functools
import itertools
import os
import threading
import time

import numpy as np

from blitznet_estimator import model_location, thresholds
from blitznet_estimator.config import OWN_SCORES
from blitznet_estimator.drivers.predictions import groups_of, predict_images, timed
from blitznet_estimator.engines import registry
from blitznet_estimator.errors import UserError
from blitznet_estimator.results import COLOR_ORDERS, Result

# number: of the frame in its video, from 0. seconds: since the start. result: a Result.
VideoFrame = collections.namedtuple('VideoFrame', 'number seconds result')


class Model:
    """A trained model in memory. Threads may share it: all of them use one session.

    Attributes:
      class_names: without the background; class i is class_names[i - 1].
      path: of the checkpoint, or the folder of the export, that is used.
      config: the Config that it computes by. engine: the `engines.base.Engine` that computes.
    """

    def __init__(self, path, color='bgr', min_score=None, classes=None, platform='auto', threads=0, batch_size=8, engine='', config=None):
        """Load a model.

        Args:
          path: the folder of a run (its best checkpoint, else the latest), a checkpoint, or an export.
          color: 'bgr', as OpenCV reads files, or 'rgb': the order of colours in arrays that the model is given, and that results give.
          min_score: the lowest score of a box that is kept; 0 keeps all. None: per class what the evaluation of the checkpoint found best,
            else 0.25.
          classes: names of the classes that are kept; None = all.
          platform: auto (a GPU if there is one), cpu or gpu. threads: of the CPU; 0 = as many as cores.
          batch_size: most images that are computed at once.
          engine: tensorflow, openvino, onnxruntime or tflite. By default TensorFlow, or what runs the file that `path` names. The others
            run files of an export: `path`, or that in the run's folder.
          config: a Config in place of the model's own, for one that has none, or to change how its raw outputs are finished.
        Raises:
          UserError: there is no such model, or an argument is wrong; the message says what to do.
        """
        if color not in COLOR_ORDERS:
            raise UserError('color=%r is neither bgr nor rgb.' % (color,))
        located = model_location.locate(path, config, engine)
        config = _complete(located).replace(run=dict(mode='predict', platform=platform, threads=threads))
        self.path, self.class_names = located.path, config.data.class_names
        self.config, self._color, self._batch_size = config, color, max(batch_size, 1)
        self._own_scores, self._min_score, self._classes = located.min_scores, min_score, classes
        self._lowest_scores(min_score), self._numbers(classes)  # what is wrong with them is said before the model is loaded
        self._calls = _Calls()
        self.engine = _open_engine(located, config)

    def __call__(self, images, min_score=None, classes=None):
        """What is found in an image: a Result; in a list of images: a list of Results, in their order.

        Args:
          images: the path or the URL of an image, or an array uint8 [H, W, 3] (colours as `color` says), [H, W] (grey) or [H, W, 4]
            (transparency is dropped); or a list of these.
          min_score, classes: in place of the model's own.
        Raises:
          UserError: a file cannot be read. TypeError, ValueError: something is no image. RuntimeError: the model is closed.
        """
        are_many, kept = isinstance(images, (list, tuple)), self._kept(min_score, classes)
        with self._calls.one():
            results = [result for batch in groups_of(images if are_many else [images], self._batch_size) for result in self._of_batch(*batch, *kept)]
        return results if are_many else results[0]

    def stream(self, images, min_score=None, classes=None):
        """Yield a Result per image of an iterable, in their order. One batch of images is in memory at a time.

        images, min_score, classes, errors: as of a call.
        """
        kept = self._kept(min_score, classes)
        return itertools.chain.from_iterable(self._call(*batch, *kept) for batch in groups_of(images, self._batch_size))

    def video(self, source, stride=1, min_score=None, classes=None):
        """Yield a VideoFrame per frame of a video. Memory stays flat, however long it is.

        Args:
          source: path or URL of a video file, number of a camera, address of a stream (rtsp://...), or what `open_source` gives. A camera or a
            stream gives its newest frame each time.
          stride: every which frame of a file. min_score, classes: in place of the model's own.
        Raises:
          UserError: the video cannot be opened.
        """
        from blitznet_estimator.video.sources import open_source
        kept = self._kept(min_score, classes)
        is_open = not isinstance(source, (str, int, os.PathLike))
        opened = contextlib.closing(source) if is_open else open_source(str(source) if isinstance(source, int) else _path(source), stride)
        return self._frames(opened, *kept)

    def _frames(self, opened, lowest, chosen):
        with opened as source:
            frames = iter(source)
            while True:
                batch = list(itertools.islice(frames, 1 if source.is_live else self._batch_size))
                if not batch:
                    return
                given = [frame.pixels if self._color == 'bgr' else frame.pixels[..., ::-1] for frame in batch]
                results = self._call(given, time.monotonic(), lowest, chosen)
                for frame, result in zip(batch, results):
                    yield VideoFrame(frame.number, frame.seconds, result)

    @property
    def min_scores(self):
        """{class: lowest score of a box that is kept}."""
        return dict(zip(self.class_names, self._lowest_scores(self._min_score).tolist()))

    def close(self):
        """Free the session, when the calls of other threads are over. Later calls raise RuntimeError."""
        if self._calls.end():
            self.engine.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _call(self, *batch):
        """As `_of_batch`, which a call of its own is."""
        with self._calls.one():
            return self._of_batch(*batch)

    def _of_batch(self, given, began, lowest, chosen):
        """The Results of a batch of images. began: when it was asked for, as `time.monotonic` says it."""
        images = [self._pixels(one) for one in given]
        predictions = timed(predict_images(self.engine, images, self.config, np.arange(len(images))), began)
        return [Result(prediction, image.shape[:2], functools.partial(np.asarray, image), self.class_names, lowest, _path(one),
                       self._color, chosen) for one, image, prediction in zip(given, images, predictions)]

    def _kept(self, min_score, classes):
        """(lowest scores, numbers of classes or None) of what a call keeps; None stands for the model's own."""
        return (self._lowest_scores(self._min_score if min_score is None else min_score),
                self._numbers(self._classes if classes is None else classes))

    def _pixels(self, image):
        """RGB uint8 [H, W, 3] of what a call was given."""
        if _path(image):
            from input_fn import read_pixels
            return read_pixels(_path(image))
        if not isinstance(image, np.ndarray):
            raise TypeError('An image is a path, a URL or a numpy array, not %s.' % type(image).__name__)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,), (4,)) or not image.size:
            raise ValueError('An image is uint8 [H, W, 3], [H, W] or [H, W, 4], not %s %s.' % (image.dtype, list(image.shape)))
        if image.ndim == 2 or image.shape[2] == 1:
            return np.repeat(image.reshape(image.shape[:2] + (1,)), 3, axis=2)
        return np.ascontiguousarray(image[..., 2::-1] if self._color == 'bgr' else image[..., :3])

    def _lowest_scores(self, min_score):
        if min_score is not None and not 0 <= min_score <= 1:
            raise UserError('min_score=%s is not in [0, 1].' % min_score)
        return thresholds.lowest_scores(OWN_SCORES if min_score is None else min_score, self.class_names, self._own_scores)

    def _numbers(self, names):
        """The numbers of classes by their names; None for all."""
        return thresholds.class_numbers(names, self.class_names, 'classes') if names else None


class _Calls:
    """The calls of threads that are under way, and whether there may be more."""

    def __init__(self):
        self._changed, self._count, self._over = threading.Condition(), 0, False

    @contextlib.contextmanager
    def one(self):
        """A call, inside the `with` block."""
        with self._changed:
            if self._over:
                raise RuntimeError('The model is closed.')
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def end(self):
        """Let no call begin any more, and wait for those under way; whether this is the first time."""
        with self._changed:
            first, self._over = not self._over, True
            self._changed.wait_for(lambda: not self._count)
        return first


def _complete(located):
    """The Config of a model with the names of its classes."""
    from input_fn.classes import with_classes
    return located.config if located.kind == model_location.EXPORT else with_classes(located.config)


def _open_engine(located, config):
    if located.kind == model_location.EXPORT:
        return registry.open_file(located.path, located.exported, config)
    from blitznet_estimator.engines import tensorflow
    return tensorflow.open_checkpoint(located.path, config, _model_fn)


def _model_fn(features, labels, mode, params):
    from model_fn import model_fn
    return model_fn(features, labels, mode, params)


def _path(image):
    """The path, with the user's folder for ~, or the URL that an image is given by, or ''."""
    return os.path.expanduser(os.fspath(image)) if isinstance(image, (str, os.PathLike)) else ''
