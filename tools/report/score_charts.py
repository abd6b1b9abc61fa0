"""Charts of detections over their scores: precision over recall, and precision, recall and F1 over the threshold."""
import numpy as np

from blitznet_estimator.colors import class_color
from blitznet_estimator.evaluation.pr_summary import NUM_THRESHOLDS, threshold_counts
from tools.report.figures import LINE, MARK, SMALLEST, figure, label

THRESHOLDS = np.linspace(0, 1, NUM_THRESHOLDS)


def precision_recall_charts(curves, result):
    """{class: chart} of the classes that have objects: precision over recall, and the point of best F1."""
    return {name: _precision_recall(name, number, curve, result['per_class'][name])
            for number, (name, (curve, count, _)) in enumerate(curves.items(), 1) if count}


def _precision_recall(name, number, curve, row):
    new, axes = figure(SMALLEST)
    axes.plot(np.append(0, curve.recall), np.append(1, curve.precision), color=class_color(number), linewidth=1.6)
    if row['best_threshold'] is not None:
        axes.plot(row['best_recall'], row['best_precision'], 'o', color=LINE, markersize=4)
    label(axes, '%s\nAP %.3f, best F1 %.2f' % (name, row['AP_voc12'], row['best_f1']), 'recall', 'precision', grid=True, size=8)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return new


def threshold_curves(curves):
    """{class: [3, thresholds] precision, recall and F1 of the detections from each threshold on} of the classes that have objects."""
    found = {}
    for name, (curve, count, _) in curves.items():
        if count:
            precision, recall = threshold_counts(curve, count)[4:]
            found[name] = np.stack([precision, recall, 2 * precision * recall / np.maximum(precision + recall, 1e-12)])
    return found


def threshold_charts(curves):
    """[(name, chart)]: F1, precision and recall over the threshold, each class in its colour and their mean in a thick line."""
    found, numbers = threshold_curves(curves), {name: number for number, name in enumerate(curves, 1)}
    if not found:
        return []
    mean = np.mean(list(found.values()), axis=0)  # [3, thresholds]
    best = int(np.argmax(mean[2]))
    charts = []
    for row, name in ((2, 'F1'), (0, 'precision'), (1, 'recall')):
        new, axes = figure()
        for of_class, values in found.items():
            axes.plot(THRESHOLDS, values[row], color=class_color(numbers[of_class]), linewidth=.9)
        axes.plot(THRESHOLDS, mean[row], color=LINE, linewidth=2.4)
        axes.plot(THRESHOLDS[best], mean[row][best], 'o', color=MARK, markersize=5)
        label(axes, '%s: mean %.2f at score %.2f' % (name, mean[row][best], THRESHOLDS[best]), 'least score', grid=True)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        charts.append((name, new))
    return charts
