"""Scores predictions against ground truth on the host: `update` with each image, `result` at the end."""
from blitznet_estimator.checks import require_one_of
from blitznet_estimator.config import METRICS, RunConfig
from blitznet_estimator.evaluation.coco import CocoScorer
from blitznet_estimator.evaluation.detection_ap import RULES, DetectionScorer
from blitznet_estimator.evaluation.segmentation import SegmentationScorer
from blitznet_estimator.evaluation.table import format_table

DEFAULT_METRICS = RunConfig.metrics

__all__ = ['DEFAULT_METRICS', 'METRICS', 'Scorer', 'check_metrics', 'format_table']


def check_metrics(metrics):
    """Raise UserError when one of `metrics` is unknown."""
    for name in metrics:
        require_one_of('--metrics', name, METRICS)


class Scorer:
    """All chosen metrics of one split.

    `update(prediction, sample)`: prediction holds boxes [n, 4] (yxyx, fractions), scores [n], classes [n] (from 1) where the
    network detects, and segmentation uint8 [H, W] (or None) at the image's own size where it segments; sample is the image's
    ground truth with boxes, classes, difficult, crowd, has_boxes, mask() and filename (input_fn.ground_truth).
    """

    def __init__(self, class_names, metrics=DEFAULT_METRICS, detect=True, segment=True):
        check_metrics(metrics)
        self.class_names = tuple(class_names)
        self.num_images = 0
        self.parts = {}
        rules = [name for name in RULES if name in metrics]
        if detect and rules:
            self.parts['voc'] = DetectionScorer(class_names, rules)
        if detect and 'coco' in metrics:
            self.parts['coco'] = CocoScorer(class_names)
        if segment and 'miou' in metrics:
            self.parts['miou'] = SegmentationScorer(class_names)

    def update(self, prediction, sample):
        """Add one image."""
        self.num_images += 1
        for part in self.parts.values():
            part.update(prediction, sample)

    def result(self):
        """What JSON can hold: {'mAP_voc07', 'mAP_voc12', 'mAP_coco', 'mIoU', 'pixel_accuracy', 'num_images', 'per_class': {name: {...}}}.

        A figure that nothing defines (a class without objects) is None.
        """
        result, rows = {'num_images': self.num_images}, {}
        for part in self.parts.values():
            figures = part.result()
            for name, row in figures.pop('per_class', {}).items():
                rows.setdefault(name, {}).update(row)
            result.update(figures)
        order = [name for name in ('background',) + self.class_names if name in rows]
        result['per_class'] = {name: rows[name] for name in order}
        return result
