"""3x3 convolution with 22 % of the multiplications: Winograd's F(5x5, 3x3) (arXiv 1509.09308), out of gathers and matrix products.

Every 5x5 tile of the output is the inverse transform of a product, element by element, of the transforms of its 7x7 window of the input and
of the filter; over channels and tiles that makes 49 matrix products. On a CPU, in float32, convolutions of many channels on large maps become
about twice as fast; elsewhere the transforms cost what the products save. The rounding errors are some thirty times those of the direct sum.
Tiles of 5 suit the maps of 300 pixels: sides of 75, 38 and 19 have 0, 2 and 1 to spare. Those of 4 multiply more, those of 6 are no faster, err
half as much again, and need filters a third larger.
"""
from fractions import Fraction

import numpy as np

from blitznet_estimator.runtime import IS_TF1, tf
from model_fn import gathering

PARTS = 2 if IS_TF1 else 1  # TensorFlow 1.15's op leaves cores idle between its products: two at a time take up to half the time
FOLDED_BYTES = 10 << 20  # of a constant that TensorFlow makes of constants by itself, ahead of the first step
TILE, WINDOW = 5, 7  # sides, of the output's tiles and of the input's windows
POINTS = [Fraction(point) for point in ('0', '7/8', '-7/8', '7/4', '-7/4', '3/8')]  # and infinity; the errors are less than of 0, 1, -1, 2, -2, 1/2


def conv3x3(x, weights):
    """Convolution, stride 1, SAME: [B, h, w, C] by [3, 3, C, D] -> [B, h, w, D], float32, with its gradients of either."""
    constant = tf.get_static_value(weights)
    if constant is not None and constant.nbytes * WINDOW ** 2 // 9 > FOLDED_BYTES:
        return _convolve(x, tf.constant(np.tensordot(FILTER, constant.reshape((9,) + constant.shape[2:]), axes=1)))

    @tf.custom_gradient
    def convolve(x, weights):
        return _convolve(x, _filters(weights)), lambda dy: (
            _convolve(dy, _filters(tf.transpose(weights[::-1, ::-1], [0, 1, 3, 2]))), _filter_gradient(x, dy))
    return convolve(tf.identity(x), tf.identity(weights))


def _convolve(x, filters):
    depth = int(filters.shape[-1])
    return _join(_transform(OUTPUT, _products(_windows(x), filters), [-1, depth]), x, depth)  # of products [49, tiles, D]


def _filters(weights):
    """The transformed [3, 3, C, D], [49, C, D]."""
    return _transform(FILTER, weights, [int(size) for size in weights.shape[2:]])


def _filter_gradient(x, dy):
    """[3, 3, C, D] of the input [B, h, w, C] and the output's gradient [B, h, w, D]: each transform transposed."""
    channels, depth = int(x.shape[-1]), int(dy.shape[-1])
    tiles = _transform(OUTPUT.T, _split(dy, TILE, before=0), [-1, depth])
    products = _products(_windows(x), tiles, transpose_a=True)  # [49, C, D]
    return tf.reshape(_transform(FILTER.T, products, [channels, depth]), [3, 3, channels, depth])


def _products(a, b, **options):
    """tf.matmul of [49, ...] and [49, ...], shared out to a few ops where that is faster."""
    if PARTS == 1:
        return tf.matmul(a, b, **options)
    sizes = [len(part) for part in np.array_split(np.arange(WINDOW ** 2), PARTS)]
    return tf.concat([tf.matmul(*parts, **options) for parts in zip(tf.split(a, sizes), tf.split(b, sizes))], axis=0)


def _windows(x):
    """The transformed windows of [B, h, w, C], [49, tiles, C]. Equal calls become one when TensorFlow optimizes the graph."""
    return _transform(INPUT, _split(x, WINDOW, before=1), [-1, int(x.shape[-1])])


def _transform(matrix, values, shape):
    """`matrix` [n, m] times values [m, ...] of `shape` each -> [n, *shape]."""
    values = tf.reshape(values, [matrix.shape[1], -1])
    return tf.reshape(tf.matmul(tf.constant(matrix), values), [matrix.shape[0]] + shape)


def _tiles(x):
    return [-(-int(side) // TILE) for side in x.shape[1:3]]


def _split(x, side, before):
    """Windows of side x side pixels, TILE apart, of [B, h, w, C] with `before` rows and columns of zeros before it: [side * side, tiles, C]."""
    (rows, columns), channels = _tiles(x), int(x.shape[-1])
    row = np.arange(side)[:, None, None, None] + TILE * np.arange(rows)[:, None] - before  # of each pixel of each window
    column = np.arange(side)[:, None, None] + TILE * np.arange(columns) - before
    row, column = [places.reshape(side * side, 1, -1) for places in np.broadcast_arrays(row, column)]
    return tf.reshape(gathering.pixels(x, row, column, batch_axis=1), [side * side, -1, channels])


def _join(tiles, x, depth):
    """[25, tiles, D] -> [B, h, w, D] of the batch and size of `x`."""
    (rows, columns), (height, width), batch = _tiles(x), [int(side) for side in x.shape[1:3]], tf.shape(x)[:1]
    row, column = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
    image = tf.range(batch[0])[:, None, None]
    place_in_tile, tile = row % TILE * TILE + column % TILE, row // TILE * columns + column // TILE
    place = (place_in_tile * batch + image) * (rows * columns) + tile
    return gathering.maps(tf.reshape(tiles, [-1, depth]), place, batch, [height, width])


def _matrices():
    """The two-dimensional transforms of Cook and Toom's algorithm at POINTS: of input [49, 49], filter [49, 9] and output [25, 49]."""
    def polynomial(roots):
        return np.polynomial.polynomial.polyfromroots([float(root) for root in roots])

    def powers(count):
        return np.array([[float(point) ** power for power in range(count)] for point in POINTS] + [[0.] * (count - 1) + [1.]])

    others = [[other for other in POINTS if other != point] for point in POINTS]
    scale = [float(np.prod([point - other for other in rest])) for point, rest in zip(POINTS, others)] + [1.]
    window = np.zeros([WINDOW, WINDOW])
    for row, roots in enumerate(others + [POINTS]):
        window[row, :len(roots) + 1] = polynomial(roots)
    one_dimensional = window, powers(3) / np.array(scale)[:, None], powers(TILE).T
    return [np.kron(matrix, matrix).astype(np.float32) for matrix in one_dimensional]


INPUT, FILTER, OUTPUT = _matrices()
