"""Names of classes: from a class file, or made up where there are none."""
import collections

from blitznet_estimator.errors import UserError, nearest

MOST_CLASSES = 254  # a mask's byte also holds the background, 0, and "no label", 255


def read_class_file(path, without=()):
    """Class names of a text file, one per line; the line's number, from 1, is the class. Lines that are in `without` don't count."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            names = tuple(line.strip() for line in file.read().strip().splitlines() if line.strip() not in without)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError('The class file %s cannot be read (%s): write one class name per line, or name another with --class_file.'
                        % (path, getattr(error, 'strerror', None) or error))
    _check(names, path)
    return names


def _check(names, path):
    if not names or '' in names:
        raise UserError('The class file %s %s: it needs one name per line.' % (path, 'has an empty line' if names else 'is empty'))
    check_names(names, 'The class file %s' % path)


def is_background(name):
    """Whether a name means the pixels of no class: `background`, also between underscores and in any case."""
    return name.strip('_').lower() == 'background'


def check_names(names, where):
    """Raise UserError for names of no class, twice the same, or of too many, or for the background's; `where` says who names them."""
    if not names:
        raise UserError('%s names no class.' % where)
    background = [name for name in names if is_background(name)]
    if background:
        raise UserError('%s has a class %s, which stands for the pixels of no class, and is class 0 by itself: leave it out, or rename it.'
                        % (where, background[0]))
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise UserError('%s: two classes have the name %r.' % (where, twice[0]))
    check_count(names, where)


def check_count(names, where):
    """Raise UserError where there are more classes than a mask's byte can tell apart; `where` says who names them."""
    if len(names) > MOST_CLASSES:
        raise UserError('%s has %d classes; masks can hold %d.' % (where, len(names), MOST_CLASSES))


def numbered_names(num_classes):
    """Names for classes that have none, num_classes - 1 of them, as num_classes counts the background."""
    if not 2 <= num_classes <= MOST_CLASSES + 1:
        raise UserError('--num_classes=%d: with the background, there are 2 to %d.' % (num_classes, MOST_CLASSES + 1))
    return tuple('class_%d' % i for i in range(1, num_classes))


def labels_by_name(own, names, where):
    """[index into `names`] of each of a dataset's `own` class names; UserError for one that is not in `names`. `where` says who has it."""
    unknown = [name for name in own if name not in names]
    if unknown:
        raise UserError('%s has the class %r, which is not in the class list. %s' % (where, unknown[0], nearest(unknown[0], names)))
    return [names.index(name) for name in own]
