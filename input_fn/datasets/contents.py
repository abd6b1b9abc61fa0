"""How many boxes a split holds: counted once, and kept beside what is prepared."""
import contextlib
import json
import os

from blitznet_estimator import files
from blitznet_estimator.progress import Progress
from input_fn.datasets.prepared import fingerprint, prepared_root, remove_outdated, unique_name
from input_fn.datasets.reader import read_samples

FOLDER = 'counts'  # in the folder of prepared data


def count_boxes(source, data_config):
    """The boxes of all images of a Source, difficult ones and crowds included."""
    name = '%s-%s' % (unique_name(source.files[0], source.files), fingerprint(source.files))
    path = os.path.join(prepared_root(data_config), FOLDER, name, 'boxes.json')
    known = _read(path)
    if known is None:
        progress = Progress('Counting the boxes of %s %s' % (source.name, source.split), source.num_examples)
        known = sum(len(sample.boxes) for sample in progress.over(read_samples(source)))
        with contextlib.suppress(OSError):  # data that may only be read are counted each time
            files.write_json(path, known)
            remove_outdated(os.path.dirname(path))
    return known


def _read(path):
    try:
        with open(path, encoding='utf-8') as file:
            return int(json.load(file))
    except (OSError, ValueError, TypeError):
        return None
