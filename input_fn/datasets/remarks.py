"""What a split lacks as a whole: boxes, labelled pixels, or a second class of them. That is legal, and mostly a sign of labels that got lost."""
import numpy as np

from blitznet_estimator.config import IGNORE_LABEL
from input_fn.datasets.images import decode_mask


class Contents:
    """What the examples of a split hold, told one by one."""

    def __init__(self):
        self._boxes = self._masks = False
        self._values = set()  # of labelled pixels; no more than two are asked for

    def add(self, example):
        """Take note of a `plan.Example`."""
        self._boxes = self._boxes or len(example.boxes) > 0
        self._masks = self._masks or bool(example.mask)
        if example.mask and len(self._values) < 2:
            self._values |= set(np.unique(decode_mask(example.mask, example.filename)).tolist()) - {IGNORE_LABEL}

    def remarks(self, class_names):
        """Sentences about what the split lacks."""
        found = [] if self._boxes else ['no image has a box, so that detection learns nothing from it']
        if not self._masks:
            found.append('no image has a mask, so that segmentation learns nothing from it')
        elif not self._values:
            found.append('no pixel of its masks has a label, so that segmentation learns nothing from it')
        elif len(self._values) == 1:
            found.append('all pixels of its masks are of one class, %s' % (('background',) + tuple(class_names))[min(self._values)])
        return found
