"""Text files of others, whose faults are told to the user."""
from blitznet_estimator.errors import UserError


def read(path, what=''):
    """The text of a file in UTF-8, with or without a byte order mark; UserError where it cannot be read. what: the file is, as "The list"."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            return file.read()
    except (OSError, ValueError) as error:  # a ValueError is of bytes that are no UTF-8, or of a name that no file can have
        where = '%s %s' % (what, path) if what else path
        raise UserError('%s cannot be read (%s).' % (where, getattr(error, 'strerror', None) or error))


def lines(path, what=''):
    """The lines of a file, without the space around them; those that are empty do not count. As `read`."""
    return [line.strip() for line in read(path, what).split('\n') if line.strip()]
