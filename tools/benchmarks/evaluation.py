"""Speed of evaluation: records to predictions to scores, as mode eval does it, with the table at the end of each round."""
import time

from blitznet_estimator.drivers.background import Background
from blitznet_estimator.drivers.predictions import split
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.heads import heads_of
from blitznet_estimator.platforms import get_platform
from blitznet_estimator.runtime import tf
from input_fn import make_input_fn
from input_fn.datasets.reader import read_samples
from input_fn.datasets.registry import open_dataset
from model_fn import model_fn
from tools.benchmarks.graphs import raw_outputs
from tools.benchmarks.rounds import sustained

_STARTING = 3  # batches that prepare the network's graph


def evaluate(order):
    """Whole batches through the network and the scorer, for at least the seconds of a round."""
    config = order.config
    source = open_dataset(config.data, 'eval')
    batches = _endless(order, source, model_fn)
    samples = list(read_samples(source))

    def run_round():
        scorer = Scorer(source.class_names, heads=heads_of(config.network))

        def score(batch):
            for prediction in split(batch):
                scorer.update(prediction, samples[prediction['source_id']])

        begin = time.perf_counter()
        with Background() as background:
            while time.perf_counter() - begin < order.seconds or not scorer.num_images:
                background.submit(score, next(batches))
        scorer.result()
        return {'total': [(time.perf_counter() - begin) / scorer.num_images]}
    return run_round, {}


def network_alone(order):
    """Decoding and the network of `evaluate`, and nothing made of what it gives: no better post-processing and scoring could be faster."""
    def outputs_alone(features, labels, mode, params):
        model_fn(features, labels, mode, params)
        return tf.estimator.EstimatorSpec(mode, predictions=raw_outputs(order.config.network))

    batches = _endless(order, open_dataset(order.config.data, 'eval'), outputs_alone)
    return lambda: {'total': sustained(lambda: next(batches), order.config.data.eval_batch_size, order.seconds)}, {}


def _endless(order, source, model_function):
    """Generator of the batches of predictions, as mode eval makes them, that goes through the split again and again."""
    config, platform = order.config, get_platform(order.config)
    estimator = platform.estimator(model_function, {'config': config, 'checkpoint': order.checkpoint})
    read = make_input_fn(config, source, tf.estimator.ModeKeys.PREDICT)
    batches = platform.predict(estimator, lambda: read().repeat(), order.checkpoint)
    for _ in range(_STARTING):
        next(batches)
    return batches
