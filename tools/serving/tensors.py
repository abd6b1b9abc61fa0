"""Values of JSON as arrays, and arrays as values of JSON, by the rules of TensorFlow Serving (its util/json_tensor.cc)."""
import base64
import binascii
import math
import re

import numpy as np

from tools.serving.errors import invalid
from tools.serving.json_text import beginning

B64 = 'b64'  # the only key of an object that holds bytes
BYTES = '_bytes'  # what the name of an output ends in whose strings are bytes
_TYPE_NAMES = {'float32': 'float', 'float64': 'double', 'object': 'string'}
_SPACE = re.compile(r'\s+')


def is_bytes(value):
    """Whether a value is {"b64": "..."}."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(B64), str)


def to_array(value, dtype):
    """An array of a dtype from a value, or lists of them as deep as they are; object arrays hold bytes."""
    shape = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    leaves = []
    _collect(value, shape, 0, leaves, np.dtype(dtype))
    array = np.empty(len(leaves), dtype)
    array[:] = leaves
    return array.reshape(shape)


def _collect(value, shape, level, leaves, dtype):
    """Append the leaves of nested lists, each converted."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid('JSON Value: %s found at incorrect level: %s in the JSON DOM. Expected at level: %s',
                          beginning(value), level + 1, len(shape))
        leaves.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid('Encountered list at unexpected level: %s expected < %s', level, len(shape))
    if len(value) != shape[level]:
        raise invalid('Encountered list at unexpected size: %s at level: %s expected size: %s', len(value), level, shape[level])
    for one in value:
        _collect(one, shape, level + 1, leaves, dtype)


def _leaf(value, dtype):
    if dtype.kind == 'O':
        if isinstance(value, dict):
            return _decoded(value)
        if isinstance(value, str):
            return _encoded(value)
    elif dtype.kind == 'b':
        if isinstance(value, bool):
            return value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if dtype.kind == 'f':
            return _as_float(value, dtype)
        if isinstance(value, int) and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
            return value
    raise invalid('JSON Value: %s Type: %s is not of expected type: %s', beginning(value), _type_name(value), _TYPE_NAMES.get(dtype.name, dtype.name))


def _type_name(value):
    names = {dict: 'Object', list: 'Array', str: 'String', bool: str(value), type(None): 'Null'}
    return names.get(type(value), 'Number')


def _decoded(value):
    """The bytes of {"b64": "..."}: the standard alphabet, its padding left out or right."""
    if not is_bytes(value):
        raise invalid('JSON Value: %s not formatted correctly for base64 data', beginning(value))
    text = _SPACE.sub('', value[B64])
    text += '' if '=' in text else '=' * (-len(text) % 4)
    try:
        if len(text) % 4:  # which Python 3.7 takes where there is too much padding
            raise ValueError
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid('Unable to base64 decode: it is not of the standard alphabet, A to Z, a to z, 0 to 9, + and /')


def _encoded(text):
    try:
        return text.encode('utf-8')
    except UnicodeEncodeError:
        raise invalid('JSON Parse error: The surrogate pair in string is invalid.')


def _as_float(value, dtype):
    """A number that the dtype can hold: an integer exactly, others within its range."""
    whole = isinstance(value, int) and abs(value) > 2 ** (np.finfo(dtype).nmant + 1) - 1
    if whole or math.isfinite(value) and abs(value) > float(np.finfo(dtype).max):
        raise invalid('Cannot convert JSON value: %s to %s without loss of precision.', beginning(value), _TYPE_NAMES[dtype.name])
    return value


def to_values(array, name):
    """Nested lists of an output `name`. A float is the shortest number that is read back as the same one."""
    array = np.asarray(array)
    if array.dtype.kind == 'f':
        return array.astype(str).astype(np.float64).tolist()
    if array.dtype.kind not in 'OSU':
        return array.tolist()
    flat = [_as_text(value, name) for value in array.ravel().tolist()]
    return _nested(flat, array.shape)


def _as_text(value, name):
    data = value.encode('utf-8') if isinstance(value, str) else value
    return {B64: base64.b64encode(data).decode('ascii')} if name.endswith(BYTES) else data.decode('utf-8', 'replace')


def _nested(flat, shape):
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return flat
    step = int(np.prod(shape[1:]))
    return [_nested(flat[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]
