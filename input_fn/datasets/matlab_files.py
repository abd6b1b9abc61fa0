"""Numbers in MATLAB's files of version 5: a field of a structure, as SBD has its masks. Nothing else of a file is made.

A file is 128 bytes, of which the last two tell the byte order, and elements. An element is its type, its size and its bytes. A matrix is an
element of elements: its class, its dimensions, its name, and what it holds. Others write these files: what they claim is compared with what
is there before memory is taken, and packed elements are unpacked up to a limit.
"""
import os
import struct
import zlib

import numpy as np

LARGEST = 1 << 26  # bytes of a file, and of all that it unpacks to; SBD's have less than one MB
_ORDERS = {b'IM': '<', b'MI': '>'}
_MATRIX, _PACKED = 14, 15  # types of elements
_NUMBERS = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 9: 'f8', 12: 'i8', 13: 'u8'}  # and those of numbers
_STRUCTURE = 2  # a class of matrices


def read_field(path, variable, field):
    """The two-dimensional array of numbers in a field of a structure of one element, as the file stores it. ValueError where there is none."""
    if os.path.getsize(path) > LARGEST:
        raise ValueError('it has over %d bytes' % LARGEST)
    with open(path, 'rb') as file:
        data = file.read()
    try:
        order = _order(data)
        return _array(_field(_variable(data[128:], order, variable), order, field), order)
    except (LookupError, StopIteration, struct.error, zlib.error, OverflowError) as error:
        raise ValueError(str(error) or 'it is damaged or of another version')


def _order(data):
    if data[126:128] not in _ORDERS:
        raise ValueError('it is no file of MATLAB of version 5')
    return _ORDERS[data[126:128]]


def _elements(data, order):
    """Yield (type, bytes) of the elements in bytes."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(order + 'II', data, at)
        start = at + 8
        if kind >> 16:  # one of up to four bytes, which stand in the place of its size
            kind, size, start, at = kind & 0xffff, kind >> 16, at + 4, at + 8
        else:
            at = start + size + (0 if kind == _PACKED else -size % 8)
        if start + size > len(data) or start + size > at:
            raise ValueError('it is cut short')
        yield kind, data[start:start + size]


def _variable(data, order, name):
    """The bytes of the matrix of a name."""
    room = LARGEST
    for kind, content in _elements(data, order):
        if kind == _PACKED:
            unpacking = zlib.decompressobj()
            unpacked = unpacking.decompress(content, room + 1)
            room -= len(unpacked)
            if not unpacking.eof or room < 0:
                raise ValueError('it is cut short, or unpacks to over %d bytes' % LARGEST)
            kind, content = next(_elements(unpacked, order))
        if kind == _MATRIX and _opened(content, order)[2] == name:
            return content
    raise ValueError('it has no %s' % name)


def _opened(content, order):
    """(class, dimensions, name, the elements that follow) of a matrix."""
    parts = _elements(content, order)
    flags, dimensions, name = [next(parts)[1] for _ in range(3)]
    return struct.unpack_from(order + 'I', flags)[0] & 0xff, np.frombuffer(dimensions, order + 'i4').tolist(), name.decode('latin-1'), parts


def _field(content, order, name):
    """The bytes of the matrix in a field of a structure."""
    kind, dimensions, _, parts = _opened(content, order)
    if kind != _STRUCTURE or dimensions != [1, 1]:
        raise ValueError('it has no structure')
    length, names = struct.unpack_from(order + 'i', next(parts)[1])[0], next(parts)[1]
    if length < 1:
        raise ValueError('it is damaged')
    for start in range(0, len(names), length):
        found = next(parts)[1]
        if names[start:start + length].split(b'\0')[0].decode('latin-1') == name:
            return found
    raise ValueError('it has no %s' % name)


def _array(content, order):
    """The array of a matrix of numbers."""
    _, dimensions, _, parts = _opened(content, order)
    kind, numbers = next(parts)
    return np.frombuffer(numbers, order + _NUMBERS[kind]).reshape(dimensions, order='F')
