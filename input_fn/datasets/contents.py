"""What a split holds, boxes and pixels of each class: counted once, and kept beside what is prepared."""
import contextlib
import os

import numpy as np

from blitznet_estimator import files, json_files
from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.progress import Progress
from input_fn.datasets.prepared import fingerprint, prepared_root, remove_outdated, unique_name
from input_fn.datasets.reader import read_samples

FOLDER = 'counts'  # in the folder of prepared data


def count_boxes(source, data_config):
    """The boxes of all images of a Source, difficult ones and crowds included."""
    return _counted_once(source, data_config, 'boxes', int, lambda samples: sum(len(sample.boxes) for sample in samples))


def count_pixels(source, data_config):
    """[[pixels, labelled pixels of the images that hold the class], ...] of a Source's masks, for each class from 0 to the last that occurs."""
    return _counted_once(source, data_config, 'pixels', _pairs, _pixels_of_classes)


def _pixels_of_classes(samples):
    pixels, around = np.zeros([2, IGNORE_LABEL], np.int64)
    for sample in samples:
        mask = sample.mask()
        if mask is not None:
            count = np.bincount(mask.ravel(), minlength=IGNORE_LABEL + 1)[:IGNORE_LABEL]
            pixels += count
            around += (count > 0) * count.sum()
    last = int(np.max(np.nonzero(pixels)[0], initial=-1))
    return np.stack([pixels, around], axis=1)[:last + 1].tolist()


def _pairs(value):
    """Pairs of whole numbers, as JSON has them; TypeError or ValueError for anything else."""
    return [[int(one), int(other)] for one, other in value]


def _counted_once(source, data_config, what, checked, count):
    """What `count` makes of the samples of a Source, or made before. checked: JSON's value -> the same, or an error where it is damaged."""
    name = '%s-%s' % (unique_name(source.files[0], source.files), fingerprint(source.files))
    path = os.path.join(prepared_root(data_config), FOLDER, name, what + '.json')
    known = _read(path, checked)
    if known is None:
        progress = Progress('Counting the %s of %s %s' % (what, source.name, source.split), source.num_examples)
        known = count(progress.over(read_samples(source)))
        with contextlib.suppress(OSError):  # data that may only be read are counted each time
            files.write_json(path, known)
            remove_outdated(os.path.dirname(path))
    return known


def _read(path, checked):
    try:
        return checked(json_files.read_own(path))
    except (ValueError, TypeError, OverflowError):
        return None
