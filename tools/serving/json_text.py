"""JSON as TensorFlow Serving reads and writes it, within limits: what clients send is not trusted."""
import json
import re

from tools.serving.errors import SHOWN, invalid

MAX_DEPTH = 32  # lists within lists; a tensor has some five
_DIGITS = 19  # of the numbers that fit in 64 bits
_TOKENS = re.compile(r'\\.|["\[{\]}]', re.DOTALL)  # what is escaped within a string, and what opens and closes
_DEPTHS = {'[': 1, '{': 1, ']': -1, '}': -1}


def read_object(data):
    """The object that bytes of JSON begin with. NaN and Infinity are numbers; what follows the object is not looked at.

    Raises:
      ApiError: it is no object, or is nested deeper than MAX_DEPTH.
    """
    try:
        text = data.decode('utf-8').lstrip()
    except UnicodeDecodeError:
        raise invalid('JSON Parse error: Invalid encoding in string.')
    if not text:
        raise invalid('JSON Parse error: The document is empty')
    _check_depth(text)
    try:
        value, _ = json.JSONDecoder(parse_int=_whole_number).raw_decode(text)
    except ValueError as error:
        raise invalid('JSON Parse error: Invalid value. at offset: %s', getattr(error, 'pos', 0))
    if not isinstance(value, dict):
        raise invalid('JSON Value: %s Is not object', beginning(value))
    return value


def _check_depth(text):
    """Raise ApiError for deep nesting, before a parser meets it on its own stack."""
    depth, in_string = 0, False
    for match in _TOKENS.finditer(text):
        token = match.group()
        if token == '"':
            in_string = not in_string
        elif not in_string:
            depth += _DEPTHS.get(token, 0)
            if depth > MAX_DEPTH:
                raise invalid('JSON Parse error: more than %s lists or objects within each other.', MAX_DEPTH)
            if depth <= 0:
                return


def _whole_number(digits):
    """A number too long for 64 bits becomes a float, as in TensorFlow Serving: reading all its digits takes quadratic time."""
    return int(digits) if len(digits) <= _DIGITS + 1 else float(digits)


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
