"""What the first bytes of a picture say: its kind and its size. They are read before a decoder sees the bytes or memory is taken.

OpenCV has decoders for more kinds, of which some crash on damaged bytes. A kind that is not listed here never reaches it.
"""
import re
import struct

JPEG, PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
KINDS = 'JPEG, PNG, BMP, PPM, TIFF or WebP'

_START_OF_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = {0x01} | set(range(0xD0, 0xD9))  # markers of JPEG that stand alone
_PPM_HEADER = re.compile(rb'P[36]' + 2 * rb'(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})')
_TIFF_SIDES = {256: 'width', 257: 'height', 322: 'width', 323: 'height'}  # of the picture, and of its tiles, which a decoder allocates too
_TIFF_NUMBERS = {3: 'H', 4: 'I'}


def is_known(data):
    """Whether bytes begin as a picture of one of the KINDS does."""
    return _reader(data) is not None


def size(data):
    """(height, width) that the header of a picture states; None where it states none, or where a chunk claims more bytes than there are."""
    try:
        stated = _reader(data)(data)
    except struct.error:  # cut short
        return None
    return stated if stated and min(stated) > 0 else None


def is_complete(data):
    """Whether JPEG or PNG bytes reach their end mark: decoders fill what is missing with grey and don't say so. Other kinds have none."""
    if data.startswith(JPEG):
        scan = jpeg_layout(data)[2]
        return scan > 0 and data.find(b'\xff\xd9', scan) > 0
    return not data.startswith(PNG) or _has_whole_chunks(data)


def jpeg_layout(data):
    """((height, width), channels, offset of the first scan) of JPEG bytes; None and 0 where the headers don't say."""
    stated, channels, position = None, 0, 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], struct.unpack_from('>H', data, position + 2)[0]
        if marker == 0xFF:  # padding before a marker
            position += 1
            continue
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        if marker == _END:
            break
        if marker in _START_OF_FRAME and position + 9 < len(data):
            stated, channels = struct.unpack_from('>HH', data, position + 5), data[position + 9]
        if marker == _START_OF_SCAN:
            return stated, channels, position
        position += 2 + length
    return stated, channels, 0


def _reader(data):
    if data.startswith(b'RIFF') and data[8:12] != b'WEBP':  # a film or a sound
        return None
    return next((read for magic, read in _READERS if data.startswith(magic)), None)


def _of_png(data):
    width, height = struct.unpack_from('>II', data, 16)
    return (height, width) if data[12:16] == b'IHDR' else None


def _has_whole_chunks(data):
    """Whether the chunks of PNG bytes lie within them up to the end mark: OpenCV allocates what a chunk claims."""
    position = len(PNG)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, position)
        if kind == b'IEND':
            return length == 0
        position += 12 + length
    return False


def _of_bmp(data):
    header, = struct.unpack_from('<I', data, 14)
    width, height = struct.unpack_from('<HH' if header == 12 else '<ii', data, 18)
    return abs(height), abs(width)  # a negative height stands for rows from the top


def _of_ppm(data):
    found = _PPM_HEADER.match(data)
    return (int(found.group(2)), int(found.group(1))) if found else None


def _of_webp(data):
    kind = data[12:16]
    if kind == b'VP8X':
        return tuple(1 + int.from_bytes(data[at:at + 3], 'little') for at in (27, 24)) if len(data) >= 30 else None
    if kind == b'VP8L':
        bits, = struct.unpack_from('<I', data, 21)
        return 1 + (bits >> 14 & 0x3fff), 1 + (bits & 0x3fff)
    if kind == b'VP8 ':
        width, height = struct.unpack_from('<HH', data, 26)
        return height & 0x3fff, width & 0x3fff
    return None


def _of_tiff(data):
    """The larger of the picture's and its tiles' sides, which are numbers of two or four bytes in the first directory."""
    order, sides = '<' if data[:2] == b'II' else '>', {'height': 0, 'width': 0}
    start, = struct.unpack_from(order + 'I', data, 4)
    count, = struct.unpack_from(order + 'H', data, start)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + 'HHI', data, position)
        if tag in _TIFF_SIDES:
            if number != 1 or kind not in _TIFF_NUMBERS:
                return None
            value, = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, position + 8)
            sides[_TIFF_SIDES[tag]] = max(sides[_TIFF_SIDES[tag]], value)
    return sides['height'], sides['width']


_READERS = ((JPEG, lambda data: jpeg_layout(data)[0]), (PNG, _of_png), (b'BM', _of_bmp), (b'P3', _of_ppm), (b'P6', _of_ppm),
            (b'II*\x00', _of_tiff), (b'MM\x00*', _of_tiff), (b'RIFF', _of_webp))
