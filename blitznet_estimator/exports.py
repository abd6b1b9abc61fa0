"""Folders of exports: an export is a folder with a number for its name, and the largest number is the newest. TensorFlow is not needed here."""
import os
import re

FOLDER = 'export'  # of a run's exports, in its own
GRAPH = 'saved_model.pb'  # makes a folder a SavedModel
EXTRA = 'assets.extra'  # where a SavedModel keeps what belongs to it, but not to its graph
METADATA = os.path.join(EXTRA, 'metadata.json')


def numbered(folder, *holding):
    """{number: folder} of the exports in a folder that hold one of the files `holding`; none where there is no such folder."""
    return {number: path for number, path in _folders(folder).items() if _holds(path, holding)}


def next_number(folder, second):
    """The number of a new export: `second`, the time of day, or one more than the highest in the folder, where the clock was set back."""
    return max([second - 1] + list(_folders(folder))) + 1


def _folders(folder):
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {int(name): os.path.join(folder, name) for name in names if re.match(r'[0-9]+$', name)}


def newest(folder, *holding):
    """The export that `folder` is, or else the newest in it, that holds one of the files `holding`; '' where there is none."""
    if _holds(folder, holding):
        return folder
    found = numbered(folder, *holding)
    return found[max(found)] if found else ''


def _holds(folder, names):
    return any(os.path.isfile(os.path.join(folder, name)) for name in names)
