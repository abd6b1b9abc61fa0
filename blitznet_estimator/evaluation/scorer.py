"""Scores predictions against ground truth on the host: `update` with each image, `result` at the end."""
from blitznet_estimator.checks import require_one_of
from blitznet_estimator.config import RunConfig
from blitznet_estimator.evaluation.metrics import METRICS, scorers
from blitznet_estimator.heads import HEADS

DEFAULT_METRICS = RunConfig.metrics


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

    def __init__(self, class_names, metrics=DEFAULT_METRICS, heads=tuple(HEADS)):
        """metrics: names of metrics.METRICS. heads: names of heads.HEADS, those that predictions are of."""
        check_metrics(metrics)
        self.class_names = tuple(class_names)
        self.num_images = 0
        self._scorers = scorers(class_names, metrics, heads)

    def update(self, prediction, sample):
        """Add one image."""
        self.num_images += 1
        for scorer in self._scorers.values():
            scorer.update(prediction, sample)

    def result(self):
        """What JSON can hold: {'mAP_voc07', 'mAP_voc12', 'mAP_coco', 'mIoU', 'pixel_accuracy', 'num_images', 'per_class': {name: {...}}}.

        A value that nothing defines (a class without objects) is None.
        """
        result, rows = {'num_images': self.num_images}, {}
        for scorer in self._scorers.values():
            found = scorer.result()
            for name, row in found.pop('per_class', {}).items():
                rows.setdefault(name, {}).update(row)
            result.update(found)
        order = [name for name in ('background',) + self.class_names if name in rows]
        result['per_class'] = {name: rows[name] for name in order}
        return result

    def curves(self):
        """{class name: (Curve, objects that count, difficult objects)}; None where no boxes are scored by VOC's rules."""
        return self._ask('curves')

    def confusion(self):
        """Pixels by [true class, predicted class]; None where no masks are scored."""
        return self._ask('confusion')

    def _ask(self, method):
        """What the first scorer that has `method` answers; None where none has it."""
        return next((getattr(scorer, method)() for scorer in self._scorers.values() if hasattr(scorer, method)), None)
