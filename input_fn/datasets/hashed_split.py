"""Splits of a dataset that has no lists of them: a hash of each image's name decides, so that an image stays in its split when others come."""
import hashlib

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log

SPLITS = ('train', 'val')
_EVALUATED = .1  # share of the images
_said = set()  # messages


def part(names, split, where):
    """The set of those of `names` that are in a split, 'train' or 'val', about a tenth in val and at least one in each.

    where: of which dataset they are, for the log, which says this once, and for errors.
    """
    if len(names) < 2:
        raise UserError('%s has no lists of splits and %d image with labels: two are needed, one of them for evaluation.' % (where, len(names)))
    order = sorted(names, key=_place)
    count = min(max(sum(_place(name) < _EVALUATED for name in order), 1), len(order) - 1)
    _say('%s has no lists of splits: a hash of each name takes %d images for training and %d for evaluation.'
         % (where, len(order) - count, count))
    return frozenset(order[:count] if split == 'val' else order[count:])


def _place(name):
    """A number in [0, 1) that belongs to a name."""
    return int(hashlib.sha1(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8], 16) / 16. ** 8


def _say(message):
    if message not in _said:
        _said.add(message)
        log.warning(message)
