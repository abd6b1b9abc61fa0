"""3x3 convolution with a quarter of the multiplications: Winograd's F(m x m, 3x3) (arXiv 1509.09308), out of gathers and matrix products.

Every m x m tile of the output is the inverse transform of a product, element by element, of the transforms of its window of the input and of the
filter, both (m + 2) x (m + 2); over channels and tiles that makes (m + 2)^2 matrix products. On a CPU, in float32, convolutions of many channels
on large maps become about twice as fast; elsewhere the transforms cost what the products save.

Tiles of 5 suit the maps of 300 pixels: sides of 75, 38 and 19 have 0, 2 and 1 to spare. Those of 4 multiply a sixth more, those of 6 are no
faster and err half as much again. The rounding errors are some thirty times those of the direct sum, with tiles of 4 ten times.
"""
from fractions import Fraction

import numpy as np

from blitznet_estimator.runtime import tf
from model_fn.kernels import gradients, pixel_gather, thresholds
from model_fn.kernels.matmul_gradients import flipped_filter


def conv3x3(x, weights, gradient=None):
    """Convolution, stride 1, SAME: [B, h, w, C] by [3, 3, C, D] -> [B, h, w, D], float32, with its gradients of either.

    These are made in the same way, or as `gradient`, the name of one that is registered by `gradients.register`.
    By tiles of 5, but of 4 where TensorFlow transforms only their filter by itself: a larger one is in the graph from the start, and copied
    with it more than ten times, which lets evaluation of blitznet300 peak 0.8 GB higher.
    """
    small = TILES_OF_4.filter_bytes(weights) <= thresholds.FOLDED_BYTES < TILES_OF_5.filter_bytes(weights)
    return (TILES_OF_4 if small else TILES_OF_5).conv3x3(x, weights, gradient)


