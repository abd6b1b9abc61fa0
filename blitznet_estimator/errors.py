"""The exceptions whose text is written for the user, and how their messages name what is known."""
import difflib
import re

SHOWN = 100  # known names in a message
# What the system, TensorFlow and numpy say where a disk, a quota or a file's limit takes no more. The last two give no number of an error
DISK_IS_FULL = re.compile(r'No space left on device|Disk quota exceeded|File too large|\d+ requested and \d+ written')


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where (file, record, flag) and what to do.

    `main.py` and the tools print it as one sentence, without a traceback, and exit with 2.
    """


class NonFiniteLoss(UserError):
    """A loss of training that is not finite, or weights that are not. what: a sentence. step: the global step after it."""

    ADVICE = ('Lower --learning_rate or begin with --warmup_step; check the records with tools.prepare_data --verify. Where it is so from the '
              'first step on, the checkpoint that training started from is spoilt: remove it.')

    def __init__(self, what, step):
        super().__init__('%s %s' % (what, self.ADVICE))
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
