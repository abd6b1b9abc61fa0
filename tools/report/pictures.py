"""The images that a model does worst and best on, its predictions beside the ground truth."""
import cv2
import numpy as np

from blitznet_estimator import drawing
from input_fn.datasets.reader import read_samples

WIDTH = 960  # pixels of a pair at most, to keep the page small


def extremes(image_scores, count):
    """(source_ids of the worst images, worst first; of the best, best first); no image is in both."""
    ranked = sorted(image_scores, key=lambda source_id: (image_scores[source_id], source_id))
    count = min(count, len(ranked) // 2)
    return ranked[:count], ranked[::-1][:count]


def draw_pairs(source, predictions, analysis, source_ids):
    """{source_id: (file name, picture)}: predictions at each class's best threshold beside the ground truth."""
    pairs = {}
    for sample in read_samples(source):
        if sample.source_id in source_ids:
            pairs[sample.source_id] = sample.filename, _pair(sample, predictions.of(sample), source.class_names, analysis)
    return pairs


def _pair(sample, prediction, class_names, analysis):
    image = sample.image()
    shown = np.flatnonzero(prediction['scores'] >= analysis.thresholds[prediction['classes']])
    shown = shown[np.argsort(-prediction['scores'][shown], kind='stable')]
    found = drawing.draw(image, prediction['boxes'][shown], prediction['classes'][shown], prediction['scores'][shown],
                         prediction['segmentation'], class_names)
    truth = drawing.draw(image, sample.boxes, sample.classes, None, sample.mask(), class_names, sample.difficult | sample.crowd)
    pair = drawing.side_by_side([found, truth], ['prediction', 'ground truth'])
    if pair.shape[1] <= WIDTH:
        return pair
    return cv2.resize(pair, (WIDTH, max(1, pair.shape[0] * WIDTH // pair.shape[1])), interpolation=cv2.INTER_AREA)
