"""Help for a terminal: flags in groups, each with its meaning beside it."""
import shutil
import textwrap

_NAMES = 30  # columns for the names
_WIDEST = 120  # columns that a line takes at most: longer ones are hard to read


def format_help(introduction, groups, closing, width=None):
    """Text of a help page.

    Args:
      introduction, closing: text before and after, as it is.
      groups: [(title, [(name, text)])].
      width: columns; None takes those of the terminal.
    """
    width = min(width or shutil.get_terminal_size((100, 24)).columns or 100, _WIDEST)
    lines = [introduction.rstrip()]
    for title, entries in groups:
        lines += ['', title + ':']
        for name, text in entries:
            lines += _entry(name, text, max(width, _NAMES + 30))
    return '\n'.join(lines + ['', closing]) + '\n'


def _entry(name, text, width):
    body = textwrap.wrap(text, width - _NAMES, break_on_hyphens=False)
    first = '  ' + name
    if len(first) >= _NAMES:
        return [first] + [' ' * _NAMES + line for line in body]
    return [first.ljust(_NAMES) + body[0]] + [' ' * _NAMES + line for line in body[1:]]
