"""Scores what a network gave elsewhere: predictions, or raw outputs finished as mode eval does it, against the ground truth of a split."""
import numpy as np

from blitznet_estimator.drivers import predictions as own_predictions
from blitznet_estimator.evaluation.samples import sample_of
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.heads import heads_of
from blitznet_estimator.progress import Progress


def score(config, predictions, samples, count=None, title='Scoring'):
    """The Scorer's result, by config.run.metrics, for predictions image by image and the samples of the split in order.

    Args:
      predictions: iterable of them, as `drivers.predictions` makes them. count: how many there are, for the progress bar.
    """
    scorer = Scorer(config.data.class_names, config.run.metrics, heads_of(config.network))
    samples = iter(samples)
    with Progress(title, count, enabled=config.run.progress) as progress:
        for prediction in predictions:
            scorer.update(prediction, sample_of(samples, prediction['source_id'], 'were the inputs made of another one?'))
            progress.advance()
    return scorer.result()


def finished(config, outputs):
    """Yield the prediction of each (entry, raw outputs): an entry holds source_id and size (height, width), the outputs are arrays by name."""
    for entry, found in outputs:
        batch = dict({name: values[None] for name, values in found.items()}, source_id=[entry['source_id']], size=np.array([entry['size']]))
        yield from own_predictions.finished(batch, config)
