"""The name by which an image is known in files of predictions: its path in the dataset, such as cam0/0001.jpg.

The file name alone is no identity: several folders may have an image of one file name.
"""
import os
import re

RESERVED = ('classes',)  # stems that no image gets: labels/classes.txt of mode predict holds the names of the classes
IMAGE_ENDINGS = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')  # of the files that are read, in any case
_EXTENSIONS = IMAGE_ENDINGS + ('.gif',)  # that are no part of an image's name


def as_path(name):
    """A name as a path within a folder, with slashes: without a drive, a root and steps upwards, so that its file is where it is looked for."""
    parts = re.split(r'[/\\]', re.sub(r'[\x00-\x1f]', '_', name))
    return '/'.join(part for part in parts if part not in ('', '.', '..') and not re.fullmatch('[A-Za-z]:', part))


def image_name(sample):
    """The name of a sample; its number where its record holds none."""
    return as_path(sample.filename) or '%012d' % sample.source_id


def stem(name):
    """A name without the extension of an image."""
    base, extension = os.path.splitext(name)
    return base if extension.lower() in _EXTENSIONS else name


def numbered_stem(sample):
    """The stem of an image whose plain one another image has already."""
    return '%s#%d' % (stem(image_name(sample)), sample.source_id)


def are_one(name, other):
    """Whether two names may be of one image: without extensions, one is the end of the other, as some files leave out outer folders."""
    shorter, longer = sorted((stem(name), stem(other)), key=len)
    return longer == shorter or longer.endswith('/' + shorter)


class Stems:
    """Stems of images, one for each: an image whose stem is taken, as a.png beside a.jpg, gets a numbered one."""

    def __init__(self):
        self._taken = set(RESERVED)  # in lower case: some file systems do not tell cases apart

    def of(self, sample):
        """The stem of the next sample."""
        plain = stem(image_name(sample))
        chosen = numbered_stem(sample) if plain.lower() in self._taken else plain
        self._taken.add(chosen.lower())
        return chosen
