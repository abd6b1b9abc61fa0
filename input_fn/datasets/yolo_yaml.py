"""The `data.yaml` of a dataset in YOLO layout: the names of its classes, and where the images of its splits are.

    path: ../pets            the root; the file's own folder where it is absent or not on this machine
    train: images/train      a folder, a list file, or several of them; also val and test, each within the root
    names: [cat, dog]        or {0: cat, 1: dog}

Others write these files, so that every field is checked. A wrong one is a UserError that names file and field.
"""
import collections
import glob
import os
from reprlib import repr as shown  # short, also of what refers to itself a thousand times

from blitznet_estimator import yaml_files
from blitznet_estimator.errors import UserError
from input_fn.datasets.names import MOST_CLASSES, check_names, numbered_names

SPLITS = ('train', 'val', 'test')
_SYNONYMS = {'valid': 'val', 'validation': 'val'}  # of keys
_NAMES = ('data.yaml', 'data.yml', 'dataset.yaml', 'dataset.yml')

# root: the folder that the entries are in. entries: {split: tuple of what it lists}. class_names: without background.
Layout = collections.namedtuple('Layout', 'path root class_names entries')


def find(data_dir):
    """The path of the data.yaml of --data_dir, which may be the file itself; None where there is none.

    Without a file of the usual name it is the only YAML file of the folder.
    """
    if os.path.isfile(data_dir):
        return data_dir if data_dir.lower().endswith(('.yaml', '.yml')) else None
    usual = [os.path.join(data_dir, name) for name in _NAMES if os.path.isfile(os.path.join(data_dir, name))]
    others = sorted(glob.glob(os.path.join(glob.escape(data_dir), '*.y*ml')))
    return usual[0] if usual else others[0] if len(others) == 1 else None


def read(path):
    """The Layout that a data.yaml describes."""
    content = _load(path)
    if 'kpt_shape' in content:
        raise UserError('%s: "kpt_shape" says that the labels are key points, which are not read: export boxes or polygons.' % path)
    entries = {}
    for key, value in content.items():
        split = _SYNONYMS.get(key, key)
        if split in SPLITS and value is not None and value != '' and value != []:
            if split in entries:
                raise UserError('%s: "%s" names the split %s a second time: take one of them away.' % (path, key, split))
            entries[split] = _entries(value, '%s: "%s"' % (path, key))
    return Layout(path, _root(content, path), _class_names(content, path), entries)


def _load(path):
    try:
        with open(path, encoding='utf-8-sig') as file:
            content = yaml_files.parse(file.read(), path)
    except (OSError, ValueError) as error:
        raise UserError('%s cannot be read (%s).' % (path, error))
    if not isinstance(content, dict):
        raise UserError('%s: not the data.yaml of a dataset: it must hold fields such as "train" and "names".' % path)
    return content


def _entries(value, where):
    found = value if isinstance(value, list) else [value]
    for entry in found:
        if not isinstance(entry, str) or not entry.strip() or '\0' in entry:
            raise UserError('%s is %s; it must be a folder, a list file, or a list of them.' % (where, shown(entry)))
    return tuple(entry.strip().replace('\\', '/') for entry in found)


def _root(content, path):
    """The folder of `path` in a file, where it is on this machine, else the file's own."""
    own, stated = os.path.dirname(path) or '.', content.get('path')
    if stated is None:
        return own
    if not isinstance(stated, str) or '\0' in stated:
        raise UserError('%s: "path" is %s; it must be a folder.' % (path, shown(stated)))
    folder = os.path.join(own, os.path.expanduser(stated.strip().replace('\\', '/')))
    return os.path.normpath(folder) if os.path.isdir(folder) else own


def _class_names(content, path):
    count, names = content.get('nc'), content.get('names')
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_CLASSES):
        raise UserError('%s: "nc" is %s; it must be the number of classes, 1 to %d.' % (path, shown(count), MOST_CLASSES))
    if names is None:
        if count is None:
            raise UserError('%s has no "names", the names of the classes.' % path)
        return numbered_names(count + 1)
    listed = _listed(names, path)
    for i, name in enumerate(listed):
        if not isinstance(name, (str, int, float)) or isinstance(name, bool) or not str(name).strip():
            raise UserError('%s: "names" holds %s for the class %d; a name is a text. Write it in quotes.' % (path, shown(name), i))
    found = tuple(str(name).strip() for name in listed)
    check_names(found, path)
    if count not in (None, len(found)):
        raise UserError('%s: "nc" says %d classes, but "names" has %d.' % (path, count, len(found)))
    return found


def _listed(names, path):
    """The names of a list, or of a mapping from 0 up, in their order."""
    if isinstance(names, dict):
        numbers = {_number(key): name for key, name in names.items()}
        if len(numbers) < len(names) or sorted(number for number in numbers if number is not None) != list(range(len(names))):
            raise UserError('%s: the keys of "names" are %s; they must be the numbers 0 to %d.'
                            % (path, ', '.join(map(shown, list(names)[:5])), len(names) - 1))
        return [numbers[i] for i in range(len(names))]
    if not isinstance(names, list):
        raise UserError('%s: "names" is %s; it must be a list of names, or a mapping from their numbers.' % (path, shown(names)))
    return names


def _number(key):
    """A class's number of a mapping's key, None where it is none."""
    if isinstance(key, str):
        return int(key) if key.isdecimal() and len(key) < 9 else None
    return key if isinstance(key, int) and not isinstance(key, bool) else None
