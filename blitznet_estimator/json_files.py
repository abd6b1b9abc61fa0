"""JSON files: those of others, whose faults are told to the user, and the project's own; and fields of them, as messages show them."""
import json
import math
import os
import reprlib

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import warn_once


def read(path, what=''):
    """The content of a JSON file; UserError where it cannot be read. what: the file is, for the message."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        where = '%s, %s' % (path, what) if what else path
        raise UserError('%s: not a readable JSON file (%s).' % (where, getattr(error, 'strerror', None) or error))


def read_own(path):
    """The content of a file that this project keeps for itself; None where there is none, or it is damaged, with a warning."""
    try:
        return read(path) if os.path.lexists(path) else None
    except UserError as error:
        warn_once('%s It is left out.' % error)
        return None


def leave_out(path, what):
    """A warning that a file of this project is JSON, but does not hold what it should."""
    warn_once('%s holds no %s. It is left out.' % (path, what))


def read_object(path):
    """The object {...} of a JSON file; UserError where it is none."""
    content = read(path)
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
