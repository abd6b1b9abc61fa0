"""Records of a source as a tf.data.Dataset: files -> this worker's share -> shuffled, for training. `parsing` goes on."""
from blitznet_estimator.runtime import no_autograph, tf

_READ_BUFFER = 1 << 20  # bytes per file
_MAX_OPEN_FILES = 8
_RECORDS_AHEAD = 16  # per open file
# Whole files per worker, when they can't be shared evenly: with fewer, the shares would differ by more than an eighth.
_EVEN_ENOUGH = 8


def read_in_order(source, shard=(0, 1)):
    """Dataset of {record, path, index, source_id} in the split's order, of this worker's share (index, count) by record."""
    records = tf.data.Dataset.from_tensor_slices(list(source.files)).flat_map(_open_file)
    records = records.enumerate().map(no_autograph(lambda source_id, item: dict(item, source_id=source_id)))
    return records if shard[1] == 1 else records.shard(shard[1], shard[0])


def read_shuffled(source, shard, seed, buffer_size):
    """Endless dataset of {record, path, index}, in another order each epoch, every record of this worker's share once an epoch.

    Sharding comes before any shuffling, so that the workers' shares are disjoint whatever their seeds. A worker reads whole
    files where they divide evenly enough, else every file for its own records. The shuffle buffer holds encoded records,
    which are small.
    """
    index, count = shard
    files = list(source.files)
    if len(files) % count == 0 or len(files) >= _EVEN_ENOUGH * count:
        files = files[index::count]
        paths = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), seed)
        # Each open file reads ahead on a thread of its own. (TensorFlow 1.15's parallel interleave crashes where a session ends early.)
        records = paths.interleave(_read_ahead, cycle_length=min(len(files), _MAX_OPEN_FILES))
    else:
        records = tf.data.Dataset.from_tensor_slices(files).flat_map(_open_file).shard(count, index)
    # Shuffling before repeating respects the epochs.
    return records.shuffle(buffer_size, seed).repeat()


@no_autograph
def _read_ahead(path):
    return _open_file(path).prefetch(_RECORDS_AHEAD)


@no_autograph
def _open_file(path):
    """Dataset of the {record, path, index} of one file; `path` and `index` name a record in errors."""
    records = tf.data.TFRecordDataset(path, buffer_size=_READ_BUFFER)
    return records.enumerate().map(no_autograph(lambda index, record: {'record': record, 'path': path, 'index': index}))
