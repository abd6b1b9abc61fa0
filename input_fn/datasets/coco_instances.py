"""COCO's instance files: the images of one, and the objects of an image.

Boxes are [x, y, width, height] in pixels; instances are polygons or run-length codes. Coordinates belong to the image as it is stored.
Others write these files, so that every field is checked where it is read. A wrong one is a UserError that names file, entry and field.
"""
import collections

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.json_files import is_number, read_object, shown
from input_fn.datasets import coco_outlines, labelled
from input_fn.datasets.names import check_names, labels_by_name

# An entry of a file's images: where it stands, for errors; its fields; its instances, each with `where`; what is wrong with it, or ''.
Entry = collections.namedtuple('Entry', 'where fields instances fault')
Image = collections.namedtuple('Image', 'path name height width instances')  # name: its path in the dataset
Instance = collections.namedtuple('Instance', 'where fields')


def read_instances(path):
    """The content of an instance file, with the parts that are needed: lists of dicts. Its categories are checked."""
    content, parts = read_object(path), ('images', 'annotations', 'categories')
    missing = [part for part in parts if part not in content]
    if missing:
        raise UserError('%s: not an instance file of COCO, it has no %s.' % (path, ', '.join(missing)))
    for part in parts:
        if not isinstance(content[part], list) or not all(isinstance(entry, dict) for entry in content[part]):
            raise UserError('%s: not an instance file of COCO: its %s must be a list of objects {...}.' % (path, part))
    _check_categories(content['categories'], path)
    return content


def class_names(content, path):
    """Names of an instance file's categories, by their ids."""
    entries = [(_id(entry, 'id', path), entry['name'].strip()) for entry in content['categories']]
    names = tuple(name for _, name in sorted(entries, key=lambda entry: (isinstance(entry[0], str), entry[0])))
    check_names(names, path)
    return names


def labels_of(content, names, path):
    """{category id: index into names}, matched by name."""
    ids = [_id(entry, 'id', path) for entry in content['categories']]
    return dict(zip(ids, labels_by_name([entry['name'].strip() for entry in content['categories']], names, path)))


def _check_categories(categories, path):
    ids, names = collections.Counter(), collections.Counter()
    for i, entry in enumerate(categories):
        where = '%s, categories[%d]' % (path, i)
        names[_text(entry, 'name', where)] += 1
        ids[_id(entry, 'id', where)] += 1
    for what, counts in (('id', ids), ('name', names)):
        twice = [value for value, count in counts.items() if count > 1]
        if twice:
            raise UserError('%s: %d categories have the %s %r.' % (path, counts[twice[0]], what, twice[0]))


def image_ids(content):
    """The ids of a file's images that have one, a set: what `content_without` takes."""
    return {identity(entry.get('id')) for entry in content['images']} - {None}


def content_without(content, ids):
    """The content without the images of these ids."""
    return dict(content, images=[entry for entry in content['images'] if identity(entry.get('id')) not in ids])


def entries_of(content, path):
    """The Entries of an instance file's images, in its order, and two lists of messages: of bad and of unknown image ids of instances."""
    ids = [identity(entry.get('id')) for entry in content['images']]
    instances, bad, unknown = {key: [] for key in ids if key is not None}, [], []
    for i, fields in enumerate(content['annotations']):
        where = '%s, annotations[%d]' % (path, i)
        key = identity(fields.get('image_id'))
        if key is None:
            bad.append('%s: "image_id" is %s; it must be the id of an image.' % (where, shown(fields, 'image_id')))
        elif key not in instances:
            unknown.append('%s: there is no image of the image_id %r.' % (where, key))
        else:
            instances[key].append(Instance(where, fields))
    return list(_entries(content, path, ids, instances)), bad, unknown


