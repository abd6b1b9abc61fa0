"""Conversion to the record formats of the seeds, for users of the older code.

Those formats know no image without labels: one without a mask gets a mask of 255, and crowds, which they leave out, are left out.
A conversion that was stopped goes on at the first shard that isn't there.
"""
import itertools
import os
import re

import numpy as np

from blitznet_estimator import files, json_files
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.machine import ordered_map
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from input_fn.datasets.formats import ASCEND_RAW, REFERENCE_JPEG
from input_fn.datasets.images import encode_png
from input_fn.datasets.prepared import fingerprint
from input_fn.datasets.reader import read_samples

FORMATS = {record_format.name: record_format for record_format in (REFERENCE_JPEG, ASCEND_RAW)}
SHARD = 1000  # records


def convert(source, record_format, output, shard=SHARD):
    """Write a Source to <output>/<dataset>-<split>-<shard>-of-<shards> in a RecordFormat of FORMATS; returns the paths."""
    with files.locked(output):  # another conversion into it waits
        return _convert(source, record_format, output, shard)


def _convert(source, record_format, output, shard):
    base = os.path.join(output, '%s-%s' % (source.name, source.split.replace('/', '-')) if source.name != source.split else source.name)
    count = -(-source.num_examples // shard)
    paths = ['%s-%05d-of-%05d' % (base, i, count) for i in range(count)]
    _delete_other(base, paths, {'source': fingerprint(source.files), 'format': record_format.name, 'files': paths})
    samples = read_samples(source)
    with Progress('Writing ' + os.path.basename(base), source.num_examples) as bar:
        for path in paths:
            part = itertools.islice(samples, shard)
            if os.path.exists(path):
                bar.advance(sum(1 for _ in part))
                continue
            with files.replacing(path, alone=True) as temporary, tf.python_io.TFRecordWriter(temporary) as writer:
                for record in ordered_map(lambda sample: serialize(sample, record_format), part):
                    writer.write(record)
                    bar.advance()
    return paths


def _delete_other(base, shards, state):
    """Delete the shards of a conversion of something else; <base>.json says what the shards there are of."""
    known = json_files.read_own(base + '.json')
    if known == state:
        return
    for shard in _shards_of(known, base) + shards:
        if os.path.exists(shard):
            os.remove(shard)
    files.write_json(base + '.json', state)


def _shards_of(state, base):
    """The files that <base>.json names, where they are now. A name that no conversion writes does not count: the file may be anybody's."""
    names = state.get('files') if isinstance(state, dict) else None
    own = re.compile(re.escape(os.path.basename(base)) + r'-\d{5,}-of-\d{5,}')
    found = [os.path.basename(name) for name in names] if json_files.is_list_of(str, names) else []
    return [os.path.join(os.path.dirname(base), name) for name in found if own.fullmatch(name)]


def serialize(sample, record_format):
    """A Sample as a serialized Example of a format of FORMATS."""
    kept = ~sample.crowd
    mask = sample.mask()
    if mask is None:
        mask = np.full((sample.height, sample.width), IGNORE_LABEL, np.uint8)
    image, mask = (sample.image().tobytes(), mask.tobytes()) if record_format.raw else (_encoded(sample), encode_png(mask))
    kind = b'PNG' if image[:4] == b'\x89PNG' and not record_format.raw else b'JPEG'
    features = {
        record_format.image: _bytes(image), 'image/format': _bytes(kind), record_format.filename: _bytes(sample.filename.encode()),
        record_format.height: _ints([sample.height]), record_format.width: _ints([sample.width]),
        record_format.mask: _bytes(mask), 'image/segmentation/format': _bytes(b'PNG'),
        record_format.label: _ints(sample.classes[kept]), record_format.difficult: _ints(sample.difficult[kept])}
    for key, column in zip(record_format.boxes, sample.boxes[kept].T):
        features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=column.tolist()))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _encoded(sample):
    """JPEG or PNG bytes of the image."""
    return encode_png(sample.image()) if sample.is_raw else sample.image_bytes


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value) for value in values]))
