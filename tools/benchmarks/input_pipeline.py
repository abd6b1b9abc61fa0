"""Speed of the input: whole batches a second as training reads them, what each stage costs, and what slow storage does to it."""
import time

import numpy as np

from blitznet_estimator.batch import TRAIN, batch_spec
from blitznet_estimator.machine import available_cores
from blitznet_estimator.runtime import data_options, no_autograph, tf
from input_fn import make_input_fn
from input_fn.datasets.registry import open_dataset
from input_fn.parsing import parse
from input_fn.record_files import MAX_OPEN_FILES, interleaved, open_file, read_in_order
from input_fn.rendering import decode_image, decode_mask, render, resize_image, resized_part
from input_fn.targets import TargetMaker
from tools.benchmarks.graphs import iterate, operations
from tools.benchmarks.rounds import sustained


def training_batches(config):
    """The dataset that training reads."""
    return make_input_fn(config, open_dataset(config.data, 'train'), tf.estimator.ModeKeys.TRAIN)(None)


def whole(order):
    """Batches of augmented, matched images."""
    batch, start = iterate(training_batches(order.config))
    session = tf.Session()
    start(session)
    fetches = operations(batch)
    return lambda: {'total': sustained(lambda: session.run(fetches), order.config.data.batch_size, order.seconds)}, {}


def unavoidable(order):
    """Reading, parsing, choosing, matching, decoding and resizing of `whole`, on all threads, with no colours distorted, no canvas, no batch."""
    config, threads = order.config, order.config.run.threads or available_cores()
    source = open_dataset(config.data, 'train')

    def pixels(sample):
        mask, size = sample['mask'], sample['size']
        image = decode_image(sample['image'], size if source.format.raw else None)
        return (resized_part(image, sample) if config.data.augment else resize_image(image, config.network.image_size),
                decode_mask(mask, tf.not_equal(mask, ''), source.format.raw, size)[0])
    _, _, targets = _until_targets(config, source, threads)
    pull = _pull(targets.map(no_autograph(pixels), threads), config.data.batch_size, threads)
    return lambda: {'total': sustained(pull, config.data.batch_size, order.seconds)}, {}


def stages(order):
    """Seconds of one core that each stage takes an image: of pipelines that end after it, the difference to the one before."""
    batch_size = order.config.data.batch_size
    pulls = [(name, _pull(dataset, batch_size)) for name, dataset in _prefixes(order.config)]

    def run_round():
        totals = [sustained(pull, batch_size, order.seconds / len(pulls))[0] for _, pull in pulls]
        costs = np.maximum(np.diff([0] + totals), 0).tolist()
        return dict({name: [cost] for (name, _), cost in zip(pulls, costs)}, total=totals[-1:])
    return run_round, {}


READ_S = .01  # of a record, from storage that answers any number of reads at once: a disk of a data centre across the network


def slow_storage(order):
    """Seconds per record of reading by 1, 2, 4, ... open files, each record of which takes READ_S to come."""
    path, = open_dataset(order.config.data, 'train').files

    def wait(index):
        time.sleep(READ_S)
        return index

    def opened(name):
        return open_file(name).map(no_autograph(lambda item: tf.py_func(wait, [item['index']], tf.int64)))

    counts = [2 ** i for i in range(MAX_OPEN_FILES.bit_length())]
    pulls = {count: _pull(interleaved(tf.data.Dataset.from_tensors(path).repeat(), count, opened), order.config.data.batch_size, count)
             for count in counts}

    def run_round():
        found = {count: sustained(pull, order.config.data.batch_size, order.seconds / len(pulls)) for count, pull in pulls.items()}
        return dict({'%d open file%s' % (count, 's' * (count > 1)): seconds for count, seconds in found.items()}, total=found[counts[-1]])
    return run_round, {}


def _prefixes(config):
    """(stage, dataset that ends after it) of the training pipeline, in order, on one thread."""
    source, batch_size = open_dataset(config.data, 'train'), config.data.batch_size
    records, samples, targets = _until_targets(config, source)
    decoded = targets.map(lambda sample: dict(sample, pixels=decode_image(sample['image'])))
    keys = batch_spec(config, TRAIN).flat
    pictures = targets.map(lambda sample: render(sample, config.network, source.format.raw, keys))
    return [('read', records), ('parse', samples), ('choose, move boxes, match', targets), ('decode the image', decoded),
            ('resize, distort, mask', pictures), ('batch', pictures.batch(batch_size, drop_remainder=True).prefetch(1).unbatch())]


def _until_targets(config, source, threads=None):
    """(records, samples, samples with targets) of the training pipeline, in order; on several threads where given."""
    network, data = config.network, config.data
    records = read_in_order(source).repeat()
    samples = records.map(no_autograph(lambda item: parse(item, source.format, source.num_classes, masks=network.segment)), threads)
    groups = samples.padded_batch(data.batch_size, tf.data.get_output_shapes(samples)).enumerate()
    return records, samples, groups.map(no_autograph(TargetMaker(network, data, labels=True, augment=data.augment)), threads).unbatch()


def _pull(dataset, count, threads=1):
    """A function that draws `count` elements of a dataset, which run on so many threads."""
    counted = dataset.map(lambda *element: np.int64(0)).batch(count).with_options(data_options(threads))
    item, start = iterate(counted)
    session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
    start(session)
    return lambda: session.run(item)
