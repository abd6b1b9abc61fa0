"""The charts of a report, each a matplotlib Figure."""
import collections

import numpy as np
from matplotlib.figure import Figure

from blitznet_estimator.evaluation.error_analysis import KINDS
from blitznet_estimator.evaluation.metrics import BEST_METRICS, columns

COLORS = ('#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf', '#8c564b', '#e377c2', '#7f7f7f', '#bcbd22')
KIND_COLORS = dict(zip(('right',) + KINDS, ('#4c9f70', '#f2c14e', '#f78154', '#b4436c', '#5b5f97')), found='#4c9f70', missed='#b9bcc6')
LINES = '-', '--', ':', '-.'
GROUPED = ('loss', 'coco') + tuple(column.key for column in columns() if column.total)
SMOOTHED = 60  # points from which a curve is also drawn smoothed
COLUMNS = 5  # of small charts in a row


def history_groups(history):
    """{title: [names]}: scalars of one chart. The losses go together, the metrics, and a metric's classes; others are alone."""
    groups = collections.OrderedDict()
    for name in sorted(history):
        group = name.split('/')[0]
        if not group.startswith(('num_', 'best_')):  # counts, and the place of the best F1: the table has them
            groups.setdefault('metrics' if name in BEST_METRICS else group if group in GROUPED else name, []).append(name)
    return groups


def history_chart(title, curves):
    """A chart of {name: [(step, value)]} over the steps."""
    figure, axes = _figure(5.6, 3.2)
    for i, (name, points) in enumerate(curves.items()):
        steps, values = np.array(points).T
        color, line = COLORS[i % len(COLORS)], LINES[i // len(COLORS) % len(LINES)]
        label = name.rsplit('/', 1)[-1]
        if len(values) >= SMOOTHED:
            axes.plot(steps, values, color=color, alpha=.25, linewidth=.8)
            values = smooth(values)
        axes.plot(steps, values, line, color=color, linewidth=1.6, label=label, marker='o' if len(values) < 12 else None, markersize=3)
    axes.set(title=title, xlabel='step')
    axes.grid(alpha=.3)
    if len(curves) > 1:
        axes.legend(fontsize=8 if len(curves) <= 8 else 6, ncol=1 + len(curves) // 24,
                    loc='center left', bbox_to_anchor=(1, .5), frameon=False)  # beside the curves, which may be anywhere
    return figure


def smooth(values, share=.02):
    """Running mean over `share` of the curve to either side; the ends average over what there is."""
    reach = max(1, int(len(values) * share))
    sums = np.concatenate([[0.], np.cumsum(np.nan_to_num(np.asarray(values, np.float64)))])
    low = np.maximum(np.arange(len(values)) - reach, 0)
    high = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def precision_recall_chart(curves, result):
    """One small chart per class that has objects: precision over recall, and the point of best F1."""
    names = [name for name, (_, count, _) in curves.items() if count]
    if not names:
        return None
    rows = -(-len(names) // COLUMNS)
    figure = _sized(11, 2.3 * rows + .3)
    for i, name in enumerate(names):
        axes, row, curve = figure.add_subplot(rows, COLUMNS, i + 1), result['per_class'][name], curves[name][0]
        axes.plot(np.append(0, curve.recall), np.append(1, curve.precision), color=COLORS[0], linewidth=1.4)
        if row['best_threshold'] is not None:
            axes.plot(row['best_recall'], row['best_precision'], 'o', color=COLORS[1], markersize=5)
        threshold = '' if row['best_threshold'] is None else ' at score %.2f' % row['best_threshold']
        axes.set_title('%s  AP %.3f\nbest F1 %.2f%s' % (name, row['AP_voc12'], row['best_f1'], threshold), fontsize=8)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.tick_params(labelsize=7)
        axes.grid(alpha=.3)
    figure.supxlabel('recall', fontsize=9) if hasattr(figure, 'supxlabel') else None
    figure.supylabel('precision', fontsize=9) if hasattr(figure, 'supylabel') else None
    return figure


def confusion_chart(matrix, names, title):
    """A confusion matrix [C, C] in shares of each row, the true class; with its numbers where they can be read."""
    matrix = np.asarray(matrix, np.float64)
    keep = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    if not keep.any():
        return None
    matrix, names = matrix[keep][:, keep], [name for name, kept in zip(names, keep) if kept]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(max(2.6 + .42 * len(names), 4), 14)
    figure, axes = _figure(side, side * .9)
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    axes.set_xticks(range(len(names)))
    axes.set_yticks(range(len(names)))
    axes.set_xticklabels(names, rotation=60, ha='right', fontsize=8)
    axes.set_yticklabels(names, fontsize=8)
    axes.set(title=title, xlabel='predicted', ylabel='true')
    for row, column in np.argwhere(shares >= .005) if len(names) <= 30 else ():
        axes.text(column, row, '%.0f' % (100 * shares[row, column]), ha='center', va='center', fontsize=7,
                  color='white' if shares[row, column] > .5 else 'black')
    return figure


def causes_chart(rows, title):
    """Horizontal bars, a row of {name: {cause: count}} each, in shares; the count is at its end."""
    rows = [(name, counts) for name, counts in rows.items() if sum(counts.values())]
    if not rows:
        return None
    figure, axes = _figure(5.6, 1.1 + .28 * len(rows))
    for at, (_, counts) in enumerate(rows):
        total, left = sum(counts.values()), 0.
        for kind, count in counts.items():
            axes.barh(at, count / total, left=left, color=KIND_COLORS[kind], label=kind if at == 0 else None)
            left += count / total
        axes.text(1.01, at, '%d' % total, va='center', fontsize=8)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels([name for name, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7, ncol=5, loc='upper center', bbox_to_anchor=(.5, -.35 / len(rows) - .06), frameon=False)
    return figure


def _figure(width, height):
    figure = _sized(width, height)
    return figure, figure.add_subplot(1, 1, 1)


def _sized(width, height):
    return Figure(figsize=(width, height), dpi=100, constrained_layout=True)
