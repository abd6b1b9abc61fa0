"""Charts of mistakes: confusion matrices, and bars of their causes."""
import numpy as np

from blitznet_estimator.evaluation.error_analysis import KINDS
from tools.report.figures import figure, label

KIND_COLORS = dict(zip(('right',) + KINDS, ('#4c9f70', '#f2c14e', '#f78154', '#b4436c', '#5b5f97')), found='#4c9f70', missed='#b9bcc6')


def confusion_chart(matrix, names, title):
    """A confusion matrix [C, C] in shares of each row, the true class; with its numbers where they can be read."""
    matrix = np.asarray(matrix, np.float64)
    keep = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    if not keep.any():
        return None
    matrix, names = matrix[keep][:, keep], [name for name, kept in zip(names, keep) if kept]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(max(1.6 + .3 * len(names), 3.5), 14)
    new, axes = figure((side, side))
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    axes.set_xticks(range(len(names)))
    axes.set_yticks(range(len(names)))
    axes.set_xticklabels(names, rotation=60, ha='right', fontsize=7)
    axes.set_yticklabels(names, fontsize=7)
    label(axes, title, 'predicted', 'true')
    for row, column in np.argwhere(shares >= .005) if len(names) <= 30 else ():
        axes.text(column, row, '%.0f' % (100 * shares[row, column]), ha='center', va='center', fontsize=7,
                  color='white' if shares[row, column] > .5 else 'black')
    return new


def causes_chart(rows, title):
    """Horizontal bars, a row of {name: {cause: count}} each, in shares; the count is at its end."""
    rows = [(name, counts) for name, counts in rows.items() if sum(counts.values())]
    if not rows:
        return None
    new, axes = figure((4.4, 1. + .24 * len(rows)))
    for at, (_, counts) in enumerate(rows):
        total, left = sum(counts.values()), 0.
        for kind, count in counts.items():
            axes.barh(at, count / total, left=left, color=KIND_COLORS[kind], label=kind if at == 0 else None)
            left += count / total
        axes.text(1.01, at, '%d' % total, va='center', fontsize=7)
    axes.set_yticks(range(len(rows)))
    axes.set_yticklabels([name for name, _ in rows], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1)
    label(axes, title)
    axes.legend(fontsize=7, ncol=3, loc='upper center', bbox_to_anchor=(.5, -.35 / len(rows) - .06), frameon=False)
    return new
