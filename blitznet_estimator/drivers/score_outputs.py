"""Scores what a network gave elsewhere: outputs by image, raw ones finished as mode eval does it, against the ground truth of a split."""
import numpy as np

from blitznet_estimator.drivers.predictions import finish, split
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.heads import heads_of
from blitznet_estimator.progress import Progress


def score(config, outputs, samples, count=None, complete=False, title='Scoring'):
    """The Scorer's result, by config.run.metrics, for an iterable of (entry, outputs) and the samples of the split in order.

    Args:
      outputs: an entry holds source_id and size (height, width); the outputs are arrays of the image by name.
      count: how many there are, for the progress bar. complete: whether the outputs are predictions, instead of raw.
    """
    scorer = Scorer(config.data.class_names, config.run.metrics, heads_of(config.network))
    samples = iter(samples)
    with Progress(title, count, enabled=config.run.progress) as progress:
        for entry, found in outputs:
            batch = dict({name: values[None] for name, values in found.items()},
                         source_id=[entry['source_id']], size=np.array([entry['size']]))
            for prediction in split(batch if complete else finish(batch, config)):
                scorer.update(prediction, _sample(samples, entry['source_id']))
            progress.advance()
    return scorer.result()


def _sample(samples, source_id):
    for sample in samples:
        if sample.source_id == source_id:
            return sample
    raise UserError('The dataset has no image %d: were the inputs made of another split?' % source_id)