class Tiling:
    """The convolution by tiles of `tile` x `tile` pixels of the output. Shapes are given for tiles of 4."""

    def __init__(self, tile, *points):
        """By Cook and Toom's algorithm at tile + 1 `points` and infinity, which determine the errors."""
        self.tile, self.window, self._gradient = tile, tile + 2, 'GradientOfWinogradTilesOf%d' % tile
        self.input, self.filter, self.output = _transforms([Fraction(point) for point in points], tile)
        gradients.register(self._gradient, self._gradients)

    def filter_bytes(self, weights):
        """Of the transformed [3, 3, C, D] in float32."""
        return 4 * self.window ** 2 * int(weights.shape[2]) * int(weights.shape[3])

    def conv3x3(self, x, weights, gradient=None):
        """As the module's."""
        constant = tf.get_static_value(weights)
        if constant is not None and self.filter_bytes(weights) > thresholds.FOLDED_BYTES:
            return self._convolve(x, tf.constant(np.tensordot(self.filter, constant.reshape((9,) + constant.shape[2:]), axes=1)))
        weights = tf.convert_to_tensor(weights)
        return gradients.attach(gradient or self._gradient, self._convolve(x, self._filters(weights)), [x, weights])

    def _gradients(self, x, weights, dy):
        return self._convolve(dy, self._filters(flipped_filter(weights))), self._filter_gradient(x, dy)

    def _convolve(self, x, filters):
        depth = int(filters.shape[-1])
        return self._join(_transform(self.output, _products(self._windows(x), filters), [-1, depth]), x, depth)  # of products [36, tiles, D]

    def _filters(self, weights):
        """The transformed [3, 3, C, D], [36, C, D]."""
        return _transform(self.filter, weights, [int(size) for size in weights.shape[2:]])

    def _filter_gradient(self, x, dy):
        """[3, 3, C, D] of the input [B, h, w, C] and the output's gradient [B, h, w, D]: each transform transposed."""
        channels, depth = int(x.shape[-1]), int(dy.shape[-1])
        tiles = _transform(self.output.T, self._split(dy, self.tile, before=0), [-1, depth])
        products = _products(self._windows(x), tiles, transpose_a=True)  # [36, C, D]
        return tf.reshape(_transform(self.filter.T, products, [channels, depth]), [3, 3, channels, depth])

    def _windows(self, x):
        """The transformed windows of [B, h, w, C], [36, tiles, C]. Equal calls become one when TensorFlow optimizes the graph."""
        return _transform(self.input, self._split(x, self.window, before=1), [-1, int(x.shape[-1])])

    def _tiles(self, x):
        return [-(-int(side) // self.tile) for side in x.shape[1:3]]

    def _split(self, x, side, before):
        """Windows of side x side pixels, a tile apart, of [B, h, w, C] with `before` rows and columns of zeros before it: [side * side, tiles, C]."""
        (rows, columns), channels = self._tiles(x), int(x.shape[-1])
        row = np.arange(side)[:, None, None, None] + self.tile * np.arange(rows)[:, None] - before  # of each pixel of each window
        column = np.arange(side)[:, None, None] + self.tile * np.arange(columns) - before
        row, column = [places.reshape(side * side, 1, -1) for places in np.broadcast_arrays(row, column)]
        return tf.reshape(pixel_gather.gather_pixels(x, row, column, batch_axis=1), [side * side, -1, channels])

    def _join(self, tiles, x, depth):
        """[16, tiles, D] -> [B, h, w, D] of the batch and size of `x`."""
        (rows, columns), (height, width), batch = self._tiles(x), [int(side) for side in x.shape[1:3]], tf.shape(x)[:1]
        row, column = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
        image = tf.range(batch[0])[:, None, None]
        place_in_tile, tile = row % self.tile * self.tile + column % self.tile, row // self.tile * columns + column // self.tile
        place = (place_in_tile * batch + image) * (rows * columns) + tile
        return pixel_gather.gather_maps(tf.reshape(tiles, [-1, depth]), place, batch, [height, width])


def _products(a, b, **options):
    """tf.matmul of [n, ...] and [n, ...], shared out to a few ops where that is faster."""
    if thresholds.WINOGRAD_PARTS == 1:
        return tf.matmul(a, b, **options)
    sizes = [len(part) for part in np.array_split(np.arange(int(a.shape[0])), thresholds.WINOGRAD_PARTS)]
    return tf.concat([tf.matmul(*parts, **options) for parts in zip(tf.split(a, sizes), tf.split(b, sizes))], axis=0)


def _transform(matrix, values, shape):
    """`matrix` [n, m] times values [m, ...] of `shape` each -> [n, *shape]."""
    values = tf.reshape(values, [matrix.shape[1], -1])
    return tf.reshape(tf.matmul(tf.constant(matrix), values), [matrix.shape[0]] + shape)


def _transforms(points, tile):
    """The two-dimensional ones at `points` and infinity: of input [36, 36], filter [36, 9] and output [16, 36] for tiles of 4."""
    def polynomial(roots):
        return np.polynomial.polynomial.polyfromroots([float(root) for root in roots])

    def powers(count):
        return np.array([[float(point) ** power for power in range(count)] for point in points] + [[0.] * (count - 1) + [1.]])

    others = [[other for other in points if other != point] for point in points]
    scale = [float(np.prod([point - other for other in rest])) for point, rest in zip(points, others)] + [1.]
    window = np.zeros([tile + 2, tile + 2])
    for row, roots in enumerate(others + [points]):
        window[row, :len(roots) + 1] = polynomial(roots)
    one_dimensional = window, powers(3) / np.array(scale)[:, None], powers(tile).T
    return [np.kron(matrix, matrix).astype(np.float32) for matrix in one_dimensional]


TILES_OF_4 = Tiling(4, '0', '3/4', '-3/4', '3/2', '-3/2')  # a quarter of the error of 0, 1, -1, 2, -2
TILES_OF_5 = Tiling(5, '0', '7/8', '-7/8', '7/4', '-7/4', '3/8')  # less error than 0, 1, -1, 2, -2, 1/2
