"""CSV files that may have been cut or damaged: what is whole of them."""
import csv
import os


def read_rows(path):
    """[{column: text, None where a row is too short}] of a file with a heading; none where there is no file.

    It ends where the text is no table any more.
    """
    if not os.path.isfile(path):
        return []
    with open(path, newline='', encoding='utf-8', errors='replace') as file:
        return list(_rows(file.read().replace('\0', '').splitlines()))


def _rows(lines):
    try:
        for row in csv.DictReader(lines):
            yield {name: text for name, text in row.items() if name}
    except csv.Error:
        return
