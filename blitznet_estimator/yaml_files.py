"""YAML files of a user, as plain values. Nothing in them is executed."""
from blitznet_estimator.errors import UserError

LARGEST = 1 << 18  # characters: the parser takes seconds for more, and descriptions of data and of runs have a few thousand
_MOST = 1 << 20  # values and characters, where each reference counts as what it refers to


def parse(text, where):
    """The value of a text in YAML. UserError that begins with `where`, as '--config=FILE' or a path."""
    try:
        import yaml  # here, as few runs need it
    except ImportError:
        raise UserError('%s cannot be read without the package PyYAML: pip install -r requirements.txt' % where)
    if len(text) > LARGEST:
        raise UserError('%s is no readable YAML file (it has over %d characters).' % (where, LARGEST))
    try:
        value = yaml.safe_load(text)
    except Exception as error:  # PyYAML lets many of Python's own out, such as a KeyError of "!!bool maybe"
        raise UserError('%s is no readable YAML file (%s).' % (where, ' '.join(str(error).split())))
    if not _is_written_out(value):
        raise UserError('%s is no readable YAML file (its references stand for over %d values).' % (where, _MOST))
    return value


def _is_written_out(value):
    """Whether a value may be gone through: ten references to what holds ten references, and so on, stand for more than any memory holds."""
    room, pending = _MOST, [value]
    while pending and room > 0:
        one = pending.pop()
        if isinstance(one, dict):
            pending.extend(one)
            pending.extend(one.values())
        elif isinstance(one, (list, tuple, set)):
            pending.extend(one)
        room -= 1 + (len(one) if isinstance(one, (str, bytes)) else 0)
    return room > 0
