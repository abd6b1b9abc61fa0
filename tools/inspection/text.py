"""Plain text: tables and large numbers."""


def table(head, rows):
    """Lines of a table: the first column to the left, the others to the right."""
    cells = [list(map(str, row)) for row in [head] + list(rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ['  '.join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]) for row in cells]
    return '\n'.join([lines[0], '-' * len(lines[0])] + lines[1:])


def millions(count):
    """A count in millions."""
    return '%.3f' % (count / 1e6)