def _entries(content, path, ids, instances):
    count_ids, count_names = collections.Counter(ids), collections.Counter(str(entry.get('file_name')) for entry in content['images'])
    for i, (key, fields) in enumerate(zip(ids, content['images'])):
        name, fault = str(fields.get('file_name')), ''
        if key is None:
            fault = '"id" is %s; it must be a number or a text.' % shown(fields, 'id')
        elif count_ids[key] > 1:
            fault = '%d images have the id %r, so that nobody knows of which one an instance is.' % (count_ids[key], key)
        elif count_names[name] > 1:
            fault = '%d images have the file_name %s: one image needs one entry.' % (count_names[name], name)
        yield Entry('%s, images[%d]' % (path, i), fields, instances.get(key, []), fault)


def first_file_name(content, path):
    """The file name of the first image that has one."""
    names = [entry.get('file_name') for entry in content['images']]
    first = next((name for name in names if isinstance(name, str) and name.strip()), None)
    if first is None:
        raise UserError('%s: no image has a file_name.' % path)
    return _with_slashes(first)


def open_entry(entry, folder):
    """The Image of an Entry; `folder` ends with a slash and has the images. Height and width are None where the file does not say them."""
    if entry.fault:
        raise UserError('%s: %s' % (entry.where, entry.fault))
    name = _with_slashes(_text(entry.fields, 'file_name', entry.where))
    return Image(folder + name, name, _side(entry, 'height'), _side(entry, 'width'), entry.instances)


def objects(image, labels, outlined):
    """Yield the labelled.Object of each instance of an Image, in the file's order, crowds included. outlined: whether outlines are asked for."""
    for instance in image.instances:
        label, crowd = _label(instance, labels), _flag(instance, 'iscrowd')
        x, y, width, height = _box(instance)
        box = np.array([y / image.height, x / image.width, (y + height) / image.height, (x + width) / image.width])
        outline = instance.fields.get('segmentation') if outlined else None
        yield labelled.Object(1 + label, box, coco_outlines.pixels(outline, image.height, image.width, instance.where), crowd)


def has_outlines(content):
    """Whether an instance of the file has an outline at all: a file for detection alone has none."""
    return any(not coco_outlines.is_absent(fields.get('segmentation')) for fields in content['annotations'])


def identity(value):
    """The form in which ids are compared, as tools write 7, 7.0 and "7" for one image; None for what is no id."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) < 20 and str(int(value)) == value else value or None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _id(fields, name, where):
    value = identity(fields.get(name))
    if value is None:
        raise UserError('%s: "%s" is %s; it must be a number or a text.' % (where, name, shown(fields, name)))
    return value


def _label(instance, labels):
    category = _id(instance.fields, 'category_id', instance.where)
    if category not in labels:
        raise UserError('%s: an instance has the category %s, which its file does not list.' % (instance.where, category))
    return labels[category]


def _flag(instance, name):
    """A yes/no field, 0 or 1; 0 where it is absent."""
    value = instance.fields.get(name, 0)
    if value not in (0, 1):
        raise UserError('%s: "%s" is %s; it must be 0 or 1.' % (instance.where, name, shown(instance.fields, name)))
    return int(value)


def _box(instance):
    box = instance.fields.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise UserError('%s: "bbox" is %s; it must be four numbers, x, y, width, height.' % (instance.where, shown(instance.fields, 'bbox')))
    return [float(number) for number in box]  # sums of whole numbers may be more than a float holds


def _side(entry, name):
    """Pixels of an image's side; None where the field is absent."""
    value = entry.fields.get(name)
    if value is None:
        return None
    if not is_number(value) or value != int(value) or value <= 0:
        raise UserError('%s: "%s" is %s; it must be the number of pixels.' % (entry.where, name, shown(entry.fields, name)))
    return int(value)


def _text(fields, name, where):
    if not isinstance(fields.get(name), str) or not fields[name].strip():
        raise UserError('%s: "%s" is %s; it must be a text.' % (where, name, shown(fields, name)))
    return fields[name].strip()


def _with_slashes(name):
    """A file name with the separators that are read everywhere; Windows writes others."""
    return name.strip().replace('\\', '/')
