"""Tables as plain text, for terminals and text files: the first column to the left, the others to the right."""


def align(rows):
    """Lines of rows of cells, as many cells in each row. A cell is shown as `str` gives it."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ['  '.join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip()
            for row in cells]


def table(head, rows, foot=()):
    """Text of a table: the row of headings, a rule, the rows, and the rows of `foot` below another rule."""
    rows, foot = list(rows), list(foot)
    lines = align([head] + rows + foot)
    rule = '-' * max(map(len, lines))
    below = [rule] + lines[1 + len(rows):] if foot else []
    return '\n'.join([lines[0], rule] + lines[1:1 + len(rows)] + below)


def millions(count):
    """A count in millions, as text."""
    return '%.3f' % (count / 1e6)
