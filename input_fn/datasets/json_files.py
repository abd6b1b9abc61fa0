"""JSON files that others write: read as one object, and fields shown in messages."""
import json
import math
import reprlib

from blitznet_estimator.errors import UserError


def read_object(path):
    """The object {...} of a JSON file; UserError where it is none."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError('%s: not a readable JSON file (%s).' % (path, getattr(error, 'strerror', None) or error))
    if not isinstance(content, dict):
        raise UserError('%s: not a JSON file of an object {...}.' % path)
    return content


def shown(fields, name):
    """A field's value for a message, short; 'missing' where it is not there."""
    return reprlib.repr(fields[name]) if name in fields else 'missing'


def is_number(value):
    """Whether a value of JSON is a finite number, one that a float can hold."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # of an integer of over 308 digits
        return False
