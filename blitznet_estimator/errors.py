"""The exceptions whose text is written for the user, and how their messages name what is known."""
import difflib

SHOWN = 100  # known names in a message


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where (file, record, flag) and what to do.

    `main.py` and the tools print it as one sentence, without a traceback, and exit with 2.
    """


class NonFiniteLoss(UserError):
    """A loss of training that is not finite. step: the global step after it."""

    def __init__(self, message, step):
        super().__init__(message)
        self.step = step


def listed(names, most):
    """The first `most` names, and how many more there are; 'none' of none."""
    names = [str(name) for name in names]
    return (', '.join(names[:most]) or 'none') + (' and %d more' % (len(names) - most) if len(names) > most else '')


def like(name, known, least=.4):
    """The names that are like `name`, three at most, the nearest first. least: how alike they are, in [0, 1]."""
    return difflib.get_close_matches(str(name), list(known), n=3, cutoff=least)


def nearest(name, known):
    """The end of a message about an unknown name: which of the known ones are like it, and which there are (the first SHOWN of them)."""
    known = [str(one) for one in known]
    near = like(name, known)
    hint = 'Nearest: %s. ' % ', '.join(near) if near else ''
    return '%sKnown: %s.' % (hint, listed(known, SHOWN))
