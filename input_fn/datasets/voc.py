"""PASCAL VOC 2007 and 2012, with SBD's masks and the mixtures of the BlitzNet paper, from the official archives or their trees.

Images of the Main lists carry a mask where VOC has one, except in 2007, whose masks BlitzNet doesn't use, and in the mixtures, where only
`voc12-train-seg-aug` brings masks: they train no mask of 2012's validation set.
"""
import collections
import dataclasses
import glob
import os
import re

from blitznet_estimator.errors import UserError
from input_fn.datasets import archives, records, sbd, voc_layout
from input_fn.datasets.folders import holding
from input_fn.datasets.plan import Plan, SplitPlan
from input_fn.datasets.prepared import fingerprint, open_plan, prepared_root, unique_name
from input_fn.datasets.source import join

CLASS_NAMES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog', 'horse', 'motorbike',
    'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor')

Split = collections.namedtuple('Split', 'year list count masks')

SPLITS = {
    'voc07-trainval': Split(2007, 'Main/trainval', 5011, False),
    'voc07-test': Split(2007, 'Main/test', 4952, False),
    'voc12-train': Split(2012, 'Main/train', 5717, True),
    'voc12-val': Split(2012, 'Main/val', 5823, True),
    'voc12-trainval': Split(2012, 'Main/trainval', 11540, True),
    'voc12-train-seg': Split(2012, 'Segmentation/train', 1464, True),
    'voc12-val-seg': Split(2012, 'Segmentation/val', 1449, True),
    'voc12-train-seg-aug': Split(2012, 'SBD', 10582, True),
    'voc12-val-boxes': Split(2012, 'Main/val', 5823, False),
    'voc12-trainval-boxes': Split(2012, 'Main/trainval', 11540, False),
}
MIXTURES = {
    'voc07+12': ('voc07-trainval', 'voc12-trainval-boxes'),
    'voc07+12-seg': ('voc07-trainval', 'voc12-train-seg-aug'),
    'voc07+12-segfull': ('voc07-trainval', 'voc12-train-seg-aug', 'voc12-val-boxes'),
}
_EVALUATED_ON = {
    'voc07-trainval': 'voc07-test', 'voc12-train': 'voc12-val', 'voc12-trainval': 'voc07-test', 'voc12-train-seg': 'voc12-val-seg',
    'voc12-train-seg-aug': 'voc12-val-seg', 'voc12-trainval-boxes': 'voc07-test', 'voc07+12': 'voc07-test',
    'voc07+12-seg': 'voc12-val-seg', 'voc07+12-segfull': 'voc07-test'}
NAMES = tuple(SPLITS) + tuple(MIXTURES)

_HOST = 'http://host.robots.ox.ac.uk/pascal/VOC/'
_URLS = {
    'VOCtrainval_06-Nov-2007.tar': _HOST + 'voc2007/VOCtrainval_06-Nov-2007.tar',
    'VOCtest_06-Nov-2007.tar': _HOST + 'voc2007/VOCtest_06-Nov-2007.tar',
    'VOCtrainval_11-May-2012.tar': _HOST + 'voc2012/VOCtrainval_11-May-2012.tar',
    'benchmark.tgz': 'http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz',
}


def class_names(data_config):
    """VOC's twenty."""
    return CLASS_NAMES


def split_names(data_config):
    """Every split and mixture: any can be trained or evaluated on."""
    return NAMES


def default_split(data_config, role):
    """The dataset's own name is the split to train on; evaluation is on the one that goes with it."""
    return data_config.dataset if role == 'train' else _EVALUATED_ON.get(data_config.dataset, data_config.dataset)


def open_split(data_config, split):
    """The Source of a split or mixture."""
    return join(split, [_open(data_config, part) for part in MIXTURES.get(split, (split,))])


def _open(data_config, name):
    if _records(data_config, name):
        given = dataclasses.replace(data_config, train_files=_records(data_config, name), eval_files=(), class_names=CLASS_NAMES)
        return records.open_split(given, 'train_files')
    split = SPLITS[name]
    root = _tree(data_config, split)
    files = _files(data_config, name, root)
    if len(files) != split.count:
        raise UserError('%s: %d images found in %s, but the official %s has %d: the lists or the extraction are incomplete; extract the '
                        'archive again.' % (name, len(files), root, name, split.count))
    key = name.replace('-', '_')
    place = unique_name(root, CLASS_NAMES, data_config.on_bad_record)
    state = fingerprint(voc_layout.paths_of(files))

    def splits():
        return {key: SplitPlan(files, lambda item: voc_layout.make_example(item, CLASS_NAMES), data_config.on_bad_record)}

    return open_plan(data_config, Plan('voc_masks', '%s-%s-%s' % (name, place, state), CLASS_NAMES, splits), key)


