"""The datasets of `datumaro`: every format that the package datumaro reads, by boxes, polygons and masks of its annotations.

A box, a polygon and a mask of one instance give boxes; polygons and masks paint the mask, by their z_order and then their ids. A mask
of a whole class only paints. What is prepared carries its names, so that training needs no datumaro: prepare with a newer Python, train on any.
"""
import collections
import contextvars
import functools
import glob
import os
import reprlib

import numpy as np

from blitznet_estimator.dataset_names import DATUMARO
from blitznet_estimator.errors import UserError, nearest
from blitznet_estimator.json_files import read_object
from input_fn.datasets import coco_outlines, labelled, unlisted
from input_fn.datasets.folders import below, read_bytes
from input_fn.datasets.images import encode_png, standard_image
from input_fn.datasets.names import check_names, is_background
from input_fn.datasets.plan import VERSION, Plan, SplitPlan
from input_fn.datasets.prepared import fingerprint, is_prepared, open_plan, prepared_labels, prepared_root, shard_lengths, unique_name

_WITHOUT_LABEL = {'ignored', 'ignore', '__ignore__', 'unlabeled', 'unlabelled', 'void'}  # names in lower case; their pixels are 255
_PANOPTIC = 'coco_panoptic'  # the format whose categories say which are things
_NO_SUBSET = 'default'  # datumaro's name of what is in no split

# subsets: {name: its items, by their ids}. kinds: those of `_kind` that there are. values: {label of datumaro's: pixels' value}.
# things: labels that give boxes, None where all do. context: which datumaro's settings are in.
Content = collections.namedtuple('Content', 'subsets kinds class_names values things context')


def class_names(data_config):
    """Names of the format's labels, without those of background and of pixels without a label."""
    return _class_names(data_config, _place(data_config))


def _class_names(data_config, place):
    folder = _prepared(place)
    if folder:
        return prepared_labels(folder)
    return _content(data_config, place).class_names


def split_names(data_config):
    """The format's subsets; where it has none, train and val."""
    place = _place(data_config)
    folder = _prepared(place)
    return tuple(shard_lengths(folder) if folder else _splits(_content(data_config, place), data_config.data_dir))


def open_split(data_config, split):
    """The Source of a split; all splits are prepared at once."""
    place = _place(data_config)
    names = _class_names(data_config, place)
    if tuple(data_config.class_names) != names:
        raise UserError('--dataset=%s has the classes %s: leave --class_file out.' % (data_config.dataset, ', '.join(names)))
    plan = Plan('datumaro_formats', os.path.basename(place), names, lambda: _plans(data_config, _content(data_config, place)))
    return open_plan(data_config, plan, split)


def _format(data_config):
    return data_config.dataset[len(DATUMARO):]


def _place(data_config):
    """The folder of the prepared dataset, named after the format and the state of all files of --data_dir, each of which is looked at for it."""
    root = data_config.data_dir
    name = '%s-%s' % (_format(data_config), unique_name(root, data_config.on_bad_record))
    base = os.path.join(prepared_root(data_config), 'datumaro_formats', name)
    if os.path.isdir(root):
        return '%s-%s' % (base, fingerprint(below(root, ('',))))
    return max(glob.glob(glob.escape(base) + '-*'), key=os.path.getmtime, default=base)  # its files are on another machine


def _prepared(place):
    folder = os.path.join(place, VERSION)
    return folder if is_prepared(folder) else None


def _content(data_config, place):
    return _imported(_format(data_config), data_config.data_dir, place)


