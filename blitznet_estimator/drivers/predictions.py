"""Predictions image by image, as a network of any platform makes them."""
import collections
import itertools
import time

import numpy as np

from blitznet_estimator import tta
from blitznet_estimator.drivers.background import Background
from blitznet_estimator.drivers.session_errors import user_errors
from blitznet_estimator.evaluation.host_postprocess import of_image, postprocess
from blitznet_estimator.logs import log


def predict(config, platform, input_fn, model_fn, checkpoint, consume):
    """Call consume(prediction) for each image, in order, on a thread beside the network.

    A prediction holds source_id int; size (height, width); boxes [n, 4], scores [n], classes [n], best first, where the network
    detects; segmentation uint8 [height, width] where it segments; milliseconds, of the first batch its share of the time since the start, and
    later its share of the time that the last two batches took, which may have been computed at once.
    """
    if config.run.tta:
        views = tta.parse(config.run.tta)
        log.info('Test-time augmentation: %d views per image, which take about %.1f times as long as one.', views.count, views.cost)
    estimator = platform.estimator(model_fn, {'config': config, 'checkpoint': checkpoint})
    raw = platform.model_params().raw_predictions

    def handle(batch, seconds):
        for prediction in finished(batch, config) if raw else split(batch):
            consume(dict(prediction, milliseconds=1000 * seconds))

    with Background() as background, user_errors(checkpoint, input_fn):
        share, start = _Share(), time.monotonic()
        for batch in platform.predict(estimator, input_fn, checkpoint):
            count = int(np.sum(batch['source_id'] >= 0))
            background.submit(handle, batch, share.of(count, time.monotonic() - start))


class _Share:
    """Seconds per image of each batch, by when it came."""

    def __init__(self):
        self._came = collections.deque(maxlen=2)  # (seconds, images) of the batches before

    def of(self, count, seconds):
        """Seconds per image of the next batch of `count` images, which came after `seconds`."""
        if not self._came:
            share = seconds / max(count, 1)
        else:
            images = count + sum(earlier for _, earlier in list(self._came)[1:])
            share = (seconds - self._came[0][0]) / max(images, 1)
        self._came.append((seconds, count))
        return share


def predict_by_engine(engine, images, config):
    """Yield the prediction of each of the (source_id, RGB uint8 [H, W, 3]) by an `engines.base.Engine`, with its milliseconds, as `predict` does."""
    for group, began in groups_of(images, config.data.eval_batch_size):
        source_ids, pictures = zip(*group)
        yield from timed(predict_images(engine, pictures, config, source_ids), began)


def groups_of(items, size):
    """Yield (list of the next `size` items, or fewer at the end; when the first was asked for, as `time.monotonic` says it)."""
    items = iter(items)
    while True:
        began = time.monotonic()
        group = list(itertools.islice(items, size))
        if not group:
            return
        yield group, began


def timed(predictions, began):
    """The predictions of a batch as a list, each with its milliseconds: its share of the time since `began`."""
    found = list(predictions)
    milliseconds = 1000 * (time.monotonic() - began) / max(len(found), 1)
    return [dict(prediction, milliseconds=milliseconds) for prediction in found]


def predict_images(engine, images, config, source_ids):
    """Yield the own prediction of each of several RGB images, uint8 [H, W, 3], by an Engine."""
    batch = dict(engine.run(images), source_id=np.array(source_ids), size=np.array([image.shape[:2] for image in images], np.int32))
    return finished(batch, config) if engine.is_raw else split(batch)


def finished(batch, config):
    """Yield each image's own prediction out of a batch of raw outputs; padding is left out.

    Each is finished alone. In a batch their masks would be padded to the largest height and width: 3.6 GB each for 1 x 60000 and 60000 x 1 pixels.
    """
    for i in np.flatnonzero(np.asarray(batch['source_id']) >= 0):
        one = {key: values[i:i + 1] for key, values in batch.items()}
        yield from split(dict(postprocess(one, one['size'], config.network, config.detection), source_id=one['source_id']))


def split(batch):
    """Yield each image's own prediction out of a batch; padding is left out."""
    for i, source_id in enumerate(batch['source_id']):
        if source_id < 0:
            continue
        yield dict(of_image(batch, i), source_id=int(source_id), size=tuple(int(side) for side in batch['size'][i]))
