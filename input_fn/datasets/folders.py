"""Folders of pictures and labels: which files of a kind lie below one, and what is in a file."""
import glob
import os

from blitznet_estimator.errors import UserError


def below(folder, endings):
    """Sorted paths of the files below a folder that have one of the endings, which are in lower case."""
    paths = glob.iglob(os.path.join(glob.escape(folder), '**', '*'), recursive=True)
    return sorted(path for path in paths if path.lower().endswith(endings) and os.path.isfile(path))


def holding(folders, places, content):
    """The first of `places` in the first of `folders` that has `content`, a path within it; None where there is none."""
    choices = (os.path.join(folder, place) for folder in folders for place in places)
    return next((choice for choice in choices if os.path.exists(os.path.join(choice, content))), None)


def read_bytes(path):
    """Content of a file."""
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise UserError('%s cannot be read: %s.' % (path, error.strerror))
    except ValueError as error:  # of a name that no file can have
        raise UserError('%r cannot be read: %s.' % (path, error))
