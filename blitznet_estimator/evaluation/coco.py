"""COCO's twelve metrics by pycocotools, for the boxes of any dataset.

Sizes (small to 32^2 pixels, medium to 96^2, large) are of an object's box; COCO's own tables take the area of its outline. Difficult
objects, which COCO does not have, are ignored as crowds are: they neither count nor hurt.
"""
import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

VALUES = ('AP', 'AP50', 'AP75', 'AP_small', 'AP_medium', 'AP_large',
           'AR_1', 'AR_10', 'AR_100', 'AR_small', 'AR_medium', 'AR_large')


class CocoScorer:
    """Gathers boxes in pixels; pycocotools scores them in `result`."""

    def __init__(self, class_names, metrics=('coco',)):
        del metrics  # there is one
        self._class_names = tuple(class_names)
        self._images, self._truth, self._found = [], [], []

    def update(self, prediction, sample):
        """Add an image; one without box labels is left out."""
        if not sample.has_boxes:
            return
        image_id, size = len(self._images), (sample.height, sample.width)
        self._images.append({'id': image_id})
        for box, number, difficult, crowd in zip(pixel_boxes(sample.boxes, size), sample.classes, sample.difficult, sample.crowd):
            self._truth.append(dict(_annotation(image_id, box, number, len(self._truth)), iscrowd=int(crowd), difficult=int(difficult)))
        for box, number, score in zip(pixel_boxes(prediction['boxes'], size), prediction['classes'], prediction['scores']):
            self._found.append(dict(_annotation(image_id, box, number, len(self._found)), iscrowd=0, score=float(score)))

    def result(self):
        """{'mAP_coco', 'coco': {name: value}, 'per_class': {name: {'AP_coco'}}}; None where there is no object of the kind."""
        if not self._truth:
            return {'mAP_coco': None, 'coco': dict.fromkeys(VALUES), 'per_class': {n: {'AP_coco': None} for n in self._class_names}}
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = _Evaluation(self._index(self._truth), self._index(self._found), 'bbox')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        values = {name: _defined(value) for name, value in zip(VALUES, evaluation.stats)}
        precision = evaluation.eval['precision'][:, :, :, 0, -1]  # [IoU, recall, class] of all sizes, 100 detections an image
        return {'mAP_coco': values['AP'], 'coco': values,
                'per_class': {name: {'AP_coco': _defined(precision[:, :, i].mean())} for i, name in enumerate(self._class_names)}}

    def _index(self, annotations):
        """A COCO data set of these annotations, as loading it from a file would make it."""
        coco = COCO()
        categories = [{'id': i, 'name': name} for i, name in enumerate(self._class_names, 1)]
        coco.dataset = {'images': self._images, 'categories': categories, 'annotations': annotations}
        coco.createIndex()
        return coco


class _Evaluation(COCOeval):
    """COCOeval that ignores difficult objects too."""

    def _prepare(self):
        super()._prepare()
        for annotations in self._gts.values():
            for annotation in annotations:
                annotation['ignore'] = annotation['ignore'] or annotation['difficult']


def pixel_boxes(boxes, size):
    """Boxes [n, (x, y, width, height)] in pixels, float64, of boxes [n, 4] as fractions of an image of `size` (height, width)."""
    y0, x0, y1, x1 = (np.asarray(boxes, np.float64).reshape(-1, 4) * (tuple(size) * 2)).T
    return np.stack([x0, y0, x1 - x0, y1 - y0], axis=1)


def _annotation(image_id, box, number, index):
    # pycocotools takes a match with annotation 0 for no match, so that ids start at 1.
    return {'id': index + 1, 'image_id': image_id, 'category_id': int(number), 'bbox': box.tolist(), 'area': float(box[2] * box[3])}


def _defined(value):
    """A value of pycocotools, whose -1 says that there was nothing to measure."""
    return float(value) if value >= 0 else None