def _records(data_config, name):
    """Paths of TFRecord files in --data_dir that bear the name of a split, as the first codes wrote them: voc12-train-seg."""
    paths = glob.glob(os.path.join(glob.escape(data_config.data_dir), name + '*'))
    pattern = re.escape(name) + r'(\.tfrecords?)?(-\d{5}-of-\d{5})?$'
    return tuple(sorted(path for path in paths if os.path.isfile(path) and re.match(pattern, os.path.basename(path))))


def _files(data_config, name, root):
    """The voc_layout.Files of each image of a split, in order."""
    split = SPLITS[name]
    if split.list == 'SBD':
        return _augmented_files(root, _sbd_tree(data_config))
    path = _list_path(root, split.list)
    tree = voc_layout.Tree(root)
    files = [voc_layout.find_files(tree, image_id, path) for image_id in voc_layout.read_list(path)]
    if split.list.startswith('Segmentation') and not all(item.mask for item in files):
        first = next(item.image for item in files if not item.mask)
        raise UserError('%s: %s has no mask in SegmentationClass: extract the archive again.' % (name, first))
    return [item if split.masks else item._replace(mask=None) for item in files]


def _augmented_files(root, sbd_root):
    """Files of `train-seg-aug`: VOC's mask where it has one, else SBD's."""
    lists = [os.path.join(sbd_root, 'train.txt'), os.path.join(sbd_root, 'val.txt'),
             _list_path(root, 'Segmentation/train'), _list_path(root, 'Segmentation/val')]
    tree, files = voc_layout.Tree(root), []
    for image_id in sbd.augmented_ids(*map(voc_layout.read_list, lists)):
        item = voc_layout.find_files(tree, image_id, os.path.join(sbd_root, 'train.txt or val.txt'))
        other = sbd.mask_path(sbd_root, image_id)
        if not item.mask and not os.path.isfile(other):
            raise UserError('voc12-train-seg-aug: %s has a mask neither in VOC nor in SBD (%s).' % (item.image, other))
        files.append(item._replace(mask=item.mask or other))
    return files


def _list_path(root, name):
    return os.path.join(root, 'ImageSets', name + '.txt')


def _tree(data_config, split):
    """The folder VOC2007 or VOC2012 that has the split's list: a tree in --data_dir, else an archive's."""
    name = 'VOC%d' % split.year
    wanted = 'Segmentation/train' if split.list == 'SBD' else split.list
    archive = {(2007, 'Main/test'): 'VOCtest_06-Nov-2007.tar', (2007, 'Main/trainval'): 'VOCtrainval_06-Nov-2007.tar'}.get(
        (split.year, split.list), 'VOCtrainval_11-May-2012.tar')
    return _find(data_config, archive, ('', name, 'VOCdevkit/' + name), os.path.join('ImageSets', wanted + '.txt'))


def _sbd_tree(data_config):
    """SBD's folder with img, cls, train.txt and val.txt."""
    return _find(data_config, 'benchmark.tgz', ('benchmark_RELEASE/dataset', 'dataset', 'sbd', 'SBD/dataset', 'SBD'), 'cls')


def _find(data_config, archive, places, content):
    """The first of `places` with `content` in --data_dir (or a folder in it), else in the extracted `archive`."""
    data_dir = data_config.data_dir
    archives.check_given(data_config)
    inner = [entry.path for entry in os.scandir(data_dir) if entry.is_dir()] if os.path.isdir(data_dir) else []
    found = holding([data_dir] + sorted(inner), places, content)
    if found:
        return found
    folder = archives.extracted(archive, data_dir, prepared_root(data_config), _URLS)
    found = holding([folder], places, content)
    if not found:
        raise UserError('%s, extracted to %s, has no %s: it is not the official archive.' % (archive, folder, content))
    return found
