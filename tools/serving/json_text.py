"""JSON as TensorFlow Serving reads and writes it, within limits: what clients send is not trusted."""
import json
import math
import re

import numpy as np

from tools.serving.errors import SHOWN, invalid

MAX_DEPTH = 32  # lists within lists; a tensor has some five
_DIGITS = 19  # of the numbers that fit in 64 bits
# Two expressions that need no memory of what they passed; one for whole strings with their escapes keeps every escape until the string ends.
_ESCAPED, _STRING = re.compile(r'\\.', re.DOTALL), re.compile(r'"[^"]*"?')
_SHORT_INFINITY = re.compile(r'\\.|"|Inf(?!inity)', re.DOTALL)
_PART = 1 << 20  # bytes whose depths are computed at once
_STEPS = np.zeros(256, np.int8)
_STEPS[[ord('['), ord('{')]], _STEPS[[ord(']'), ord('}')]] = 1, -1


def read_object(data, max_values=math.inf):
    """The object that bytes of JSON begin with. NaN, Infinity and Inf are numbers; what follows the object is not looked at.

    max_values: of its lists and objects, all together.
    Raises:
      ApiError: it is no object, is nested deeper than MAX_DEPTH, or has too many values.
    """
    try:
        text = data.decode('utf-8').lstrip()
    except UnicodeDecodeError:
        raise invalid('JSON Parse error: Invalid encoding in string.')
    if not text:
        raise invalid('JSON Parse error: The document is empty')
    _check_size(text, max_values)
    try:
        value = _parsed(text)
    except ValueError as error:
        raise invalid('JSON Parse error: Invalid value. at offset: %s', getattr(error, 'pos', 0))
    if not isinstance(value, dict):
        raise invalid('JSON Value: %s Is not object', beginning(value))
    return value


def _parsed(text):
    decoder = json.JSONDecoder(parse_int=_whole_number, parse_float=_number)
    try:
        return decoder.raw_decode(text)[0]
    except ValueError as error:
        if not text.startswith(('Inf', '-Inf'), error.pos):
            raise
        return decoder.raw_decode(_with_long_infinities(text))[0]


def _with_long_infinities(text):
    """JSON with Infinity for Inf, which Python does not know."""
    pieces, start, in_string = [], 0, False
    for found in _SHORT_INFINITY.finditer(text):
        if found.group() == '"':
            in_string = not in_string
        elif found.group() == 'Inf' and not in_string:
            pieces += [text[start:found.end()], 'inity']
            start = found.end()
    return ''.join(pieces + [text[start:]])


def _check_size(text, max_values):
    """Raise ApiError for deep nesting, before a parser meets it on its own stack, and for more values than memory and time are meant for."""
    marks, depth, values = _STRING.sub('', _ESCAPED.sub('', text)), 0, 1
    for start in range(0, len(marks), _PART):
        part = np.frombuffer(marks[start:start + _PART].encode('ascii', 'replace'), np.uint8)
        steps = _STEPS[part]
        depths = depth + np.cumsum(steps, dtype=np.int64)
        ends = np.flatnonzero((steps != 0) & (depths <= 0))
        end = ends[0] if len(ends) else len(part)
        if depths[:end].max(initial=0) > MAX_DEPTH:
            raise invalid('JSON Parse error: more than %s lists or objects within each other.', MAX_DEPTH)
        values += np.count_nonzero(part[:end] == ord(','))
        if values > max_values:
            raise invalid('The request holds more than %s values: send pictures as files, or fewer.', max_values)
        if len(ends):
            return
        depth = depths[-1]


def _whole_number(digits):
    """A number too long for 64 bits becomes a float, as in TensorFlow Serving: reading all its digits takes quadratic time."""
    return int(digits) if len(digits) <= _DIGITS + 1 else _number(digits)


def _number(digits):
    value = float(digits)
    if math.isinf(value):
        raise invalid('JSON Parse error: Number too big to be stored in double.')
    return value


def write(value):
    """A value as JSON, in one line."""
    return json.dumps(value, separators=(', ', ': '))


def beginning(value):
    """The first characters of a value's JSON, for a message that shows no more of it."""
    text = ''
    for part in json.JSONEncoder().iterencode(value):
        text += part[:SHOWN + 1]
        if len(text) > SHOWN:
            break
    return text
