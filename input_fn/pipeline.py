"""The pipeline, wired: records -> samples -> targets, in groups -> rendered one by one -> batches.

`blitznet_estimator.batch` says what a batch holds.
"""
import functools

import numpy as np

from blitznet_estimator.batch import EVAL, PREDICT, TRAIN, batch_spec
from blitznet_estimator.machine import available_cores
from blitznet_estimator.runtime import data_options, no_autograph, tf
from input_fn import record_files
from input_fn.bad_records import find_bad_record
from input_fn.decode_cache import decoded_copy
from input_fn.parsing import parse
from input_fn.rendering import decoded_sample, render
from input_fn.targets import TargetMaker

_GROUPS_AT_ONCE = 2
_BATCHES_AHEAD = 2
_LARGEST_SEED = 2 ** 31 - 1


def make_input_fn(config, source, mode, shard=(0, 1), first_batch=0):
    """An Estimator's input_fn that returns a tf.data.Dataset of batches.

    TRAIN is endless, shuffled, augmented where `config.data.augment`, in full batches. The seed and a batch's number
    determine it, so that a training that stops and resumes sees what an uninterrupted one sees. EVAL and PREDICT (no labels)
    go through the split once, or the first config.run.eval_limit of it, in order; the last batch is padded, with source_id = -1. The input_fn's
    attribute `find_bad_record` () -> sentence or None says which record an error is of.

    Args:
      config: a Config.
      source: a Source.
      mode: of tf.estimator.ModeKeys.
      shard: (index, count), this worker's share of the records.
      first_batch: of TRAIN, the number of the first batch: how many this worker took before a restart.
    """
    training = mode == TRAIN
    if training and config.data.cache == 'disk':
        source = decoded_copy(source, config.data)

    def input_fn(params=None):
        del params  # an Estimator's, for the model
        if training:
            return _training_batches(config, source, shard, first_batch)
        records = record_files.read_in_order(source, shard)
        samples = _samples(config, source, records.take(config.run.eval_limit) if config.run.eval_limit else records)
        return ordered_batches(config, samples, source.format.raw, mode)
    input_fn.find_bad_record = functools.partial(find_bad_record, source, config.network.segment)
    return input_fn


def ordered_batches(config, samples, raw=False, mode=PREDICT):
    """Dataset of (features, labels) in EVAL, of features in PREDICT, of all `samples` (see `parsing`) in order; the last batch is padded."""
    size, spec = config.data.eval_batch_size, batch_spec(config, mode)
    pictures = _pictures(config, samples, size, raw, TargetMaker(config.network, config.data, labels=mode == EVAL), spec)
    # More padding than needed: what is left of it makes no full batch and is dropped.
    return _batched(config, pictures.concatenate(_blanks(spec, size - 1)), size, spec)


def _training_batches(config, source, shard, first_batch):
    data, spec = config.data, batch_spec(config, TRAIN)
    order_seed = int(np.random.RandomState(data.seed % _LARGEST_SEED).randint(_LARGEST_SEED))  # so that neighbouring seeds share no epoch
    first = first_batch * data.batch_size
    raw = source.format.raw or data.cache == 'memory'
    if data.cache == 'memory':
        samples = _samples(config, source, record_files.read_in_order(source, shard))
        samples = samples.map(no_autograph(lambda sample: decoded_sample(sample, source.format.raw)), _threads(config)).cache()
        # Of references: a large buffer costs nothing, and neither does passing over them.
        samples = samples.shuffle(source.num_examples, order_seed).repeat().skip(first)
    else:
        samples = _samples(config, source, record_files.read_shuffled(source, shard, order_seed, data.shuffle_buffer, first))
    make_targets = TargetMaker(config.network, data, labels=True, augment=data.augment, seed=data.seed << 16, first_batch=first_batch, shard=shard)
    return _batched(config, _pictures(config, samples, data.batch_size, raw, make_targets, spec), data.batch_size, spec)


def _samples(config, source, records):
    """Dataset of samples, from one of records."""
    network = config.network
    return records.map(no_autograph(lambda item: parse(item, source.format, source.num_classes, masks=network.segment)), _threads(config))


def _pictures(config, samples, group_size, raw, make_targets, spec):
    """Dataset of single pictures with their labels, flat dicts."""
    groups = samples.padded_batch(group_size, tf.data.get_output_shapes(samples)).enumerate()
    targets = groups.map(no_autograph(make_targets), _GROUPS_AT_ONCE).unbatch()
    return targets.map(no_autograph(lambda sample: render(sample, config.network, raw, spec.flat)), _threads(config))


def _blanks(spec, count):
    """`count` elements like pictures that stand for no image."""
    blank = {key: np.full(one.shape[1:], one.padding, one.dtype) for key, one in spec.flat.items()}
    return tf.data.Dataset.from_tensors(blank).repeat(count)


def _batched(config, pictures, size, spec):
    def features_and_labels(batch):
        features, labels = [{key: batch[key] for key in part} for part in (spec.features, spec.labels)]
        return (features, labels) if labels else features
    batches = pictures.batch(size, drop_remainder=True).map(no_autograph(features_and_labels))
    return batches.prefetch(_BATCHES_AHEAD).with_options(data_options(_threads(config)))


def _threads(config):
    return config.run.threads or available_cores()
