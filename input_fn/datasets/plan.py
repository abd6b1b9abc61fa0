"""What a prepared dataset is to consist of: its classes, and each split's examples in order.

Making a Plan is cheap; its examples are made when they are asked for.
"""
import collections
import dataclasses
from typing import Callable, Dict, Tuple

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.machine import ordered_map
from input_fn.datasets.remarks import Contents

VERSION = '1.1.0'  # of the prepared form; a new one prepares everything anew


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

    def skip(self, message):
        """An item was left out because of an error with this message."""
        self._skipped.append(message)

    @property
    def skipped(self):
        """Messages of the errors of the items left out."""
        return tuple(self._skipped)

    def report(self):
        """Log each item left out, and each count."""
        for message in self._skipped:
            log.warning('Left out: %s', message)
        if self._skipped:
            log.warning('%d images left out, as --on_bad_record=skip says.', len(self._skipped))
        for sentence, count in sorted(self._counts.items()):
            if count:
                log.warning('%d %s.', count, sentence)


class SplitPlan:
    """One split: its items in order, and make(item) -> (Example, Counter of {sentence: how many}), which may raise UserError.

    With on_bad_record 'skip' an item that raises is noted and left out, unless every one does.
    """

    def __init__(self, items, make, on_bad_record='error'):
        self.items, self._make, self._skip = items, make, on_bad_record == 'skip'
        self.notes, self.contents = Notes(), Contents()

    def with_items(self, items):
        """A SplitPlan of other items, with nothing noted yet."""
        return SplitPlan(items, self._make, 'skip' if self._skip else 'error')

    def outcomes(self, start, stop):
        """Yield the outcomes of items start to stop: (Example, Counter), or (None, message) of one that is left out."""
        return ordered_map(self._outcome, self.items[start:stop])

    def example(self, outcome):
        """The Example of an outcome, noted; None where it is left out."""
        example, note = outcome
        if example is not None:
            self.notes.add(note)
            self.contents.add(example)
            return example
        self.notes.skip(note)
        if len(self.notes.skipped) == len(self.items):
            raise UserError('All %d images are bad; the first: %s' % (len(self.items), self.notes.skipped[0]))
        return None

    def _outcome(self, item):
        try:
            return self._make(item)
        except UserError as error:
            if not self._skip:
                raise
            return None, str(error)


@dataclasses.dataclass(frozen=True)
class Plan:
    """One prepared dataset: it goes to <root>/<dataset>/<config>/<version>."""
    dataset: str  # a TFDS builder's name
    config: str
    class_names: Tuple[str, ...]  # without background
    splits: Callable[[], Dict[str, SplitPlan]]  # called only where the dataset isn't prepared yet
