"""Anchors (prior boxes) of every detection map, in the order of the network's raw outputs."""
import numpy as np


def map_scales(scales, num_maps):
    """Per map, the side of its small square and of the next map's, [num_maps + 1].

    `scales` is (smallest, min, max): the first map has the smallest, the rest go from min to max evenly.
    """
    smallest, low, high = scales
    step = (high - low) / max(num_maps - 2, 1)
    return [smallest] + [low + step * i for i in range(num_maps)]


def cell_shapes(scale, next_scale, ratios):
    """(height, width) of a cell's anchors: small square, two for each ratio (wide, high), large square."""
    shapes = [(scale, scale)]
    for ratio in ratios:
        root = ratio ** .5
        shapes += [(scale / root, scale * root), (scale * root, scale / root)]
    large = (scale * next_scale) ** .5
    return shapes + [(large, large)]


def make_anchors(grids, scales, ratios):
    """Anchors as centers [A, (cy, cx, h, w)] float32, in the order map, row, column, shape. Not clipped to the image.

    Args:
      grids: (height, width) of each detection map.
      scales: (smallest, min, max) as fractions of the image side.
      ratios: aspect ratios of each map, a tuple a map.
    """
    sides = map_scales(scales, len(grids))
    anchors = []
    for i, (height, width) in enumerate(grids):
        shapes = np.array(cell_shapes(sides[i], sides[i + 1], ratios[i]))  # [K, 2]
        rows, columns = np.mgrid[0:height, 0:width]
        centers = np.stack([(rows + .5) / height, (columns + .5) / width], axis=-1).reshape(-1, 1, 2)  # [h*w, 1, 2]
        shapes = np.broadcast_to(shapes, (len(centers),) + shapes.shape)  # [h*w, K, 2]
        centers = np.broadcast_to(centers, shapes.shape)
        anchors.append(np.concatenate([centers, shapes], axis=-1).reshape(-1, 4))
    return np.concatenate(anchors).astype(np.float32)
