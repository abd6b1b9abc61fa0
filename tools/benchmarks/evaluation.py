"""Speed of evaluation: records to predictions to scores, as mode eval does it, with the table at the end of each round."""
import time

from blitznet_estimator.drivers.background import Background
from blitznet_estimator.drivers.predictions import split
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.runtime import tf
from input_fn import make_input_fn
from input_fn.datasets.catalogue import open_dataset
from input_fn.datasets.reader import read_samples
from tools.benchmarks.graphs import estimator_spec, iterate, open_session, operations, raw_outputs
from tools.benchmarks.rounds import sustained


def evaluate(order):
    """Whole batches through the network and the scorer, for at least the seconds of a round."""
    config = order.config
    source = open_dataset(config.data, 'eval')
    session, predictions = _endless(order, source)
    samples = list(read_samples(source))

    def run_round():
        scorer = Scorer(source.class_names, detect=config.network.detect, segment=config.network.segment)

        def score(batch):
            for prediction in split(batch):
                scorer.update(prediction, samples[prediction['source_id']])

        begin = time.perf_counter()
        with Background() as background:
            while time.perf_counter() - begin < order.seconds or not scorer.num_images:
                background.submit(score, session.run(predictions))
        scorer.result()
        return {'total': [(time.perf_counter() - begin) / scorer.num_images]}
    return run_round, {}


def network_alone(order):
    """Decoding and the network of `evaluate`, and nothing made of what it gives: no better post-processing and scoring could be faster."""
    session, _ = _endless(order, open_dataset(order.config.data, 'eval'))
    fetches = operations(raw_outputs(order.config.network))
    return lambda: {'total': sustained(lambda: session.run(fetches), order.config.data.eval_batch_size, order.seconds)}, {}


def _endless(order, source):
    """(session, predictions) that go through the split again and again."""
    mode = tf.estimator.ModeKeys.PREDICT
    features, start = iterate(make_input_fn(order.config, source, mode)(None).repeat())
    predictions = estimator_spec(order.config, features, None, mode, order.checkpoint).predictions
    session = open_session(order.config, order.checkpoint)
    start(session)
    return session, predictions
