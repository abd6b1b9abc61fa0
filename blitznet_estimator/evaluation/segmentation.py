"""Mean IoU and pixel accuracy from one confusion matrix over all labelled pixels, at each image's own size."""
import cv2
import numpy as np

from blitznet_estimator.config import IGNORE_LABEL
from blitznet_estimator.errors import UserError

_COUNTABLE = 1 << 24  # OpenCV counts in float32, exactly up to this


def confusion_matrix(truth, predicted, num_classes):
    """Pixels by [true class, predicted class], int64 [C, C]; pixels labelled 255 are left out.

    Args:
      truth, predicted: uint8 [H, W]; num_classes: C, with the background.
    """
    pairs = np.zeros((256, 256), np.int64)
    rows = max(_COUNTABLE // max(truth.shape[1], 1), 1)
    for first in range(0, truth.shape[0], rows):
        band = [np.ascontiguousarray(mask[first:first + rows]) for mask in (truth, predicted)]
        pairs += cv2.calcHist(band, [0, 1], None, [256, 256], [0, 256, 0, 256]).astype(np.int64)
    pairs = pairs[:IGNORE_LABEL]
    for what, pixels in (('mask', pairs.sum(axis=1)), ('segmentation', pairs.sum(axis=0))):
        if pixels[num_classes:].any():
            raise UserError('A %s holds class %d, but there are only classes 0 to %d: check the class list.'
                            % (what, np.flatnonzero(pixels)[-1], num_classes - 1))
    return pairs[:num_classes, :num_classes]


def class_iou(matrix):
    """IoU [C] of a confusion matrix [C, C]; nan for a class that neither occurs nor is predicted."""
    right = np.diag(matrix).astype(np.float64)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - right
    return np.where(union > 0, right / np.maximum(union, 1), np.nan)


class SegmentationScorer:
    """The confusion matrix of a split, and what follows from it."""

    def __init__(self, class_names, metrics=('miou',)):
        del metrics  # there is one
        self._names = ('background',) + tuple(class_names)
        self.matrix = np.zeros((len(self._names),) * 2, np.int64)  # [true class, predicted class]

    def update(self, prediction, sample):
        """Add an image; one without a mask is left out."""
        truth, predicted = sample.mask(), prediction['segmentation']
        if truth is None or predicted is None:
            return
        if truth.shape != predicted.shape:
            raise UserError('%s: the predicted mask is %s pixels, the labelled mask %s; they must be of one size.'
                            % (sample.filename, predicted.shape, truth.shape))
        self.matrix += confusion_matrix(truth, predicted, len(self._names))

    def confusion(self):
        """The matrix: pixels by [true class, predicted class]."""
        return self.matrix

    def result(self):
        """{'mIoU', 'pixel_accuracy', 'per_class': {name: {'IoU', 'num_pixels'}}}; None where nothing is known.

        The mean is over the classes that have labelled pixels in the split. Of another class nothing could be found: CamVid, which labels
        no background, would lose a twelfth of its mean to one wrong pixel. Its own IoU stays in `per_class`, 0 where it was predicted.
        """
        iou, pixels = class_iou(self.matrix), self.matrix.sum(axis=1)
        known = ~np.isnan(iou)
        return {
            'mIoU': float(iou[pixels > 0].mean()) if pixels.any() else None,
            'pixel_accuracy': float(np.trace(self.matrix) / pixels.sum()) if pixels.sum() else None,
            'per_class': {name: {'IoU': float(iou[i]) if known[i] else None, 'num_pixels': int(pixels[i])}
                          for i, name in enumerate(self._names)},
        }
