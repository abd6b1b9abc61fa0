"""Preparation that can be killed: finished examples are kept in chunks, which the next attempt takes over as they are.

A chunk holds the outcomes of consecutive items of a `plan.SplitPlan`, as TFRecords with their checksums, and no code. One that is damaged or
lacks an outcome is made anew. It is written beside its final name and renamed, and all chunks are deleted when the dataset is whole. Their
folder is in one named after the state of what they were made of. Who makes a chunk does not matter: `beam_chunks` has them made by others.
"""
import collections
import json
import os

import numpy as np

from blitznet_estimator import files, json_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.plan import Example
from input_fn.datasets.reader import parse_example
from input_fn.datasets.tfrecord import read_records

CHUNK = 256  # items
OUTDATED = '.outdated'  # ends the name of a folder of chunks that nobody needs any more
_BYTES, _NUMBERS = ('image', 'mask'), ('height', 'width', 'has_boxes')
_LISTS = ('labels', 'difficult', 'crowd')


def folder_beside(folder):
    """The folder of the chunks of a dataset in `folder`, '<place>/<version>'; each split has a folder there."""
    place, version = os.path.split(folder)
    return os.path.join(place, 'chunks-' + version)


def remove(folder):
    """Delete the folder of all chunks of a dataset. After a kill it is there as it was, or has a name that ends in OUTDATED."""
    files.remove_folder(folder, folder + OUTDATED)


def examples(split_plan, folder, chunk=CHUNK):
    """Yield the Examples of a SplitPlan in order, through chunks of `chunk` items in `folder`."""
    os.makedirs(folder, exist_ok=True)
    for start, stop in spans(split_plan, chunk):
        path = path_of(folder, start)
        kept = read(path)
        for outcome in kept if len(kept) == stop - start else make(split_plan, start, stop, path, alone=True):
            example = split_plan.example(outcome)
            if example is not None:
                yield example


def spans(split_plan, chunk=CHUNK):
    """(first item, the one after the last) of each chunk."""
    count = len(split_plan.items)
    return [(start, min(start + chunk, count)) for start in range(0, count, chunk)]


def path_of(folder, start):
    """The file of the chunk that begins with item `start`."""
    return os.path.join(folder, '%09d' % start)


def make(split_plan, start, stop, path, alone=False):
    """Yield the outcomes of items start to stop, and write them to the file `path`, which is there after the last."""
    with files.replacing(path, alone=alone) as temporary, tf.python_io.TFRecordWriter(temporary) as writer:
        for outcome in split_plan.outcomes(start, stop):
            writer.write(_serialize(*outcome))
            yield outcome


def read(path):
    """The outcomes of a chunk; none where it is not there or damaged."""
    if not os.path.exists(path):
        return []
    try:
        return [_parse(parse_example(record, path)) for record in read_records(path)]
    except (UserError, LookupError, TypeError) + json_files.ERRORS:
        return []


def _serialize(example, note):
    """The tf.train.Example, as bytes, of an outcome: (Example, Counter), or (None, message)."""
    outcome = tf.train.Example()
    feature = outcome.features.feature
    feature['note'].bytes_list.value.append(json.dumps(note).encode('utf-8'))
    if example is not None:
        feature['filename'].bytes_list.value.append(example.filename.encode('utf-8', 'surrogateescape'))
        feature['boxes'].float_list.value.extend(np.ravel(example.boxes))
        for name in _BYTES:
            feature[name].bytes_list.value.append(getattr(example, name))
        for name in _NUMBERS:
            feature[name].int64_list.value.append(int(getattr(example, name)))
        for name in _LISTS:
            feature[name].int64_list.value.extend(int(number) for number in getattr(example, name))
    return outcome.SerializeToString()


def _parse(outcome):
    feature = outcome.features.feature
    note = json.loads(feature['note'].bytes_list.value[0].decode('utf-8'))
    has_image = 'image' in feature
    if not (json_files.is_list_of(int, list(note.values())) if has_image and isinstance(note, dict) else isinstance(note, str) and not has_image):
        raise ValueError('its note is of another kind')
    if not has_image:
        return None, note
    values = {name: feature[name].bytes_list.value[0] for name in _BYTES}
    values.update((name, feature[name].int64_list.value[0]) for name in _NUMBERS)
    values.update((name, tuple(feature[name].int64_list.value)) for name in _LISTS)
    values.update(filename=feature['filename'].bytes_list.value[0].decode('utf-8', 'surrogateescape'), has_boxes=bool(values['has_boxes']),
                  boxes=np.array(feature['boxes'].float_list.value, np.float32).reshape(-1, 4))
    return Example(**values), collections.Counter(note)