@functools.lru_cache(maxsize=2)
def _imported(name, root, state):
    """The Content of a folder in a format, as datumaro reads it; `state` only tells apart what is kept."""
    del state
    try:
        import datumaro
    except ImportError:
        raise UserError('--dataset=%s%s needs the package datumaro: pip install -r requirements-data.txt with Python 3.11 or newer. '
                        'What is prepared there is trained on without it.' % (DATUMARO, name))
    known = sorted(datumaro.Environment().importers)
    if name not in known:
        raise UserError('--dataset=%s%s: datumaro has no such format. %s' % (DATUMARO, name, nearest(name, known)))
    try:
        dataset = datumaro.Dataset.import_from(root, name)
        labels = dataset.categories().get(datumaro.AnnotationType.label)
        subsets, kinds = _gathered(dataset)
    except Exception as error:  # whatever a reader of datumaro's raises
        raise UserError('--data_dir=%s cannot be read as %s by datumaro (%s: %s).' % (root, name, type(error).__name__, _line(error)))
    names = [label.name for label in labels or ()]
    classes = tuple(one for one in names if one.lower() not in _WITHOUT_LABEL and not is_background(one))
    check_names(classes, '--data_dir=%s' % root)
    values = {i: 255 if one.lower() in _WITHOUT_LABEL else 0 if is_background(one) else 1 + classes.index(one) for i, one in enumerate(names)}
    return Content(subsets, kinds, classes, values, _things(root, names) if name == _PANOPTIC else None, contextvars.copy_context())


def _gathered(items):
    """({subset: its items, by their ids}, the set of the kinds of their annotations)."""
    subsets, kinds = collections.defaultdict(list), set()
    for item in items:
        subsets[item.subset].append(item)
        kinds.update(map(_kind, item.annotations))
    return {name: sorted(subsets[name], key=lambda item: item.id) for name in sorted(subsets)}, kinds


def _line(error):
    return ' '.join(str(error).split())[:300]


def _things(root, names):
    """The labels that are things by the categories of panoptic files, which datumaro leaves out."""
    things = set()
    for path in glob.glob(os.path.join(glob.escape(root), 'annotations', 'panoptic_*.json')):
        categories = read_object(path).get('categories')
        if not isinstance(categories, list) or not all(isinstance(entry, dict) for entry in categories):
            raise UserError('%s: "categories" is %s; it must be a list of objects {...}.' % (path, reprlib.repr(categories)))
        things.update(str(entry.get('name')) for entry in categories if entry.get('isthing') == 1)
    return {i for i, name in enumerate(names) if name in things}


def _splits(content, root):
    """{split: its items, by their ids}. Items of no subset are split as `unlisted` does."""
    if set(content.subsets) != {_NO_SUBSET}:
        return content.subsets
    items = {item.id: item for item in content.subsets[_NO_SUBSET]}
    return {split: [items[name] for name in sorted(unlisted.part(items, split, root))] for split in sorted(unlisted.split_names(items))}


def _plans(data_config, content):
    root = data_config.data_dir
    outlined = bool(content.kinds & {'polygon', 'mask', 'instance'})
    has_boxes = bool(content.kinds & {'bbox', 'polygon', 'instance'})
    if not outlined and not has_boxes:
        raise UserError('--data_dir=%s: what datumaro reads has neither boxes nor polygons nor masks.' % root)

    def make(item):
        return content.context.copy().run(_make_example, item, content, root, outlined, has_boxes)  # in a thread, which has settings of its own

    return {split: SplitPlan(items, make, data_config.on_bad_record)
            for split, items in _splits(content, root).items()}


def _kind(ann):
    """'bbox', 'polygon', 'instance' (the mask of one object), 'mask' (of a class), or '' for what is not read."""
    name = ann.type.name
    if name != 'mask':
        return name if name in ('bbox', 'polygon') else ''
    return 'instance' if ann.group or 'is_crowd' in ann.attributes else 'mask'


def _make_example(item, content, root, outlined, has_boxes):
    """(Example, notes) of an item of datumaro's."""
    picture = _picture(item, root)
    objects = _objects(item, content, picture.height, picture.width, outlined)
    example, notes = labelled.make_example(picture, objects, outlined, ground=0 if content.things is None else 255, has_boxes=has_boxes)
    notes['annotations left out that are neither boxes nor polygons nor masks'] += sum(not _kind(ann) for ann in item.annotations)
    return example, notes


