"""CSV files that may have been cut or damaged: what is whole of them."""
import csv
import os

from blitznet_estimator.logs import warn_once


def read_rows(path):
    """[{column: text, None where a row is too short}] of a file with a heading; none where there is no file.

    It ends where the text is no table any more, with a warning.
    """
    if not os.path.isfile(path):
        return []
    with open(path, newline='', encoding='utf-8', errors='replace') as file:
        return list(_rows(csv.DictReader(file.read().replace('\0', '').splitlines()), path))


def _rows(reader, path):
    try:
        for row in reader:
            yield {name: text for name, text in row.items() if name}
    except csv.Error as error:
        warn_once('%s is damaged after line %d (%s). Its end is left out.' % (path, reader.line_num, error))
