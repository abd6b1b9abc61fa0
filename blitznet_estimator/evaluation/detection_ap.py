"""Average precision by the PASCAL VOC rules, over a whole split at once in numpy.

A detection belongs to the ground-truth box of its class that it overlaps most. It is right when that overlap is above 0.5 and no
better-scored detection has that box; difficult and crowd boxes neither count nor hurt. What a detection belongs to does not
depend on the others, so that only "who came first" is left for the end: one sort a class instead of a loop over detections.
"""
import collections

import numpy as np

from blitznet_estimator import boxes as box_ops

Curve = collections.namedtuple('Curve', 'recall precision scores')  # each [n], best score first, ignored detections left out
# Not np.linspace: .30000000000000004 and its like decide whether a recall of 3/10 reaches the point, as in published tables.
ELEVEN_POINTS = np.arange(0., 1.1, .1)


def best_overlaps(boxes, classes, truth_boxes, truth_classes):
    """The ground-truth box of its class that each detection overlaps most.

    Args:
      boxes, classes: [n, 4] and [n], the detections of an image, in the unit of `truth_boxes` [m, 4]; truth_classes: [m].
    Returns:
      index [n] int64 of that box, the first when several tie, -1 where it overlaps none; its IoU [n] float64.
    """
    if not len(boxes) or not len(truth_boxes):
        return np.full(len(boxes), -1), np.zeros(len(boxes))
    overlaps = box_ops.iou(np.asarray(boxes, np.float64), np.asarray(truth_boxes, np.float64))  # [n, m]
    overlaps *= np.asarray(classes)[:, None] == np.asarray(truth_classes)[None, :]
    index = overlaps.argmax(axis=1)
    best = overlaps[np.arange(len(index)), index]
    return np.where(best > 0, index, -1), best


def first_hits(scores, box_ids):
    """Order [n] of detections, best score first (ties as given), and which of the ordered ones are the first to hit their box.

    box_ids [n]: the box a detection hits, unique over the split; -1 = none.
    """
    order = np.argsort(-scores, kind='stable')
    ordered = box_ids[order]
    first = np.zeros(len(order), bool)
    ids, positions = np.unique(ordered, return_index=True)  # the first position of each
    first[positions[ids >= 0]] = True
    return order, first


def precision_recall(scores, box_ids, ignored, num_objects):
    """The Curve of one class.

    Args:
      scores [n], box_ids [n] as in `first_hits`; ignored [n] bool: the box is difficult; num_objects: boxes that count.
    """
    order, first = first_hits(scores, box_ids)
    counted = ~ignored[order]
    right = np.cumsum(first[counted])
    return Curve(right / max(num_objects, 1), right / np.maximum(np.arange(len(right)) + 1, 1), scores[order][counted])


def ap_voc07(curve):
    """Mean over recalls 0, .1, ... 1 of the best precision from there on."""
    precision = np.append(np.maximum.accumulate(curve.precision[::-1])[::-1], 0)
    return float(precision[np.searchsorted(curve.recall, ELEVEN_POINTS)].sum() / 11)


def ap_voc12(curve):
    """Area under the curve made monotone."""
    precision = np.maximum.accumulate(curve.precision[::-1])[::-1]
    return float(np.sum(np.diff(np.append(0, curve.recall)) * precision))


def best_f1(curve):
    """(F1, score threshold, precision, recall) where F1 is best; (0, None, 0, 0) without detections."""
    if not len(curve.scores):
        return 0., None, 0., 0.
    f1 = 2 * curve.precision * curve.recall / np.maximum(curve.precision + curve.recall, 1e-12)
    last = np.append(curve.scores[1:] != curve.scores[:-1], True)  # a threshold can't part equal scores
    best = int(np.argmax(np.where(last, f1, -1)))
    return float(f1[best]), float(curve.scores[best]), float(curve.precision[best]), float(curve.recall[best])


RULES = {'voc07': ap_voc07, 'voc12': ap_voc12}


class DetectionScorer:
    """AP of each class. `update` matches an image's boxes at once, so that little is left for `result`."""

    def __init__(self, class_names, rules=tuple(RULES), iou_threshold=.5):
        self._class_names = tuple(class_names)
        self._rules = tuple(rules)
        self._iou_threshold = iou_threshold
        self._num_boxes = 0
        self._detections = []  # (scores, classes, box ids, ignored) of each image
        self._truth = []  # (classes, difficult) of each image

    def update(self, prediction, sample):
        """Add an image; one without box labels is left out."""
        if not sample.has_boxes:
            return
        scores, classes = np.asarray(prediction['scores'], np.float64), np.asarray(prediction['classes'])
        index, overlap = best_overlaps(prediction['boxes'], classes, sample.boxes, sample.classes)
        difficult = np.asarray(sample.difficult, bool) | np.asarray(sample.crowd, bool)
        hit = overlap > self._iou_threshold
        ignored = hit & np.append(difficult, False)[index]  # -1 is the appended
        self._detections.append((scores, classes, np.where(hit, index + self._num_boxes, -1), ignored))
        self._truth.append((np.asarray(sample.classes), difficult))
        self._num_boxes += len(difficult)

    def curves(self):
        """{class name: (Curve, objects that count, difficult objects)}."""
        scores, classes, box_ids, ignored = _columns(self._detections, (np.float64, np.int64, np.int64, bool))
        truth_classes, difficult = _columns(self._truth, (np.int64, bool))
        curves = {}
        for number, name in enumerate(self._class_names, 1):
            own, truth = classes == number, truth_classes == number
            count = int(np.sum(truth & ~difficult))
            curve = precision_recall(scores[own], box_ids[own], ignored[own], count)
            curves[name] = (curve, count, int(np.sum(truth & difficult)))
        return curves

    def result(self):
        """{'mAP_<rule>', 'per_class': {name: {'AP_<rule>', 'num_objects', ...}}}; None without objects that count."""
        per_class = {name: self._class_result(*values) for name, values in self.curves().items()}
        result = {'per_class': per_class}
        for rule in self._rules:
            values = [row['AP_' + rule] for row in per_class.values() if row['AP_' + rule] is not None]
            result['mAP_' + rule] = float(np.mean(values)) if values else None
        return result

    def _class_result(self, curve, num_objects, num_difficult):
        row = {'AP_' + rule: RULES[rule](curve) if num_objects else None for rule in self._rules}
        row.update(num_objects=num_objects, num_difficult=num_difficult, num_detections=len(curve.scores))
        if num_objects:
            row['best_f1'], row['best_threshold'], row['best_precision'], row['best_recall'] = best_f1(curve)
        return row


def _columns(rows, kinds):
    """Columns of a list of tuples of arrays, each joined."""
    if not rows:
        return [np.zeros(0, kind) for kind in kinds]
    return [np.concatenate(column).astype(kind) for column, kind in zip(zip(*rows), kinds)]
