"""Splits of a dataset that has no lists of them: by the folders train, val and test, else by a hash of each name.

With the hash an image stays in its split when others come.
"""
import hashlib

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

_FOLDERS = {'train': 'train', 'val': 'val', 'valid': 'val', 'test': 'test'}  # folder: split
_EVALUATED = .1  # share of the images
_said = set()  # messages


def split_names(names):
    """The splits of images, by their names: paths in the dataset with slashes."""
    found = _by_folder(names)
    return tuple(split for split in ('train', 'val', 'test') if split in found) or ('train', 'val')


def part(names, split, where):
    """The set of those of `names` that are in a split. By the hash it is about a tenth in val, and at least one in each.

    where: of which dataset they are, for the log, which says this once, and for errors.
    """
    found = _by_folder(names)
    return frozenset(found[split] if found else _by_hash(names, split, where))


def _by_folder(names):
    """{split: its names} where each name begins with a folder of a split, and there are some to train on; else {}."""
    found = {}
    for name in names:
        found.setdefault(_FOLDERS.get(name.split('/')[0] if '/' in name else ''), []).append(name)
    return found if 'train' in found and None not in found else {}


def _by_hash(names, split, where):
    if len(names) < 2:
        raise UserError('%s has no lists of splits and %d image with labels: two are needed, one of them for evaluation.' % (where, len(names)))
    places = {name: _place(name) for name in names}
    order = sorted(names, key=places.get)
    count = min(max(sum(places[name] < _EVALUATED for name in order), 1), len(order) - 1)
    _say('%s has no lists of splits: a hash of each name takes %d images for training and %d for evaluation.'
         % (where, len(order) - count, count))
    return order[:count] if split == 'val' else order[count:]


def _place(name):
    """A number in [0, 1) that belongs to a name."""
    return int(hashlib.sha1(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8], 16) / 16. ** 8


def _say(message):
    if message not in _said:
        _said.add(message)
        log.warning(message)
