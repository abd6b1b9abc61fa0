"""The anchors of a configuration: a table, and a picture of each map's."""
import cv2
import numpy as np

from blitznet_estimator import drawing
from blitznet_estimator.anchors import map_shapes
from blitznet_estimator.text_table import table

SIDE = 360  # pixels of a panel
MARGIN = .35  # of the image's side, around it: anchors reach beyond the image


def describe(network):
    """Text: each detection map with its grid, and its anchors in pixels of the network's input."""
    rows = []
    for name, (height, width), shapes in zip(network.detection_maps, network.grids, map_shapes(network.scales, network.aspect_ratios)):
        pixels = ' '.join('%dx%d' % tuple(np.round(shape[::-1] * network.image_size)) for shape in shapes)
        rows.append((name, '%dx%d' % (height, width), len(shapes), height * width * len(shapes), pixels))
    title = '%s, %d pixels per side: %d anchors' % (network.preset, network.image_size, network.num_anchors)
    return title + '\n\n' + table(('map', 'grid', 'per cell', 'anchors', 'width x height in pixels'), rows)


def picture(network):
    """RGB picture: one panel per map, with the image's frame, the grid's cells and the middle cell's anchors."""
    maps = zip(network.detection_maps, network.grids, map_shapes(network.scales, network.aspect_ratios))
    return drawing.contact_sheet([_panel(*one) for one in maps], columns=4, cell=(SIDE + 30, SIDE + 10))


def _panel(name, grid, shapes):
    panel = np.full((SIDE, SIDE, 3), 235, np.uint8)
    _rectangle(panel, (0, 0, 1, 1), (255, 255, 255), filled=True)
    for rows in range(grid[0] + 1):
        _rectangle(panel, (rows / grid[0], 0, rows / grid[0], 1), (205, 205, 205))
    for columns in range(grid[1] + 1):
        _rectangle(panel, (0, columns / grid[1], 1, columns / grid[1]), (205, 205, 205))
    cy, cx = ((side // 2 + .5) / side for side in grid)
    for (height, width), color in zip(shapes, drawing.palette(len(shapes) + 1)[1:]):
        _rectangle(panel, (cy - height / 2, cx - width / 2, cy + height / 2, cx + width / 2), color.tolist(), thickness=2)
    return drawing.side_by_side([panel], ['%s %dx%d' % (name, grid[0], grid[1])])


def _rectangle(panel, box, color, filled=False, thickness=1):
    """Draw a box [ymin, xmin, ymax, xmax], fractions of the image, into a panel that shows a margin around the image."""
    y0, x0, y1, x1 = (int(round((side + MARGIN) / (1 + 2 * MARGIN) * (SIDE - 1))) for side in box)
    cv2.rectangle(panel, (x0, y0), (x1, y1), color, cv2.FILLED if filled else thickness)
