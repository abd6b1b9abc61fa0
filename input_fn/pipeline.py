"""The pipeline, wired: records -> samples -> targets, in groups -> rendered one by one -> batches.

`blitznet_estimator.batch` says what a batch holds.
"""
import contextlib
import functools

import numpy as np

from blitznet_estimator.batch import EVAL, PREDICT, TRAIN, batch_spec
from blitznet_estimator.host_session import host_session
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
    attribute `find_bad_record` () -> sentence or None says which record an error is of. In TRAIN `records_of` (number, count) -> names says
    which records are in `count` batches, from the one of `number` on, 0 being the input_fn's first.

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
    if training:
        input_fn.records_of = functools.partial(_records_of, config, source, shard, first_batch)
    return input_fn


def ordered_batches(config, samples, raw=False, mode=PREDICT):
    """Dataset of (features, labels) in EVAL, of features in PREDICT, of all `samples` (see `parsing`) in order; the last batch is padded."""
    size, spec = config.data.eval_batch_size, batch_spec(config, mode)
    pictures = _pictures(config, samples, size, raw, TargetMaker(config.network, config.data, labels=mode == EVAL), spec)
    # More padding than needed: what is left of it makes no full batch and is dropped.
    return _batched(config, pictures.concatenate(_blanks(spec, size - 1)), size, spec)


def _training_batches(config, source, shard, first_batch):
    data, spec = config.data, batch_spec(config, TRAIN)
    raw = source.format.raw or data.cache == 'memory'

    def decode(samples):
        return samples.map(no_autograph(lambda sample: decoded_sample(sample, source.format.raw)), _threads(config))
    samples = _in_training_order(config, source, shard, first_batch, lambda records: _samples(config, source, records), decode)
    make_targets = TargetMaker(config.network, data, labels=True, augment=data.augment, seed=data.seed << 16, first_batch=first_batch, shard=shard)
    return _batched(config, _pictures(config, samples, data.batch_size, raw, make_targets, spec), data.batch_size, spec)


def _in_training_order(config, source, shard, first_batch, parse_all, decode):
    """Endless dataset of what the functions of datasets `parse_all` and, for --cache=memory, `decode` make of the records from a batch on."""
    data = config.data
    order_seed = int(np.random.RandomState(data.seed % _LARGEST_SEED).randint(_LARGEST_SEED))  # so that neighbouring seeds share no epoch
    first = first_batch * data.batch_size
    if data.cache == 'memory':
        samples = decode(parse_all(record_files.read_in_order(source, shard))).cache()
        # Of references: a large buffer costs nothing, and neither does passing over them.
        return samples.shuffle(source.num_examples, order_seed).repeat().skip(first)
    return parse_all(record_files.read_shuffled(source, shard, order_seed, data.shuffle_buffer, first))


def _records_of(config, source, shard, first_batch, number, count):
    """As make_input_fn says; none where they cannot be read. The records are read in the same order again, and nothing of them is parsed."""
    def name_all(records):
        return records.map(no_autograph(lambda item: (item['path'], item['index'])))
    with contextlib.suppress(tf.errors.OpError), tf.Graph().as_default(), host_session() as session:
        tf.set_random_seed(config.run.seed)  # as an Estimator does
        names = _in_training_order(config, source, shard, first_batch + number, name_all, lambda names: names)
        iterator = tf.data.make_initializable_iterator(names.batch(count * config.data.batch_size))
        batch = iterator.get_next()
        session.run(iterator.initializer)
        return ['%s, record %d' % (path.decode('utf-8'), index) for path, index in zip(*session.run(batch))]
    return []


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
