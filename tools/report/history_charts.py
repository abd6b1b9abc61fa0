"""Charts over the steps of a training: a small one for each scalar, and one for each metric of the classes."""
import collections

import numpy as np

from blitznet_estimator.colors import class_color
from blitznet_estimator.evaluation.metrics import BEST_METRICS, columns
from tools.report.figures import LINE, figure, label

OF_CLASSES = tuple(column.key for column in columns() if column.total)  # metrics that each class has
SMOOTHED = 60  # points from which a curve is also drawn smoothed
FEW = 12  # points up to which each is marked
REACH = 3.  # heights of the middle half of the values, above and below it, that are not far
FLAT = 3.  # times by which far values must stretch a chart to be left out
_ORDER = 'loss/total', 'loss/', 'optimizer/', 'train/', 'images'  # of the charts of training; others follow


def training_names(history):
    """Names of a history's scalars that are of training, in the order of their charts: losses first."""
    names = [name for name in history if not _is_of_an_evaluation(name) and not (name == 'loss' and 'loss/total' in history)]
    return sorted(names, key=lambda name: ([i for i, start in enumerate(_ORDER) if name.startswith(start)] or [len(_ORDER)])[0:1] + [name])


def metric_names(history):
    """Names of a history's metrics of a whole split, from the second evaluation on: of one the figures above say all."""
    return sorted(name for name in history if (name in BEST_METRICS or name.startswith('coco/')) and len(history[name]) > 1)


def class_groups(history):
    """{metric: {class: points}} of the metrics of classes, from the second evaluation on."""
    groups = collections.OrderedDict()
    for name in sorted(history):
        metric, _, of_class = name.partition('/')
        if metric in OF_CLASSES and of_class and len(history[name]) > 1:
            groups.setdefault(metric, collections.OrderedDict())[of_class] = history[name]
    return groups


def _is_of_an_evaluation(name):
    group = name.split('/')[0]
    return name in BEST_METRICS or group in OF_CLASSES + ('coco',) or group.startswith(('num_', 'best_'))


def curve_chart(name, points):
    """A small chart of one scalar. Values far from most others are beyond its edge, and its title says so."""
    new, axes = figure()
    steps, values = np.array(points, np.float64).T
    if len(values) >= SMOOTHED:
        axes.plot(steps, values, color=LINE, alpha=.25, linewidth=.8)
        axes.plot(steps, smooth(values), color=LINE, linewidth=1.5)
    else:
        axes.plot(steps, values, color=LINE, linewidth=1.5, marker='o' if len(values) <= FEW else None, markersize=3)
    limits = readable_limits(values)
    if limits:
        axes.set_ylim(*limits)
    label(axes, name + _beyond(steps, values, limits), 'step', grid=True)
    return new


def class_chart(metric, curves, class_names):
    """A chart of one metric of the classes, each in its colour; a dotted line is the background's."""
    new, axes = figure((4.6, 3.))
    for name, points in curves.items():
        steps, values = np.array(points, np.float64).T
        color = class_color(class_names.index(name) + 1) if name in class_names else LINE
        axes.plot(steps, values, '-' if name in class_names else ':', color=color, linewidth=1.4, marker='o' if len(values) <= FEW else None,
                  markersize=3)
    label(axes, metric, 'step', grid=True)
    return new


def readable_limits(values):
    """(low, high) that show the shape of most values, or None where a chart can show all of them.

    Far values, as a box plot marks them, are left out where they would flatten the others, as the first gradients of a training do.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [25, 75])
    kept = values[(values >= low - REACH * (high - low)) & (values <= high + REACH * (high - low))]
    height = kept.max() - kept.min()
    if not height or np.ptp(values) < FLAT * height:
        return None
    margin = .06 * height
    return kept.min() - margin, kept.max() + margin


def _beyond(steps, values, limits):
    """Words on the farthest value beyond the limits; '' where there is none."""
    if not limits:
        return ''
    distance = np.nan_to_num(np.maximum(values - limits[1], limits[0] - values), nan=-np.inf)
    at = int(np.argmax(distance))
    return '\n%.3g at step %d is beyond' % (values[at], steps[at])


def smooth(values, share=.02):
    """Running mean over `share` of the curve to either side; the ends average over what there is."""
    reach = max(1, int(len(values) * share))
    sums = np.concatenate([[0.], np.cumsum(np.nan_to_num(np.asarray(values, np.float64)))])
    low = np.maximum(np.arange(len(values)) - reach, 0)
    high = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
