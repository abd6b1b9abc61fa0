"""The metrics by name: what scores one, which head it needs, its columns in tables, and whether it can choose the best checkpoint.

A metric is an entry of `METRICS`. Its scorer is named, not imported: flags ask for the names alone, and scorers load libraries.
"""
import collections
import dataclasses
import importlib
from typing import Tuple

Column = collections.namedtuple('Column', 'heading key total form')  # key: of a class's row; total: of the whole result, None = a sum
_OBJECTS = Column('objects', 'num_objects', None, '%d'), Column('difficult', 'num_difficult', None, '%d')


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric of --metrics."""
    head: str  # of heads.HEADS
    scorer: str  # module:class. It is made of (class names, the asked metrics of the same scorer); update(prediction, sample), result()
    columns: Tuple[Column, ...]
    best: Tuple[Tuple[str, str], ...]  # (value of the result, its title): those that can choose the best checkpoint

    def scorer_class(self):
        """The class that `scorer` names."""
        module, name = self.scorer.split(':')
        return getattr(importlib.import_module(module), name)


def _average_precision(title, heading, rule, scorer, counts=()):
    return Metric('detection', scorer, (Column(heading, 'AP_' + rule, 'mAP_' + rule, '%.3f'),) + counts, (('mAP_' + rule, 'mAP (%s)' % title),))


_DETECTION = 'blitznet_estimator.evaluation.detection_ap:DetectionScorer'
METRICS = {
    'voc07': _average_precision('VOC 2007', 'AP07', 'voc07', _DETECTION, _OBJECTS),
    'voc12': _average_precision('VOC 2012', 'AP12', 'voc12', _DETECTION, _OBJECTS),
    'coco': _average_precision('COCO', 'AP@.5:.95', 'coco', 'blitznet_estimator.evaluation.coco:CocoScorer'),
    'miou': Metric('segmentation', 'blitznet_estimator.evaluation.segmentation:SegmentationScorer',
                   (Column('IoU', 'IoU', 'mIoU', '%.3f'), Column('pixels', 'num_pixels', None, '%d')),
                   (('mIoU', 'mean IoU'), ('pixel_accuracy', 'pixel accuracy'))),
}
_PREFERRED = 'voc12', 'coco', 'voc07', 'miou'  # where nothing says which value chooses the best checkpoint
BEST_METRICS = {value: name for name in sorted(METRICS, key=lambda name: _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED))
                for value, _ in METRICS[name].best}  # {value of a result: its metric}, the preferred first


def columns():
    """Every column of a table once: the metrics in their order, then the counts."""
    known = dict.fromkeys(column for metric in METRICS.values() for column in metric.columns)
    return sorted(known, key=lambda column: column.total is None)


def scorers(class_names, metrics, heads):
    """{scorer class: its object} for the asked metrics of the heads (names of heads.HEADS) that there are."""
    asked = collections.OrderedDict()
    for name in METRICS:
        if name in metrics and METRICS[name].head in heads:
            asked.setdefault(METRICS[name].scorer_class(), []).append(name)
    return {scorer: scorer(class_names, names) for scorer, names in asked.items()}
