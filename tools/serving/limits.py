"""The limits of a request, which hold before memory is taken: bytes, pictures, pixels of a picture, numbers of a request and of an answer."""
import collections

import numpy as np

from input_fn.datasets import image_headers
from tools.serving.errors import ApiError, invalid

# max_body: bytes of a request. max_pixels: of a picture, by its header, and of all that are decoded at once. max_numbers: of the values in a
# request's JSON, and of an answer's arrays. max_pictures: pictures, or other entries, of a request.
Limits = collections.namedtuple('Limits', 'max_body max_pixels max_numbers max_pictures', defaults=(32 << 20, 50 * 10 ** 6, 10 ** 7, 256))
DEFAULT = Limits()


def check_headers(encoding, length, limits):
    """Raise ApiError for a body of more bytes than limits allow, or a compressed one: a few bytes of it may be gigabytes."""
    if (length or 0) > limits.max_body:
        raise ApiError('RESOURCE_EXHAUSTED', 'The request has %d bytes, and the most is %d.' % (length, limits.max_body), code=413)
    if encoding.lower() not in ('', 'identity'):
        raise ApiError('UNIMPLEMENTED', 'Content-Encoding: %s is not taken: send the JSON as it is. JPEG and PNG are compressed already.'
                       % encoding[:20], code=415)


def check_pictures(count, limits):
    """Raise ApiError for a request of too many pictures, or other entries."""
    if count > limits.max_pictures:
        raise invalid('The request has %s pictures, or other entries, and the most is %s: send several requests.', count, limits.max_pictures)


def check(signature, inputs, limits):
    """Raise ApiError where a picture has too many pixels, or where the answer would have too many numbers.

    Args:
      signature: a `saved_models.Signature`. inputs: {name: array}.
    Returns:
      The pixels of each entry that are to be decoded; 0 of what is no picture.
    """
    height = width = 1  # of the largest picture: outputs of pixels have its size
    pixels = [0] * max([len(array) for array in inputs.values() if array.ndim] + [0])
    for array in inputs.values():
        if array.dtype == object:
            sizes = [image_headers.is_known(data) and image_headers.size(data) or (0, 0) for data in array.flat]
            for number, (rows, columns) in enumerate(sizes):
                if rows * columns > limits.max_pixels:
                    raise invalid('Picture %s has %s x %s pixels (width x height), and the most is %s.', number, columns, rows, limits.max_pixels)
            for number, (rows, columns) in enumerate(sizes if array.ndim == 1 else []):
                pixels[number] += rows * columns
        else:
            sizes = [array.shape[1:3]] if array.ndim == 4 else []
        height, width = (max([side] + [size[axis] for size in sizes]) for axis, side in enumerate((height, width)))
    rows = max([len(array) for array in inputs.values() if array.ndim] + [1])
    numbers = sum(_numbers(spec.shape, rows, height, width) for spec in signature.outputs.values())
    if numbers > limits.max_numbers:
        raise invalid('The answer would hold %s numbers, and the most is %s: send fewer or smaller pictures, or ask a signature whose masks '
                      'are PNG files.', numbers, limits.max_numbers)
    return pixels


def _numbers(shape, rows, height, width):
    """The numbers of an output [rows, ...] of a shape whose unknown sides are those of the largest picture; 0 where they cannot be told."""
    if not shape:
        return 0
    unknown = [height, width]
    sides = [side if side is not None else unknown.pop(0) for side in shape[1:] if side is not None or unknown]
    return rows * int(np.prod(sides, dtype=np.int64))
