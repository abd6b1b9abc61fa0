"""The images that a user names for prediction, and the names of what is made of each."""
import glob
import os

from blitznet_estimator.errors import UserError

EXTENSIONS = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')  # of the images in a folder


def find(patterns, flag='--input='):
    """Paths of the images that files, folders and globs name, each once, in the order given.

    A folder stands for the images in it, not below it; a glob may hold `**`. Raises UserError for one that names nothing.
    flag: what names them, for the message.
    """
    paths = [path for pattern in patterns for path in _expand(pattern, flag)]
    return list(dict.fromkeys(paths))


def _expand(pattern, flag):
    if os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        found = _images_of(os.path.join(pattern, name) for name in os.listdir(pattern))
        wanted = 'no image in this folder (%s)' % ' '.join(EXTENSIONS)
    else:
        found = _images_of(glob.glob(pattern, recursive=True))
        wanted = 'no such file, folder or image'
    if not found:
        raise UserError('%s%s: %s.' % (flag, pattern, wanted))
    return found


def _images_of(paths):
    return sorted(path for path in paths if os.path.splitext(path)[1].lower() in EXTENSIONS and os.path.isfile(path))


def unique_names(paths, endings):
    """A name for each path: its file name without extension, with a number where two would make the same file.

    endings: of the files that are made of each name. Names that differ in case alone count as the same, as some file systems take them.
    """
    taken, names = set(), []
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        name, number = stem, 1
        while any((name + ending).lower() in taken for ending in endings):
            number += 1
            name = '%s_%d' % (stem, number)
        taken.update((name + ending).lower() for ending in endings)
        names.append(name)
    return names
