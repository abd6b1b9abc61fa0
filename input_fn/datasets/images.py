"""Encoded images and masks on the host: whatever a file holds becomes upright RGB uint8, or the class of each pixel."""
import struct
import zlib

import cv2
import numpy as np

from blitznet_estimator.config import IGNORE_LABEL, DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets import exif, graph_decoder, image_headers
from input_fn.datasets.image_headers import JPEG, PNG

_UNREADABLE = 'the image cannot be decoded (damaged, cut short, or no image); replace it or take it out.'
_max_pixels = [DataConfig().max_pixels]  # of this process: a guard for every place where pictures are decoded


def limit_pixels(most):
    """Let this process decode no image or mask of more than `most` pixels: what --max_pixels says."""
    _max_pixels[0] = most


def decode_image(data, where, upright=False, max_pixels=None):
    """RGB uint8 [h, w, 3] of the bytes of a picture; `where` names them in errors. `upright` turns it as its EXIF tag says.

    max_pixels: in the place of what `limit_pixels` said.
    """
    if data and not image_headers.is_known(data):
        raise UserError('%s: the image cannot be decoded (it is no %s file); convert it or take it out.' % (where, image_headers.KINDS))
    sound = data and _is_sound(data, 'image', where, max_pixels)
    image = _decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if sound else None
    if image is None:
        raise UserError('%s: %s' % (where, _UNREADABLE))
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return exif.upright(image, exif.orientation(data)) if upright else image


def _is_sound(data, what, where, max_pixels=None):
    """Whether the bytes of a picture state a size and reach their end mark; UserError where that size is over the limit."""
    size, most = image_headers.size(data), max_pixels or _max_pixels[0]
    if size and size[0] * size[1] > most:
        raise UserError('%s: the %s has %d x %d pixels (width x height), more than --max_pixels=%d: make it smaller, or raise --max_pixels.'
                        % (where, what, size[1], size[0], most))
    return bool(size) and image_headers.is_complete(data)


def _decoded(data, flags):
    """OpenCV's pixels, None where it cannot read them."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # of a size that it refuses
        return None


def check_graph_reads(data, size, where):
    """Raise UserError unless the graph decodes JPEG or PNG bytes to the `size`, (height, width), that OpenCV found."""
    if graph_decoder.graph_size(data) != tuple(size):
        raise UserError('%s: %s' % (where, _UNREADABLE))


def is_jpeg_or_png(data):
    """Whether bytes begin as those of a JPEG or PNG file do."""
    return data.startswith((JPEG, PNG))


def decode_mask(data, where):
    """Class of each pixel, uint8 [h, w], of an indexed or grey PNG."""
    mask = decode_ids(data, where)
    if mask.max(initial=0) > 255:
        raise UserError('%s: the mask holds the value %d, but classes and 255 fit in a byte.' % (where, mask.max()))
    return mask.astype(np.uint8)


def decode_ids(data, where):
    """Number of each pixel, uint8 or uint16 [h, w], of an indexed or grey PNG."""
    grey, depth = _as_grey_png(data, where)
    mask = _decoded(grey, cv2.IMREAD_UNCHANGED) if _is_sound(grey, 'mask', where) else None
    if mask is None:
        raise UserError('%s: the mask cannot be decoded (damaged or cut short); replace it or take it out.' % where)
    # The decoder stretches 1, 2 and 4 bits to the range of a byte; classes are the bits themselves.
    return mask // (255 // (2 ** depth - 1)) if depth < 8 else mask


def check_grey(data, where):
    """Raise UserError unless a mask's PNG bytes are grey of 8 bits: the graph would read others as colours, or stretch them."""
    if data[24] != 8 or data[25] != 0:
        raise UserError('%s: the mask is an indexed PNG or has not 8 bits per pixel; records need masks as grey PNG of 8 bits.' % where)


def check_mask(mask, path, num_labels, height, width):
    """`mask`, if it fits an upright image of `height` x `width` pixels and `num_labels` classes without background."""
    if mask.shape != (height, width):
        turned = ' (turned as its EXIF tag says; masks belong to the upright image)' if mask.shape == (width, height) else ''
        raise UserError('%s: the mask has %d x %d pixels (width x height), but the image has %d x %d%s.'
                        % (path, mask.shape[1], mask.shape[0], width, height, turned))
    beyond = mask[(mask > num_labels) & (mask != IGNORE_LABEL)]
    if beyond.size:
        raise UserError('%s: the mask holds the value %d, but there are %d classes (0 is the background, %d is no label).'
                        % (path, np.min(beyond), num_labels, IGNORE_LABEL))
    return mask


# Runs alone: masks of street scenes are written 15 times as fast as by zlib's best, are 6 % larger, and are decoded as fast.
_PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]


def encode_png(pixels):
    """PNG bytes of RGB [h, w, 3] or grey [h, w] uint8."""
    pixels = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    return cv2.imencode('.png', pixels, _PNG_OPTIONS)[1].tobytes()


def encode_jpeg(image, quality=95):
    """JPEG bytes of RGB uint8 [h, w, 3]."""
    return cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def standard_image(data, where, upright=True):
    """(JPEG or PNG bytes, height, width): `data` itself where every decoder reads it alike, else RGB encoded anew.

    Anew: EXIF-rotated (unless `upright` is false: then as stored), CMYK, with alpha, of 16 bits, or neither JPEG nor PNG.
    """
    image = decode_image(data, where, upright)
    height, width = image.shape[:2]
    if _graph_reads_kind(data):
        quarter = upright and exif.orientation(data) > 4  # the graph sees the picture as it is stored
        check_graph_reads(data, (width, height) if quarter else (height, width), where)
    if _is_plain(data) and not (upright and exif.orientation(data) > 1):
        return bytes(data), height, width
    return (encode_jpeg(image) if data.startswith(JPEG) else encode_png(image)), height, width


def _graph_reads_kind(data):
    """Whether the graph reads files of this kind: JPEG bytes of 1 or 3 channels, or PNG bytes."""
    return data.startswith(PNG) or data.startswith(JPEG) and image_headers.jpeg_layout(data)[1] in (1, 3)


def _is_plain(data):
    """Whether JPEG bytes have 1 or 3 channels, or PNG bytes are grey or RGB, of 8 bits."""
    if data.startswith(JPEG):
        return image_headers.jpeg_layout(data)[1] in (1, 3)
    return data.startswith(PNG) and data[24] == 8 and data[25] in (0, 2)


def _as_grey_png(data, where):
    """(PNG bytes, bits a pixel) with an indexed PNG declared grey, so that decoding gives its indices instead of colours."""
    if not data.startswith(PNG) or len(data) < 33:
        raise UserError('%s: the mask is not a PNG file; save masks as indexed or grey PNG.' % where)
    depth, colour = data[24], data[25]
    if colour == 0:
        return data, depth
    if colour != 3:
        raise UserError('%s: the mask is a colour picture; save it as indexed or grey PNG, a pixel holding its class.' % where)
    header = data[12:25] + b'\x00' + data[26:29]  # IHDR with colour type grey
    chunks = [PNG, data[8:12], header, struct.pack('>I', zlib.crc32(header) & 0xffffffff)]
    position = 33
    while position + 8 <= len(data):
        end = position + 12 + struct.unpack('>I', data[position:position + 4])[0]
        if data[position + 4:position + 8] not in (b'PLTE', b'tRNS', b'bKGD', b'hIST', b'sPLT', b'sBIT'):
            chunks.append(data[position:end])
        position = end
    return b''.join(chunks), depth
