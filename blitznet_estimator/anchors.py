"""Anchors (prior boxes) of every detection map, in the order of the network's raw outputs."""
import functools

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


def map_shapes(scales, ratios):
    """(height, width) of the anchors of a cell of each map: arrays [K, 2] as fractions of the image side. Arguments as `make_anchors`."""
    sides = map_scales(scales, len(ratios))
    return [np.array(cell_shapes(sides[i], sides[i + 1], of_map)) for i, of_map in enumerate(ratios)]


def make_anchors(grids, scales, ratios):
    """Anchors as centers [A, (cy, cx, h, w)] float32, in the order map, row, column, shape. Not clipped to the image.

    Args:
      grids: (height, width) of each detection map.
      scales: (smallest, min, max) as fractions of the image side.
      ratios: aspect ratios of each map, one tuple per map.
    """
    anchors = []
    for (height, width), shapes in zip(grids, map_shapes(scales, ratios)):
        rows, columns = np.mgrid[0:height, 0:width]
        centers = np.stack([(rows + .5) / height, (columns + .5) / width], axis=-1).reshape(-1, 1, 2)  # [h*w, 1, 2]
        shapes = np.broadcast_to(shapes, (len(centers),) + shapes.shape)  # [h*w, K, 2]
        centers = np.broadcast_to(centers, shapes.shape)
        anchors.append(np.concatenate([centers, shapes], axis=-1).reshape(-1, 4))
    return np.concatenate(anchors).astype(np.float32)


@functools.lru_cache(maxsize=8)
def anchors_of(network):
    """The anchors of a NetworkConfig, as `make_anchors` gives them. They are made once, and cannot be written to."""
    anchors = make_anchors(network.grids, network.scales, network.aspect_ratios)
    anchors.flags.writeable = False
    return anchors
