"""JSON files: those of others, whose faults are told to the user, and the project's own; and fields of them, as messages show them."""
import json
import math
import os
import reprlib

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import warn_once

ERRORS = ValueError, RecursionError  # what Python's reader of JSON raises


def read(path, what=''):
    """The content of a JSON file; UserError where it cannot be read. what: the file is, for the message."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            return json.load(file)
    except (OSError,) + ERRORS as error:
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


def read_fields(path, what, **kinds):
    """The object of a JSON file that this project wrote, whose fields are of these kinds, types of Python; UserError where it is none.

    what: the file is, for the message.
    """
    content = read(path, what)
    check_fields(content, '%s, %s' % (path, what), **kinds)
    return content


def check_fields(fields, where, **kinds):
    """UserError that begins with `where` unless a value of JSON is an object whose fields are of these kinds, types of Python."""
    if not isinstance(fields, dict):
        raise UserError('%s: not an object {...}.' % where)
    for name, kind in kinds.items():
        if name not in fields or not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise UserError('%s: "%s" is %s, which this project does not write: make the file anew.' % (where, name, shown(fields, name)))


def shown(fields, name):
    """A field's value for a message, short; 'missing' where it is not there."""
    return reprlib.repr(fields[name]) if name in fields else 'missing'


def is_list_of(kind, value):
    """Whether a value of JSON is a list of values of a kind, str, int or dict; truth values are no numbers."""
    return isinstance(value, list) and all(isinstance(one, kind) and not isinstance(one, bool) for one in value)


def texts(fields, name, where):
    """The list of texts in a field, [] where it is absent; UserError that begins with `where`, such as the path of the file."""
    if not is_list_of(str, fields.get(name, [])):
        raise UserError('%s: "%s" is %s; it must be a list of texts.' % (where, name, shown(fields, name)))
    return fields.get(name, [])


def is_number(value):
    """Whether a value of JSON is a finite number, one that a float can hold."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # of an integer of over 308 digits
        return False
