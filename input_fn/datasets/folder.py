"""The dataset `folder`: any directory in VOC layout with a `classes.txt`, given by --data_dir.

A split is prepared when it is first asked for, and anew when its list or one of its files has changed.
Examples are in the order of the list.
"""
import os
import re

from blitznet_estimator.errors import UserError
from input_fn.datasets import voc_layout
from input_fn.datasets.names import read_class_file
from input_fn.datasets.plan import Plan, SplitPlan
from input_fn.datasets.prepared import fingerprint, open_plan, unique_name
from input_fn.datasets.source import named_for


def class_names(data_config):
    """Names in the directory's classes.txt."""
    return read_class_file(os.path.join(_root(data_config), 'classes.txt'))


def split_names(data_config):
    """Names of the directory's lists."""
    names = tuple(voc_layout.split_lists(_root(data_config)))
    if not names:
        raise UserError('%s has no list of images: write ImageSets/Main/train.txt and val.txt, one image name per line.'
                        % _root(data_config))
    return names


def default_split(data_config, role):
    """The split for 'train' or 'eval'."""
    return named_for(role, split_names(data_config))


def open_split(data_config, split):
    """The Source of a split."""
    plan, key = _plan(data_config, split)
    return open_plan(data_config, plan, key)


def _plan(data_config, split):
    """(Plan, the split's name in it)."""
    root, names = _root(data_config), data_config.class_names
    named_in = voc_layout.split_lists(root)[split]
    files = voc_layout.listed_files(root, named_in)
    key = re.sub(r'\W', '_', split)
    place = unique_name(root, names, data_config.on_bad_record)
    state = fingerprint([named_in] + voc_layout.paths_of(files))

    def splits():
        return {key: SplitPlan(files, lambda item: voc_layout.make_example(item, names), data_config.on_bad_record)}

    return Plan('folder', '%s-%s-%s' % (place, key, state), tuple(names), splits), key


def _root(data_config):
    if not os.path.isdir(os.path.join(data_config.data_dir, 'JPEGImages')):
        raise UserError('--data_dir=%s is not a directory in VOC layout: it has no folder JPEGImages.' % data_config.data_dir)
    return data_config.data_dir