def _picture(item, root):
    """The Picture of an item: its file's bytes as they are stored, else its pixels."""
    path = getattr(item.media, 'path', None)
    if path and os.path.isfile(path):
        return labelled.Picture(*standard_image(read_bytes(path), path, upright=False), os.path.relpath(path, root).replace(os.sep, '/'))
    pixels = getattr(item.media, 'data', None)
    if pixels is None:
        raise UserError('%s, split %s: there is no image %s.' % (item.id, item.subset, path or 'of this name'))
    pixels = np.ascontiguousarray(np.asarray(pixels)[..., :3][..., ::-1]).astype(np.uint8)
    return labelled.Picture(encode_png(pixels), pixels.shape[0], pixels.shape[1], item.id)


def _objects(item, content, height, width, outlined):
    """Yield a labelled.Object for each annotation; the first polygon of a group and label has the box of all."""
    where = '%s, split %s' % (item.id, item.subset)
    annotations = sorted(filter(_kind, item.annotations), key=lambda ann: (getattr(ann, 'z_order', 0), ann.id))  # datumaro turns a file's order round
    boxed = {(ann.group, ann.label) for ann in annotations if _kind(ann) == 'bbox' and ann.group}
    parts = collections.defaultdict(list)
    for i, ann in enumerate(annotations):
        if ann.label not in content.values:
            raise UserError('%s: an annotation has the label %s, which the format does not list.' % (where, ann.label))
        parts[(ann.group, ann.label, '' if ann.group else i)].append(ann)
    for i, ann in enumerate(annotations):
        own, value = parts[(ann.group, ann.label, '' if ann.group else i)], content.values[ann.label]
        shaped = [part for part in own if _kind(part) != 'bbox']
        leads = ann is shaped[0] and (ann.group, ann.label) not in boxed if _kind(ann) != 'bbox' else True
        learns = _kind(ann) != 'mask' and value not in (0, 255) and (content.things is None or ann.label in content.things)
        pixels = _pixels(ann, height, width, where) if outlined and _kind(ann) != 'bbox' else None
        if pixels is None and shaped:  # of a box: the outlines of its group are its own
            pixels = np.zeros((height, width), bool) if outlined else None
        yield labelled.Object(value, _box(shaped or [ann], height, width, where) if leads and learns else None, pixels,
                              crowd=int(bool(ann.attributes.get('is_crowd'))), difficult=int(ann.attributes.get('difficult') is True))


def _box(annotations, height, width, where):
    boxes = np.array([_bbox(ann, height, width, where) for ann in annotations], np.float64)
    if not np.isfinite(boxes).all():
        raise UserError('%s: a box is no four numbers.' % where)
    return labelled.bounds(np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), height, width)


def _bbox(ann, height, width, where):
    """(x, y, width, height) of an annotation. That of runs is taken of our own pixels, as datumaro's decoder checks nothing."""
    if _runs(ann, where) is None:
        return ann.get_bbox()
    pixels = _pixels(ann, height, width, where)
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]) if len(rows) else (0, 0, 0, 0)


def _runs(ann, where):
    """COCO's run-length code of an annotation; None where it is no such mask."""
    try:
        return getattr(ann, 'rle', None)
    except Exception as error:  # datumaro packs what it read when it is asked for
        raise UserError('%s: a mask cannot be read by datumaro (%s: %s).' % (where, type(error).__name__, _line(error)))


def _pixels(ann, height, width, where):
    """bool [height, width] of an annotation; None where it encloses nothing."""
    if _kind(ann) == 'polygon':
        return coco_outlines.pixels([list(map(float, ann.points))], height, width, where)
    runs = _runs(ann, where)
    if runs is not None:
        return coco_outlines.pixels(runs, height, width, where)
    pixels = np.asarray(ann.image)
    if pixels.shape != (height, width):
        raise UserError('%s: a mask has %s pixels (width x height), but the image has %d x %d.'
                        % (where, ' x '.join(map(str, pixels.shape[::-1])), width, height))
    return pixels.astype(bool)
