"""What all charts of a report share: their sizes, letters and fonts, and the colours of their lines. A class has its colour of `colors.py`."""
from matplotlib import font_manager
from matplotlib.figure import Figure

from blitznet_estimator import fonts

DPI = 200  # of the files; a page shows 100 to the inch, so that a chart is sharp on any screen
SHOWN_DPI = 100
LINE, MARK, GRID = '#20304a', '#d62728', .25  # of curves that are of no class, of a point to look at; how much of a grid is seen
SMALL = 3.5, 2.3  # inches, width and height, of one of many charts: it fits a telephone
SMALLEST = 2.2, 2.2  # inches of one of very many


def figure(size=SMALL):
    """(Figure, its only Axes), of (width, height) in inches. What surrounds the axes of another than a small one takes the room it needs."""
    fixed = size in (SMALL, SMALLEST)  # twice as fast, and there may be a hundred of them
    new = Figure(figsize=size, dpi=DPI, constrained_layout=not fixed)
    axes = new.add_subplot(1, 1, 1)
    axes.tick_params(labelsize=7)
    if fixed:
        new.subplots_adjust(left=.55 / size[0], right=1 - .08 / size[0], bottom=.4 / size[1], top=1 - .38 / size[1])
    return new, axes


def label(axes, title, x='', y='', grid=False, size=9):
    """Write a chart's title, in letters of `size`, and the names of its axes; with a grid where there are values to read off."""
    axes.set_title(title, fontsize=size)
    axes.set_xlabel(x, fontsize=7)
    axes.set_ylabel(y, fontsize=7)
    if grid:
        axes.grid(alpha=GRID)


def letters(class_names):
    """Settings of Matplotlib for charts with these names: a font that has all their letters. For `matplotlib.rc_context`."""
    others = [path for name in class_names for path, _ in fonts.split(name) if path != fonts.default()]
    if not others:
        return {}
    font_manager.fontManager.addfont(others[0])
    return {'font.family': [font_manager.FontProperties(fname=others[0]).get_name()]}
