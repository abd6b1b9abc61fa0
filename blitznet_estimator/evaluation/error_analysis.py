"""What kind of mistakes a detector makes: each false positive sorted by its cause, each object found or missed, by size and difficulty.

After Hoiem et al., "Diagnosing Error in Object Detectors" (ECCV 2012), section 3. As there, the detections looked at are the best ones of
each class, as many as the class has objects that count, so that detectors of differently scaled scores compare.
"""
import collections

import numpy as np

from blitznet_estimator import boxes as box_ops
from blitznet_estimator.evaluation.coco import pixel_boxes
from blitznet_estimator.evaluation.confusable_classes import similar_classes
from blitznet_estimator.evaluation.detection_ap import first_hits

KINDS = ('localisation', 'similar class', 'other class', 'background')
SIZES = ('small', 'medium', 'large')  # of boxes, parted at COCO's areas
AREAS = (32 ** 2, 96 ** 2)  # pixels
NEAR = .1  # IoU from which a false positive has to do with an object

Found = collections.namedtuple('Found', 'scores classes sizes own_iou own_id own_ignored similar_iou other_iou any_id')  # each [n]
Objects = collections.namedtuple('Objects', 'classes sizes ignored')  # each [m]


class ErrorAnalysis:
    """Gathers each image's overlaps; `result` sorts them."""

    def __init__(self, class_names, iou_threshold=.5):
        self._class_names = tuple(class_names)
        self._similar = similar_classes(class_names)
        self._iou_threshold = iou_threshold
        self._num_objects = 0
        self._found, self._objects = [], []

    def update(self, prediction, sample):
        """Add an image; one without box labels is left out."""
        if not sample.has_boxes:
            return
        size = sample.height, sample.width
        objects = Objects(np.asarray(sample.classes, int), box_sizes(sample.boxes, size),
                          np.asarray(sample.difficult, bool) | np.asarray(sample.crowd, bool))
        classes = np.asarray(prediction['classes'], int)
        overlaps = box_ops.iou(np.asarray(prediction['boxes'], np.float64), np.asarray(sample.boxes, np.float64))  # [n, m]
        same = classes[:, None] == objects.classes
        similar = self._similar[classes[:, None], objects.classes]
        own_iou, own_id = self._hits(overlaps * same)
        self._found.append(Found(
            np.asarray(prediction['scores'], np.float64), classes, box_sizes(prediction['boxes'], size), own_iou, own_id,
            (own_id >= 0) & np.append(objects.ignored, False)[np.where(own_id >= 0, own_id - self._num_objects, -1)],
            _best(overlaps * similar), _best(overlaps * ~(same | similar)), self._hits(overlaps)[1]))
        self._objects.append(objects)
        self._num_objects += len(objects.classes)

    def _hits(self, overlaps):
        """(best IoU [n], number of that object over the split, -1 where the IoU is not above the threshold [n])."""
        best = _best(overlaps)
        if not overlaps.shape[1]:
            return best, np.full(len(best), -1)
        return best, np.where(best > self._iou_threshold, overlaps.argmax(axis=1) + self._num_objects, -1)

    def result(self):
        """{'false_positives': {class: {kind: n}}, 'false_positives_by_size': {size: {kind: n}}, 'right': {class: n},
        'objects': {size or 'difficult': {'found': n, 'missed': n}}, 'confusion': [[n]] by [true, predicted], 0 = nothing}."""
        if not self._found:
            self.update({'boxes': np.zeros((0, 4)), 'classes': np.zeros(0), 'scores': np.zeros(0)}, _NoObjects)
        found, objects = _joined(self._found), _joined(self._objects)
        selected, right = self._select(found, objects)
        kinds = false_positive_kinds(found)
        wrong = selected & ~right & ~found.own_ignored
        return {
            'right': {name: int(np.sum(right & (found.classes == i))) for i, name in enumerate(self._class_names, 1)},
            'false_positives': {name: _count(kinds[wrong & (found.classes == i)], KINDS) for i, name in enumerate(self._class_names, 1)},
            'false_positives_by_size': {size: _count(kinds[wrong & (found.sizes == i)], KINDS) for i, size in enumerate(SIZES)},
            'objects': _objects_found(found, objects, selected),
            'confusion': self._confusion(found, objects, selected).tolist(),
        }

    def _select(self, found, objects):
        """(which detections are looked at [n], which of them are right [n])."""
        selected, right = np.zeros(len(found.scores), bool), np.zeros(len(found.scores), bool)
        for number in range(1, len(self._class_names) + 1):
            own = np.flatnonzero(found.classes == number)
            order, first = first_hits(found.scores[own], found.own_id[own])
            own = own[order]
            counted = np.cumsum(~found.own_ignored[own])
            top = counted <= np.sum((objects.classes == number) & ~objects.ignored)
            selected[own[top]] = True
            right[own[top & first & ~found.own_ignored[own]]] = True
        return selected, right

    def _confusion(self, found, objects, selected):
        """Objects and detections by [true class, predicted class], int64 [C, C]; 0 = missed objects, detections of nothing."""
        classes, ids = found.classes[selected], found.any_id[selected]
        order, first = first_hits(found.scores[selected], ids)
        classes, ids = classes[order], ids[order]
        counted = (ids < 0) | ~np.append(objects.ignored, False)[ids]
        matched = first & counted
        matrix = np.zeros((len(self._class_names) + 1,) * 2, np.int64)
        np.add.at(matrix, (objects.classes[ids[matched]], classes[matched]), 1)
        np.add.at(matrix, (0, classes[counted & ~first]), 1)
        missed = ~objects.ignored
        missed[ids[matched]] = False
        np.add.at(matrix, (objects.classes[missed], 0), 1)
        return matrix


class _NoObjects:
    """A sample without objects."""
    has_boxes, height, width = True, 1, 1
    boxes, classes, difficult, crowd = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool), np.zeros(0, bool)


def box_sizes(boxes, size):
    """Index into SIZES [n] of boxes [n, 4] as fractions of an image of `size` (height, width)."""
    return np.digitize(pixel_boxes(boxes, size)[:, 2:].prod(axis=1), AREAS)


def false_positive_kinds(found):
    """Index into KINDS [n] of each detection, were it wrong: the first cause that holds; a second hit is localisation."""
    causes = [found.own_iou >= NEAR, found.similar_iou >= NEAR, found.other_iou >= NEAR]
    return np.select(causes, [0, 1, 2], 3)


def _objects_found(found, objects, selected):
    """{size: {'found', 'missed'}} of the objects that count, and the same of the difficult ones."""
    hit = np.zeros(len(objects.classes), bool)
    ids = found.own_id[selected]
    hit[ids[ids >= 0]] = True
    groups = [(size, (objects.sizes == i) & ~objects.ignored) for i, size in enumerate(SIZES)] + [('difficult', objects.ignored)]
    return {name: {'found': int(np.sum(hit & group)), 'missed': int(np.sum(~hit & group))} for name, group in groups}


def _best(overlaps):
    """Highest of each row [n] of [n, m]; 0 where m is 0."""
    return overlaps.max(axis=1, initial=0)


def _count(numbers, names):
    return dict(zip(names, np.bincount(numbers, minlength=len(names)).tolist()))


def _joined(rows):
    """Named tuples of arrays as one."""
    return type(rows[0])(*(np.concatenate(column) for column in zip(*rows)))
