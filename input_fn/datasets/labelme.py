"""The dataset `labelme`: a JSON file of LabelMe per image, with the image embedded or beside it.

Polygons, circles and masks give boxes and paint the mask, in the order of the file. So do rectangles where there are such shapes in the split;
a split of rectangles alone is for detection. A shape of the label `__ignore__` is no label (255), one of `_background_` is background.
"""
import base64
import collections
import functools
import os

from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.evaluation.image_names import IMAGE_ENDINGS
from blitznet_estimator.json_files import is_number, read_object, shown
from input_fn.datasets import labelled, labelme_shapes, unlisted
from input_fn.datasets.folders import below
from input_fn.datasets.images import standard_image
from input_fn.datasets.names import check_names, read_class_file
from input_fn.datasets.plan import SplitPlan
from input_fn.datasets.prepared import fingerprint, open_files

_SPECIAL = {'__ignore__': 255, '_background_': 0}  # label: its value in a mask
_CLASS_FILES = ('labels.txt', 'classes.txt')


def class_names(data_config):
    """Names in labels.txt, without LabelMe's own two; without that file, all labels of all files by the alphabet."""
    root = data_config.data_dir
    for name in _CLASS_FILES:
        if os.path.isfile(os.path.join(root, name)):
            return read_class_file(os.path.join(root, name), without=tuple(_SPECIAL))
    paths = _below(root)
    names = tuple(sorted(_labels(tuple(paths), fingerprint(paths))))
    check_names(names, root)
    return names


def split_names(data_config):
    """The folders train, val and test where the files lie in them; else train and val, by a hash of each name."""
    root = data_config.data_dir
    return unlisted.split_names([_name(path, root) for path in _below(root)])


def open_split(data_config, split):
    """The Source of a split."""
    root, names = data_config.data_dir, tuple(data_config.class_names)
    every, images = _below(root), below(root, IMAGE_ENDINGS)
    paths = _of_split(every, root, split)

    def make_plan():
        outlined = _summary(paths).outlined
        plan = SplitPlan(paths, lambda path: _make_example(path, _name(path, root), names, outlined), data_config.on_bad_record)
        unlabelled = _unlabelled(images, every)
        plan.notes.add({'pictures left out that have no JSON file of their name; the first: %s' % (unlabelled or [''])[0]: len(unlabelled)})
        return plan

    return open_files(data_config, 'labelme', root, split, paths + images, make_plan)


def _below(folder):
    paths = below(folder, ('.json',))
    if not paths:
        raise UserError('--data_dir: %s has no JSON file of LabelMe.' % folder)
    return paths


def _of_split(paths, root, split):
    """Those of the JSON files that a split has."""
    names = [_name(path, root) for path in paths]
    chosen = unlisted.part(names, split, root)
    return [path for path, name in zip(paths, names) if name in chosen]


def _name(path, root):
    """A file's path in the dataset, without its ending."""
    return os.path.splitext(os.path.relpath(path, root))[0].replace(os.sep, '/')


Summary = collections.namedtuple('Summary', 'labels outlined')  # of files: the set of their classes; whether there is more than rectangles


@functools.lru_cache(maxsize=8)
def _labels(paths, state):
    """The classes of files in a `state`, their fingerprint."""
    del state  # which only tells apart what is kept
    return _summary(paths).labels


def _summary(paths):
    """The Summary of files. What is wrong with one is said when its image is made."""
    labels, outlined = set(), False
    for path in paths:
        try:
            shapes = [shape for shape in labelme_shapes.read(read_object(path), path) if shape.label not in _SPECIAL]
        except UserError:
            continue
        labels.update(shape.label for shape in shapes)
        outlined = outlined or any(shape.kind != labelme_shapes.RECTANGLE for shape in shapes)
    return Summary(frozenset(labels), outlined)


def _unlabelled(images, paths):
    """Those of the images that have no JSON file of their name, and that none of the JSON files names."""
    used = {_named_image(path) for path in paths}
    return [path for path in images if not os.path.isfile(os.path.splitext(path)[0] + '.json') and os.path.normpath(path) not in used]


def _named_image(path):
    """The image that a JSON file names, None where it holds its own or cannot be read, which is said when its image is made."""
    try:
        return _image_path(read_object(path), path)
    except UserError:
        return None


def _make_example(path, name, names, outlined):
    """(Example, notes) of a JSON file."""
    content = read_object(path)
    picture = _picture(content, path, name)
    return labelled.make_example(picture, _objects(labelme_shapes.read(content, path), picture, names, outlined), outlined)


def _objects(shapes, picture, names, outlined):
    """Yield an Object for each shape; the first of those that `group_id` joins has the box of all."""
    objects = collections.defaultdict(list)
    keys = [(i if shape.group is None else '', shape.label, shape.group) for i, shape in enumerate(shapes)]
    for key, shape in zip(keys, shapes):
        objects[key].append(shape)
    for key, shape in zip(keys, shapes):
        parts = objects[key]
        has_box = shape.label not in _SPECIAL and parts[0] is shape
        yield labelled.Object(
            _value(shape, names), labelme_shapes.box(parts, picture.height, picture.width) if has_box else None,
            labelme_shapes.pixels(shape, picture.height, picture.width) if outlined else None)


def _value(shape, names):
    """The value of a shape's pixels."""
    if shape.label in _SPECIAL:
        return _SPECIAL[shape.label]
    if shape.label not in names:
        raise UserError('%s: the label %r is not in the class list. %s' % (shape.where, shape.label, nearest(shape.label, names)))
    return 1 + names.index(shape.label)


def _picture(content, path, name):
    """The Picture of a file's content; UserError where it is of another size than the file says."""
    stated, data = content.get('imagePath'), content.get('imageData')
    ending = os.path.splitext(stated)[1] if isinstance(stated, str) else ''
    if data is None:
        picture = labelled.read_picture(_image_path(content, path), name + ending)
    else:
        where = '%s: "imageData"' % path
        picture = labelled.Picture(*standard_image(_decoded(data, where), where), name + ending)
    for side in ('height', 'width'):
        field, pixels = 'image%s' % side.capitalize(), getattr(picture, side)
        value = content.get(field)
        if value is not None and (not is_number(value) or value != pixels):
            raise UserError('%s: "%s" is %s, but the upright image has %d x %d pixels (width x height).'
                            % (path, field, shown(content, field), picture.width, picture.height))
    return picture


def _decoded(data, where):
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError):
        raise UserError('%s is no image in base64.' % where)


def _image_path(content, path):
    """The image that a file names: from its folder, or, where it was made on another machine, in its folder."""
    stated = content.get('imagePath')
    if not isinstance(stated, str) or not stated.strip() or '\0' in stated:
        raise UserError('%s: "imagePath" is %s; it must name the image, or "imageData" must hold it.' % (path, shown(content, 'imagePath')))
    inner = stated.strip().replace('\\', '/')
    choices = [os.path.join(os.path.dirname(path), name) for name in (inner, os.path.basename(inner))]
    return os.path.normpath(next((choice for choice in choices if os.path.isfile(choice)), choices[0]))
