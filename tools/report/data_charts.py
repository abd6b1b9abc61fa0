"""Charts of a split's data: how many objects each class has, how much of the pixels, and how large the boxes are."""
import collections

import numpy as np

from blitznet_estimator.colors import class_color
from tools.report.figures import LINE, figure, label

MOST_CLASSES = 40  # bars of a chart
MOST_POINTS = 4000  # boxes of a chart; more are thinned evenly

Boxes = collections.namedtuple('Boxes', 'classes height width')  # [n] each; sides are shares of the image's


class BoxStatistics:
    """Gathers the boxes of samples."""

    def __init__(self):
        self._rows = []

    def update(self, sample):
        """Add a sample's boxes."""
        boxes = np.asarray(sample.boxes, np.float64).reshape(-1, 4)
        self._rows.append((np.asarray(sample.classes, int), boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]))

    def result(self):
        """The Boxes."""
        return Boxes(*(np.concatenate(column) if column else np.zeros(0) for column in (list(zip(*self._rows)) or [()] * 3)))


def class_bars(counts, class_names, title):
    """Horizontal bars, one per class in its colour, the count at its end; None of none. counts: {name: number}."""
    if not sum(counts.values()):
        return None
    names = sorted(counts, key=lambda name: -counts[name])
    if len(names) > MOST_CLASSES:
        title, names = '%s (%d most frequent of %d)' % (title, MOST_CLASSES, len(names)), names[:MOST_CLASSES]
    new, axes = figure((3.5, .7 + .18 * len(names)))
    total = sum(counts.values())
    for at, name in enumerate(names):
        axes.barh(at, counts[name], color=class_color(class_names.index(name) + 1) if name in class_names else '#b9bcc6')
        axes.text(counts[name], at, ' %s  %.1f %%' % (format(counts[name], ','), 100. * counts[name] / total), va='center', fontsize=7)
    axes.set_yticks(range(len(names)))
    axes.set_yticklabels(names, fontsize=7)
    axes.set_ylim(len(names) - .4, -.6)
    axes.set_xlim(0, 1.5 * max(counts.values()))
    axes.set_xticks([])
    label(axes, title)
    for side in ('top', 'right', 'bottom'):
        axes.spines[side].set_visible(False)
    return new


def box_shapes(boxes):
    """Width over height of the boxes, each a point in its class's colour; None of no boxes."""
    if not len(boxes.classes):
        return None
    chosen = np.arange(0, len(boxes.classes), -(-len(boxes.classes) // MOST_POINTS))
    new, axes = figure((3.5, 3.3))
    axes.scatter(boxes.width[chosen], boxes.height[chosen], s=9, alpha=.6, linewidths=0,
                 c=[class_color(number) for number in boxes.classes[chosen].astype(int)])
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    label(axes, 'boxes: width and height, shares of the image', 'width', 'height', grid=True)
    return new


def box_sides(boxes):
    """A histogram of the boxes' sides, the root of their share of the image's area; None of no boxes."""
    if not len(boxes.classes):
        return None
    new, axes = figure((3.5, 3.3))
    side = np.sqrt(np.clip(boxes.width * boxes.height, 0, 1))
    axes.hist(side, bins=np.linspace(0, 1, 26), color='#6f86ad', edgecolor='white', linewidth=.5)
    axes.axvline(np.median(side), color=LINE, linewidth=1.4, linestyle='--')
    axes.set_xlim(0, 1)
    label(axes, 'boxes: side, share of the image (half under %.2f)' % np.median(side), 'root of the area', 'boxes')
    return new
