"""What a prepared dataset is to consist of: its classes, and each split's examples in order.

Making a Plan is cheap; its examples are made when they are asked for.
"""
import collections
import dataclasses
from typing import Callable, Dict, Tuple

import numpy as np
from absl import logging

from blitznet_estimator.errors import UserError
from input_fn.datasets.parallel import ordered_map

VERSION = '1.0.0'  # of the prepared form; a new one prepares everything anew


def _no_boxes():
    return np.zeros((0, 4), np.float32)


@dataclasses.dataclass(frozen=True)
class Example:
    """What a prepared record holds. Image and mask are upright and of one size."""
    image: bytes  # JPEG or PNG, RGB
    height: int  # pixels
    width: int
    filename: str
    boxes: np.ndarray = dataclasses.field(default_factory=_no_boxes)  # [n, 4] as in `boxes.py`
    labels: tuple = ()  # [n] indices into the plan's class_names: from 0, without background
    difficult: tuple = ()  # [n]
    crowd: tuple = ()  # [n]
    mask: bytes = b''  # PNG, class of each pixel, 255 = no label; empty = no mask
    has_boxes: bool = True  # False: nobody looked for boxes here


class Notes:
    """What was mended or left out while a dataset was prepared; said at the end, when no progress bar is in the way."""

    def __init__(self):
        self._counts, self._skipped = collections.Counter(), []

    def add(self, counts):
        """Add a Counter of {sentence: how many}."""
        self._counts.update(counts)

    def skip(self, error):
        """An item was left out because of the UserError `error`."""
        self._skipped.append(str(error))

    @property
    def skipped(self):
        """Messages of the errors of the items left out."""
        return tuple(self._skipped)

    def log(self):
        """Log each item left out, and each count."""
        for message in self._skipped:
            logging.warning('Left out: %s', message)
        if self._skipped:
            logging.warning('%d images left out, as --on_bad_record=skip says.', len(self._skipped))
        for sentence, count in sorted(self._counts.items()):
            if count:
                logging.warning('%d %s.', count, sentence)


@dataclasses.dataclass(frozen=True)
class Work:
    """One split: how many examples it has (at most, where bad ones are left out), and the function that yields them."""
    count: int
    examples: Callable
    notes: Notes = dataclasses.field(default_factory=Notes)


@dataclasses.dataclass(frozen=True)
class Plan:
    """One prepared dataset: it goes to <root>/<dataset>/<config>/<version>."""
    dataset: str  # a TFDS builder's name
    config: str
    class_names: Tuple[str, ...]  # without background
    splits: Callable[[], Dict[str, Work]]  # called only where the dataset isn't prepared yet


def make_work(items, make, on_bad_record):
    """The Work of a list of items, where make(item) -> (Example, Counter of {sentence: how many}) may raise UserError.

    With on_bad_record 'skip' an item that raises is noted and left out, unless every one does.
    """
    notes = Notes()

    def attempt(item):
        try:
            return make(item)
        except UserError as error:
            if on_bad_record != 'skip':
                raise
            return None, error

    def examples():
        for example, outcome in ordered_map(attempt, items):
            if example is None:
                notes.skip(outcome)
                continue
            notes.add(outcome)
            yield example
        if len(notes.skipped) == len(items):
            raise UserError('All %d images are bad; the first: %s' % (len(items), notes.skipped[0]))

    return Work(len(items), examples, notes)
