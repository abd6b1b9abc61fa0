"""Decoded copies of record files (`--cache=disk`): written once, with raw pixels in place of JPEG and PNG bytes, read ever after.

A copy takes the room of the pixels, 5 to 10 times that of the records, and saves training the decoding: about a third of its input's work.
"""
import dataclasses
import hashlib
import os

import numpy as np

from blitznet_estimator import files
from blitznet_estimator.errors import UserError
from blitznet_estimator.machine import ordered_map
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from input_fn.datasets.prepared import DEFAULT_ROOT
from input_fn.datasets.reader import parse_example, parse_sample
from input_fn.datasets.tfrecord import count_records, read_records, readable_end


def decoded_copy(source, data_config):
    """The Source of the decoded copy of `source`; what of it isn't there yet is written first."""
    if source.format.raw:
        return source
    folder = os.path.join(data_config.prepared_dir or DEFAULT_ROOT, 'decoded')
    copies = [os.path.join(folder, _copy_name(path)) for path in source.files]
    counts = source.lengths or list(map(count_records, source.files))
    try:
        os.makedirs(folder, exist_ok=True)
        missing = [one for one in zip(source.files, copies, counts) if not _is_whole(*one[1:])]
        bar = Progress('Decoding %s %s' % (source.name, source.split), len(missing), enabled=bool(missing), unit='files')
        for path, copy, count in bar.over(missing):
            _write_copy(path, copy, source.format)
            if not _is_whole(copy, count):
                raise UserError('%s holds %d records, but %d were written to it: make it anew.' % (path, count_records(path), count))
    except (OSError, tf.errors.OpError) as error:
        raise UserError('Decoded images cannot be written to %s (%s): choose another folder with --prepared_dir, or --cache=none.'
                        % (folder, getattr(error, 'strerror', None) or str(error).splitlines()[0]))
    return dataclasses.replace(source, files=tuple(copies), format=_raw(source.format), check_report='')


def _is_whole(copy, count):
    """Whether there is a decoded copy of so many records to its end: one that was cut may end between two."""
    return os.path.isfile(copy) and readable_end(copy) == (count, os.path.getsize(copy))


def _raw(record_format):
    return dataclasses.replace(record_format, raw=True, height=record_format.height or 'height', width=record_format.width or 'width')


def _copy_name(path):
    """A name for the copy that another state of the file doesn't have."""
    state = os.stat(path)
    digest = hashlib.sha1(repr((os.path.abspath(path), state.st_size, state.st_mtime_ns)).encode('utf-8')).hexdigest()
    return '%s-%s' % (digest[:12], os.path.basename(path))


def _write_copy(path, copy, record_format):
    """Write the decoded copy of one file, under its name only when it is whole; several processes may do so at once."""
    with files.replacing(copy) as temporary, tf.python_io.TFRecordWriter(temporary) as writer:
        records = ((record, record_format, '%s, record %d' % (path, index)) for index, record in enumerate(read_records(path)))
        for decoded in ordered_map(_decode, records):
            writer.write(decoded)


def _decode(item):
    """The serialized Example of one (serialized Example, RecordFormat, where), decoded."""
    record, record_format, where = item
    sample = parse_sample(record, record_format, 0, where)
    image, mask = sample.image(), sample.mask()
    example, raw = parse_example(record, where), _raw(record_format)
    features = example.features.feature
    features[raw.image].bytes_list.value[:] = [image.tobytes()]
    if raw.mask:
        features[raw.mask].bytes_list.value[:] = [b'' if mask is None else np.ascontiguousarray(mask).tobytes()]
    for key, length in zip((raw.height, raw.width), image.shape):
        features[key].int64_list.value[:] = [length]
    return example.SerializeToString()
