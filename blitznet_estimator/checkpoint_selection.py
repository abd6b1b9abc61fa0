"""Selections of checkpoints by their steps: all, last, 5000, 5000..40000 (all that lie there), 5000..40000:5000 (every 5000th)."""
import re

from blitznet_estimator.errors import UserError

FORMS = 'all, last, STEP, FIRST..LAST and FIRST..LAST:EVERY'
_RANGE = re.compile(r'(\d+)(?:\.\.(\d+)(?::(\d+))?)?$')


def check(text):
    """UserError unless `text` is a selection, or several with commas between."""
    for part in text.split(','):
        found = _RANGE.match(part)
        if part not in ('all', 'last') and not found:
            raise UserError('--checkpoints=%s: "%s" is none of %s.' % (text, part, FORMS))
        if found and found.group(2) and int(found.group(2)) < int(found.group(1)):
            raise UserError('--checkpoints=%s: the range %s ends before it begins.' % (text, part))
        if found and found.group(3) and not int(found.group(3)):
            raise UserError('--checkpoints=%s: the steps of the range %s are 0 apart.' % (text, part))


def select(text, steps):
    """(chosen, missing): the steps that a checked selection takes of those there are, and those it names that are not there; sorted.

    steps: of the checkpoints there are.
    """
    there, named = set(steps), set()
    for part in text.split(','):
        named |= _named(part, there)
    return sorted(named & there), sorted(named - there)


def _named(part, there):
    """Set of the steps that one part names."""
    if part in ('all', 'last'):
        return there if part == 'all' else {max(there)} if there else set()
    first, last, every = _RANGE.match(part).groups()
    if last is None:
        return {int(first)}
    if every is None:
        return {step for step in there if int(first) <= step <= int(last)}
    return set(range(int(first), int(last) + 1, int(every)))
