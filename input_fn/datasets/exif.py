"""The orientation that a picture's EXIF data states: how its stored pixels are turned to be upright.

OpenCV's own reading differs from release to release and from kind to kind of file, so that it is not asked.
"""
import struct

import numpy as np

_TAG = 0x112
# Of stored pixels [h, w, 3], by the tag's value.
_TURNS = {2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1], 5: lambda p: p.swapaxes(0, 1),
          6: lambda p: np.rot90(p, -1), 7: lambda p: p[::-1, ::-1].swapaxes(0, 1), 8: np.rot90}


def orientation(data):
    """The orientation, 1 to 8, of JPEG, PNG or WebP bytes; 1 (upright) where none is stated, or in any other kind of file."""
    try:
        return _from_tiff(_exif(data))
    except (struct.error, IndexError):  # cut short
        return 1


def upright(pixels, value):
    """Pixels [h, w, 3] turned as an orientation says."""
    return np.ascontiguousarray(_TURNS.get(value, lambda p: p)(pixels))


def _exif(data):
    """The EXIF data, which has the form of a TIFF file; b'' where there is none."""
    if data[:2] == b'\xff\xd8':
        return _of_jpeg(data)
    if data[:8] == b'\x89PNG\r\n\x1a\n':
        return next((body for kind, body in _chunks(data, 8, '>I4s', True) if kind == b'eXIf'), b'')
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        body = next((body for kind, body in _chunks(data, 12, '<4sI', False) if kind == b'EXIF'), b'')
        return body[6:] if body[:6] == b'Exif\x00\x00' else body
    return b''


def _of_jpeg(data):
    position = 2
    while data[position] == 0xFF and data[position + 1] != 0xDA:
        if data[position + 1] == 0xFF:  # padding before a marker
            position += 1
            continue
        length, = struct.unpack_from('>H', data, position + 2)
        if data[position + 1] == 0xE1 and data[position + 4:position + 10] == b'Exif\x00\x00':
            return data[position + 10:position + 2 + length]
        position += 2 + length
    return b''


def _chunks(data, position, layout, has_checksum):
    """Yield (kind, body) of the chunks of a PNG or RIFF file."""
    while position + 8 <= len(data):
        head = struct.unpack_from(layout, data, position)
        kind, length = head[::-1] if has_checksum else head
        yield kind, data[position + 8:position + 8 + length]
        position += 8 + length + (4 if has_checksum else length % 2)


def _from_tiff(data):
    if data[:4] not in (b'II*\x00', b'MM\x00*'):
        return 1
    order = '<' if data[:2] == b'II' else '>'
    start, = struct.unpack_from(order + 'I', data, 4)
    count, = struct.unpack_from(order + 'H', data, start)
    for i in range(count):
        tag, kind, _, value = struct.unpack_from(order + 'HHIH', data, start + 2 + 12 * i)
        if tag == _TAG:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1
