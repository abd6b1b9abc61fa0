"""The images that a user names for prediction, and the names of what is made of each."""
import glob
import os
from urllib.parse import unquote

from blitznet_estimator import urls
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.evaluation.image_names import IMAGE_ENDINGS, RESERVED
from blitznet_estimator.logs import log

SHOWN = 10  # names in a message


def is_url(path):
    """Whether a path is one of the web."""
    return path.startswith(('http://', 'https://'))


def find(patterns, flag='--input='):
    """Paths of the images that files, folders, globs and URLs name, each once, in the order given.

    A folder stands for the images in it, not below it; what else is there is named in a warning. A glob may hold `**`. Raises UserError for
    one that names nothing. flag: what names them, for the message.
    """
    paths = [path for pattern in patterns for path in _expand(pattern, flag)]
    return list(dict.fromkeys(paths))


def _expand(pattern, flag):
    if os.path.isfile(pattern) or is_url(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        there = [os.path.join(pattern, name) for name in os.listdir(pattern) if not name.startswith('.')]
        found = _images_of(there)
        _name_others(pattern, set(filter(os.path.isfile, there)) - set(found))
        wanted = 'no image in this folder (%s)' % ' '.join(IMAGE_ENDINGS)
    else:
        found = _images_of(glob.glob(pattern, recursive=True))
        wanted = 'no such file, folder or image'
    if not found:
        raise UserError('%s%s: %s.' % (flag, pattern, wanted))
    return found


def _images_of(paths):
    return sorted(path for path in paths if os.path.splitext(path)[1].lower() in IMAGE_ENDINGS and os.path.isfile(path))


def _name_others(folder, paths):
    """Say which files of a folder are no images that can be read."""
    if paths:
        log.warning('Not predicted, as only %s are: %s of %s.', ' '.join(IMAGE_ENDINGS), listed(sorted(map(os.path.basename, paths)), SHOWN), folder)


def unique_stems(paths):
    """A name for each path: its file name without extension, with a number where another image has it already."""
    plain = [unquote(urls.parts(path).path) if is_url(path) else path for path in paths]
    return unique([os.path.splitext(os.path.basename(path))[0] or 'image' for path in plain])


def unique(stems):
    """Each of `stems`, with a number where it is taken: by one before it, or RESERVED.

    Names that differ in case alone count as the same, as some file systems take them.
    """
    taken, names = set(RESERVED), []
    for stem in stems:
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = '%s_%d' % (stem, number)
        taken.add(name.lower())
        names.append(name)
    return names


def refuse_overwriting(path, folder, inputs):
    """UserError where a file in --output_dir=`folder` would take the place of one of `inputs`, a set of real paths."""
    if os.path.realpath(path) in inputs:
        raise UserError('--output_dir=%s is the folder of %s, which would be written over: name another.' % (folder, path))
