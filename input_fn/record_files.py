"""Records of a source as a tf.data.Dataset: files -> this worker's share -> shuffled, for training. `parsing` goes on."""
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import no_autograph, tf
from input_fn.datasets.tfrecord import count_records

_READ_BUFFER = 1 << 20  # bytes per file
MAX_OPEN_FILES = 8
_RECORDS_AHEAD = 16  # per open file
# Whole files per worker, when they can't be shared evenly: with fewer, the shares would differ by more than an eighth.
_EVEN_ENOUGH = 8
_ENDLESS = 2 ** 62  # epochs


def read_in_order(source, shard=(0, 1)):
    """Dataset of {record, path, index, source_id} in the split's order, of this worker's share (index, count) by record."""
    records = tf.data.Dataset.from_tensor_slices(list(source.files)).flat_map(no_autograph(open_file))
    records = records.enumerate().map(no_autograph(lambda source_id, item: dict(item, source_id=source_id)))
    return records if shard[1] == 1 else records.shard(shard[1], shard[0])


def read_shuffled(source, shard, seed, buffer_size, first=0):
    """Endless dataset of {record, path, index}, in another order each epoch, every record once an epoch by one of the workers: see `_share`.

    The shuffle buffer holds encoded records, which are small.

    The order of an epoch depends on the seed and the epoch's number alone. So a dataset that begins at record `first` of its own goes
    on as one that began at 0. It reads the records of its first epoch that come before, but nobody parses or decodes them.
    """
    files, count, turns = _share(source, shard)
    first_epoch, skipped = divmod(first * turns, count)

    @no_autograph
    def epoch(number):
        epoch_seed = seed + number
        paths = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), epoch_seed)
        records = interleaved(paths, min(len(files), MAX_OPEN_FILES))
        before = skipped * tf.cast(tf.equal(number, first_epoch), tf.int64)
        return records.shuffle(buffer_size, epoch_seed).skip(before)
    records = tf.data.Dataset.range(first_epoch, _ENDLESS).flat_map(epoch)
    return records if turns == 1 else records.shard(turns, shard[0])


def _share(source, shard):
    """(files that the worker `shard`, (index, count), reads, number of records in them, how many workers take these in turn).

    A worker reads whole files where they divide evenly enough, and shuffles its own. Else every worker reads all files in the one
    order of all, and takes every record of its turn: what N workers take together is what one alone would take in N times the time.
    """
    index, count = shard
    by_file = len(source.files) % count == 0 or len(source.files) >= _EVEN_ENOUGH * count
    own = sum(_count_of_files(source)[index::count]) if by_file else source.num_examples
    if not own or source.num_examples < count:
        raise UserError('%s, split %s: %d records are too few for %d processes that train together.'
                        % (source.name, source.split, source.num_examples, count))
    return (list(source.files)[index::count], own, 1) if by_file else (list(source.files), own, count)


def _count_of_files(source):
    """The number of records of each file: as noted when they were written, else by the lengths in the files."""
    if len(source.files) == 1:
        return [source.num_examples]
    return list(source.lengths) or [count_records(path) for path in source.files]


def interleaved(paths, count, opened=None):
    """Dataset of the records of a dataset of paths, of `count` files in turn. Each of these is read ahead on a thread of its own.

    opened: path -> dataset of its records; `open_file` by default.
    """
    @no_autograph
    def read_ahead(path):
        return (opened or open_file)(path).prefetch(_RECORDS_AHEAD)
    return paths.interleave(read_ahead, cycle_length=count)  # TensorFlow 1.15's parallel one crashes where a session ends early


def open_file(path):
    """Dataset of the {record, path, index} of one file; `path` and `index` name a record in errors."""
    records = tf.data.TFRecordDataset(path, buffer_size=_READ_BUFFER)
    return records.enumerate().map(no_autograph(lambda index, record: {'record': record, 'path': path, 'index': index}))
