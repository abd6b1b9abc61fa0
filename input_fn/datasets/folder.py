"""The dataset `folder`: any directory in VOC layout, given by --data_dir.

`classes.txt` names the classes. Where there are no masks it may be absent: then they are the names in the annotations, by the alphabet.
Without lists of splits, `unlisted` makes them of the images that have labels.
A split is prepared when it is first asked for, and anew when its list or one of its files has changed.
Examples are in the order of the list.
"""
import contextlib
import functools
import os
import re

from blitznet_estimator.errors import UserError
from input_fn.datasets import unlisted, voc_layout, voc_xml
from input_fn.datasets.folders import below
from input_fn.datasets.names import check_names, labels_by_name, read_class_file
from input_fn.datasets.plan import Plan, SplitPlan
from input_fn.datasets.prepared import fingerprint, open_plan, unique_name

CLASS_FILE = 'classes.txt'


def class_names(data_config):
    """Names in the directory's classes.txt, else those in its annotations."""
    tree = _tree(data_config)
    path = os.path.join(tree.root, CLASS_FILE)
    if os.path.isfile(path) or os.path.isdir(os.path.join(tree.root, tree.places.masks)):  # whose values are numbers of classes
        return read_class_file(path)
    annotations = tuple(below(os.path.join(tree.root, tree.places.annotations), ('.xml',)))
    names = _names_in(annotations, fingerprint(annotations))
    check_names(names, '%s has no classes.txt; the folder %s' % (tree.root, tree.places.annotations))
    return names


@functools.lru_cache(maxsize=8)
def _names_in(paths, state):
    """Sorted names of the objects of annotation files in a `state`, their fingerprint. A file that is bad is named when its image is made."""
    del state  # which only tells apart what is kept
    names = set()
    for path in paths:
        with contextlib.suppress(UserError):
            names |= voc_xml.names_in(path)
    return tuple(sorted(names))


def split_names(data_config):
    """Names of the directory's lists, or those that its folders or a hash make where it has none."""
    tree = _tree(data_config)
    return tuple(voc_layout.split_lists(tree.root)) or unlisted.split_names(voc_layout.labelled_images(tree)[0])


def open_split(data_config, split):
    """The Source of a split."""
    plan, key = _plan(data_config, split)
    return open_plan(data_config, plan, key)


def _plan(data_config, split):
    """(Plan, the split's name in it)."""
    tree, names = _tree(data_config), data_config.class_names
    named_in, image_ids, unlabelled = _listed(tree, split)
    files = voc_layout.files_of(tree, image_ids, named_in)
    key = re.sub(r'\W', '_', split)
    place = unique_name(tree.root, names, data_config.on_bad_record)
    numbers, read = _mask_numbers(tree, data_config)
    state = fingerprint(([named_in] if os.path.isfile(named_in) else []) + read + voc_layout.paths_of(files))

    def splits():
        plan = SplitPlan(files, lambda item: voc_layout.make_example(item, names, numbers), data_config.on_bad_record)
        plan.notes.add({'pictures without labels left out; the first: %s' % (unlabelled or [''])[0]: len(unlabelled)})
        plan.notes.add(_partly_labelled(files))
        return {key: plan}

    return Plan('folder', '%s-%s-%s' % (place, key, state), tuple(names), splits), key


def _partly_labelled(files):
    """{sentence: how many} of images that lack a kind of label which others of the split have: perhaps its name is spelt otherwise."""
    usable, found = [item for item in files if not item.fault], {}
    for kind, what, task in (('annotation', 'XML file', 'segmentation'), ('mask', 'mask', 'detection')):
        without = [item.name for item in usable if not getattr(item, kind)]
        if len(without) < len(usable):
            found['images have no %s, and train %s only; the first: %s' % (what, task, (without or [''])[0])] = len(without)
    return found


def _mask_numbers(tree, data_config):
    """(the classes that the values 1, 2, ... of masks stand for, the files that say so); (None, []) where both are numbered alike.

    The values are the lines of classes.txt. A model, or --class_file, may have the same names in another order, and more of them. A class file
    of as many other names calls the same lines otherwise.
    """
    path, names = os.path.join(tree.root, CLASS_FILE), tuple(data_config.class_names)
    if not os.path.isfile(path) or not os.path.isdir(os.path.join(tree.root, tree.places.masks)):
        return None, []
    try:
        own = read_class_file(path)
    except UserError:
        if data_config.class_file:  # which is there in its place
            return None, []
        raise
    are_other_words = data_config.class_file and len(own) == len(names) and not set(own) & set(names)
    if own == names or are_other_words:
        return None, []
    return [1 + label for label in labels_by_name(own, names, path)], [path]


def _listed(tree, split):
    """(what names the images of a split, their ids, names of the pictures left out as they have no labels)."""
    lists = voc_layout.split_lists(tree.root)
    if lists:
        return lists[split], voc_layout.read_list(lists[split]), []
    labelled, unlabelled = voc_layout.labelled_images(tree)
    chosen = unlisted.part(labelled, split, tree.root)
    return os.path.join(tree.root, tree.places.images), [name for name in labelled if name in chosen], unlabelled


def _tree(data_config):
    places = voc_layout.places_of(data_config.data_dir)
    if places is None:
        raise UserError('--data_dir=%s is not a directory in VOC layout: it has no folder JPEGImages, nor images with XML files.'
                        % data_config.data_dir)
    return voc_layout.Tree(data_config.data_dir, places)
