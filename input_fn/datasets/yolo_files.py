"""Which images and label files the splits of a dataset in YOLO layout have, and which files of labels belong to none of them."""
import collections
import os

from blitznet_estimator import text_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.image_names import IMAGE_ENDINGS
from input_fn.datasets import unlisted, yolo_yaml
from input_fn.datasets.folders import below
from input_fn.datasets.names import read_class_file

_CLASS_FILES = ('classes.txt', 'labels/classes.txt')  # of labelling tools, which write no data.yaml
_SUBFOLDERS = ('train', 'val', 'valid', 'test')

# name: the image's path in the dataset, with slashes; label: path, None where the image has no label file.
Files = collections.namedtuple('Files', 'name image label')


def layout(data_dir):
    """The yolo_yaml.Layout of --data_dir: of its data.yaml, else of its folder `images` (or itself) and its classes.txt."""
    path = yolo_yaml.find(data_dir)
    if path:
        return yolo_yaml.read(path)
    class_file = next((os.path.join(data_dir, name) for name in _CLASS_FILES if os.path.isfile(os.path.join(data_dir, name))), None)
    if not class_file:
        raise UserError('--data_dir=%s is not a directory in YOLO layout: it has neither a data.yaml nor a classes.txt.' % data_dir)
    images = 'images' if os.path.isdir(os.path.join(data_dir, 'images')) else ''
    found = {name: (os.path.join(images, name),) for name in _SUBFOLDERS if images and os.path.isdir(os.path.join(data_dir, images, name))}
    entries = {'val' if name == 'valid' else name: entry for name, entry in found.items()}
    return yolo_yaml.Layout(class_file, data_dir, read_class_file(class_file), entries or {'train': (images,)})


def split_names(found):
    """The splits of a Layout. Where it has none for evaluation, a tenth of `train` is."""
    names = tuple(name for name in yolo_yaml.SPLITS if name in found.entries)
    if not names:
        raise UserError('%s has neither "train" nor "val": name the images of the splits.' % found.path)
    return names if 'val' in names or names == ('test',) else tuple(sorted(names + ('val',), key=yolo_yaml.SPLITS.index))


def listed(found, split):
    """The Files of each image where those of a split are listed, in the order of the entries, those of a folder by name."""
    split = _listing(found, split)
    paths = [path for entry in found.entries[split] for path in _images(found, entry, split)]
    if not paths:
        raise UserError('%s: "%s" has no image in %s.' % (found.path, split, ', '.join(found.entries[split])))
    return [Files(_name(path, found.root), path, _label(path)) for path in paths]


def part(found, files, split):
    """Those of `listed` files that are a split's."""
    if split == 'test' or 'val' in found.entries:
        return files
    chosen = unlisted.part([item.name for item in files], split, found.path)
    return [item for item in files if item.name in chosen]


def strays(found, files, split):
    """Label files in the folders of the labels of `listed` files that belong to none of these; none where a list names the images."""
    split = _listing(found, split)
    folders = [_resolved(found, entry, split) for entry in found.entries[split]]
    if not all(map(os.path.isdir, folders)):
        return []
    used = {item.label for item in files}
    return [path for folder in folders for path in below(_label_folder(folder), ('.txt',))
            if path not in used and os.path.basename(path) != 'classes.txt']


def _listing(found, split):
    """The split whose entries list the images of a split: where there is none for evaluation, its images are among those of `train`."""
    return split if split in found.entries else 'train'


def _images(found, entry, split):
    """The images of an entry: those below a folder, or those of a list file."""
    place = _resolved(found, entry, split)
    if os.path.isdir(place):
        return below(place, IMAGE_ENDINGS)
    names = text_files.lines(place, 'The list')
    return [_listed_image(name.replace('\\', '/'), place, found.root) for name in names]


def _listed_image(name, place, root):
    """The path of an image that a list file names: from the list's folder, or from the root of the dataset."""
    choices = [os.path.normpath(os.path.join(folder, name)) for folder in (os.path.dirname(place), root)]
    return next((path for path in choices if os.path.isfile(path)), choices[0])


def _resolved(found, entry, split):
    """The path of an entry, a folder or a file. Roboflow writes `../train/images` for what is in the file's own folder."""
    inner = entry
    while inner.startswith('../'):
        inner = inner[len('../'):]
    choices = [os.path.normpath(os.path.join(folder, name))
               for name in (entry, inner) for folder in (found.root, os.path.dirname(found.path))]
    place = next((path for path in choices if os.path.exists(path)), None)
    if place is None:
        raise UserError('%s: "%s" names %s, but there is no %s.' % (found.path, split, entry, ' nor '.join(sorted(set(choices)))))
    return place


def _label(image):
    """The path of an image's label file: in the folder `labels` beside `images`, else beside the image; None where it has none."""
    beside = os.path.splitext(image)[0] + '.txt'
    return next((path for path in (_label_folder(beside), beside) if os.path.isfile(path)), None)


def _label_folder(path):
    """A path with the last of its folders called `images` called `labels`."""
    parts = path.split(os.sep)
    places = [i for i, part in enumerate(parts) if part == 'images']
    return os.sep.join(parts[:places[-1]] + ['labels'] + parts[places[-1] + 1:]) if places else path


def _name(path, root):
    inside = os.path.relpath(os.path.abspath(path), os.path.abspath(root))
    return (path if inside.startswith(os.pardir + os.sep) else inside).replace(os.sep, '/')
