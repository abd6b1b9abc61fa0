"""Everything that a report says about predictions, from one pass over the split's ground truth and predictions."""
import collections

import numpy as np

from blitznet_estimator.evaluation.detection_ap import best_overlaps, first_hits
from blitznet_estimator.evaluation.error_analysis import ErrorAnalysis
from blitznet_estimator.evaluation.metrics import METRICS
from blitznet_estimator.evaluation.scorer import Scorer
from blitznet_estimator.evaluation.segmentation import class_iou, confusion_matrix
from blitznet_estimator.thresholds import DEFAULT
from input_fn.datasets.reader import read_samples
from tools.report.data_charts import BoxStatistics

Analysis = collections.namedtuple('Analysis', 'result curves errors pixel_confusion image_scores thresholds boxes')


def analyse(source, predictions, advance=lambda: None):
    """The Analysis of Predictions for every image of a Source; what the predictions don't hold is None.

    advance: called twice per image.
    """
    scorer = Scorer(source.class_names, METRICS, predictions.heads)
    errors = ErrorAnalysis(source.class_names)
    pixel_scores, boxes = {}, BoxStatistics()
    for sample in filter(predictions.covers, read_samples(source)):
        advance()
        prediction = predictions.of(sample)
        scorer.update(prediction, sample)
        errors.update(prediction, sample)
        boxes.update(sample)
        truth = sample.mask() if predictions.has_masks else None
        pixel_scores[sample.source_id] = pixel_score(prediction['segmentation'], truth, source.num_classes)
    predictions.check_used(scorer.num_images)
    result = scorer.result()
    thresholds = class_thresholds(result, source.class_names)
    curves = scorer.curves()
    return Analysis(result, curves, None if curves is None else errors.result(), scorer.confusion(),
                    _image_scores(source, predictions, thresholds, pixel_scores, advance), thresholds, boxes.result())


def class_thresholds(result, class_names):
    """The score from which each class's F1 is best, [C]; index 0 is the background's and not used."""
    best = [result['per_class'].get(name, {}).get('best_threshold') for name in class_names]
    return np.array([DEFAULT] + [DEFAULT if value is None else value for value in best])


def _image_scores(source, predictions, thresholds, pixel_scores, advance):
    """{source_id: mean of the image's F1 of boxes and mean IoU of pixels}, of what it has labels for."""
    scores = {}
    for sample in filter(predictions.covers, read_samples(source)):
        advance()
        box_score = f1(predictions.of(sample), sample, thresholds) if predictions.has_boxes and sample.has_boxes else None
        known = [score for score in (box_score, pixel_scores[sample.source_id]) if score is not None]
        if known:
            scores[sample.source_id] = float(np.mean(known))
    return scores


def f1(prediction, sample, thresholds):
    """F1 of an image's boxes at each class's threshold; None where there is neither an object that counts nor a detection."""
    shown = prediction['scores'] >= thresholds[prediction['classes']]
    index, overlap = best_overlaps(prediction['boxes'][shown], prediction['classes'][shown], sample.boxes, sample.classes)
    index = np.where(overlap > .5, index, -1)
    ignored = sample.difficult | sample.crowd
    order, first = first_hits(prediction['scores'][shown], index)
    counted = ~np.append(ignored, False)[index[order]]
    right, found, objects = np.sum(first & counted), np.sum(counted), np.sum(~ignored)
    return 2 * right / (found + objects) if found + objects else None


def pixel_score(predicted, truth, num_classes):
    """Mean IoU over the classes that occur in an image's mask; None without one."""
    if predicted is None or truth is None:
        return None
    matrix = confusion_matrix(truth, predicted, num_classes)
    occurring = matrix.sum(axis=1) > 0
    return float(class_iou(matrix)[occurring].mean()) if occurring.any() else None
