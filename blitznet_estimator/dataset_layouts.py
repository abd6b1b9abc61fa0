"""What `--dataset=auto` means: the layout of the data in --data_dir, known by a look at its files. TensorFlow is not needed here."""
import glob
import itertools
import os
import re

from blitznet_estimator.config import DataConfig
from blitznet_estimator.dataset_names import AUTO, DATUMARO
from blitznet_estimator.errors import UserError
from blitznet_estimator.evaluation.image_names import IMAGE_ENDINGS
from blitznet_estimator.logs import log

_LOOKED_AT = 20  # files of a kind, or folders: enough to know a layout
BEGINNING = 1 << 20  # bytes of a file that are looked at
_RECORDS = re.compile(r'\.(tf)?records?\b|-\d{5}-of-\d{5}$')
_DRAWN = ('shapes', 'shapes_small')  # folders of the dataset that is made in --data_dir
_ARCHIVES = 'VOCtrainval_*.tar', 'VOCtest_*.tar', 'VOCdevkit', 'VOC2007', 'VOC2012'
_said = set()


def resolved(dataset, data_dir):
    """The name of a dataset: `dataset`, but for `auto`, which is that of the layout found in `data_dir`. The log says once which it is.

    Raises:
      UserError: there is no layout that is known, or there are several.
    """
    if dataset != AUTO:
        return dataset
    if _is_for_drawings(data_dir):
        return _say(data_dir, DataConfig().dataset, 'no data but drawn shapes')
    found = candidates(data_dir)
    if len(found) == 1:
        return _say(data_dir, *found[0])
    if found:
        raise UserError('--data_dir=%s may be several kinds of data: choose one with %s.' % (
            data_dir, ' or '.join('--dataset=%s (it has %s)' % pair for pair in found)))
    raise UserError(_unknown(data_dir))


def candidates(data_dir):
    """[(name of a dataset, what was found of it)] of every layout that a folder or a file has."""
    return [(name, what) for name, look in _LAYOUTS.items() for what in [look(data_dir)] if what]


def _is_for_drawings(data_dir):
    """Whether shapes are drawn in a folder: it is empty or has some already, or nobody named it."""
    names = set(os.listdir(data_dir)) if os.path.isdir(data_dir) else None
    return data_dir == DataConfig().data_dir if names is None else not names or bool(names & set(_DRAWN))


def _say(data_dir, name, what):
    message = '--data_dir=%s has %s: --dataset=%s.' % (data_dir, what, name)
    if message not in _said:
        _said.add(message)
        log.info(message)
    return name


def _unknown(data_dir):
    if not os.path.exists(data_dir):
        return '--data_dir=%s: there is no such folder. To draw shapes there, give --dataset=%s.' % (data_dir, DataConfig().dataset)
    if any(glob.glob(os.path.join(glob.escape(data_dir), pattern)) for pattern in _ARCHIVES):
        return '--data_dir=%s has PASCAL VOC: name the split, as in --dataset=voc12-train-seg-aug or --dataset=voc07+12.' % data_dir
    folders = sorted(entry.path for entry in os.scandir(data_dir) if entry.is_dir())[:_LOOKED_AT] if os.path.isdir(data_dir) else []
    inner = next((folder for folder in folders if candidates(folder)), None)
    return ('--data_dir=%s has data in no layout that is known (VOC, COCO, YOLO, LabelMe, records)%s. docs/datasets.md shows the layouts.'
            % (data_dir, '; --data_dir=%s has' % inner if inner else ''))


def _files(folder, *endings):
    """The first files below a folder that have one of the endings, in any case."""
    paths = (os.path.join(place, name) for place, inner, names in os.walk(folder) if inner.sort() is None
             for name in sorted(names) if name.lower().endswith(endings))
    return list(itertools.islice(paths, _LOOKED_AT))


def _has(path, text):
    """Whether the beginning of a file holds a text, bytes: an annotation file may have hundreds of megabytes."""
    try:
        with open(path, 'rb') as file:
            return text in file.read(BEGINNING)
    except OSError:
        return False


def _glob(folder, *pattern):
    return sorted(glob.glob(os.path.join(glob.escape(folder), *pattern)))


def _voc(folder):
    if os.path.isdir(os.path.join(folder, 'JPEGImages')):
        return 'a folder JPEGImages'
    if any(_has(path, b'<annotation') for path in _files(folder, '.xml')) and _files(folder, *IMAGE_ENDINGS):
        return 'images with XML files'
    return ''


def _coco(folder):
    return 'annotations/instances_*.json' if _glob(folder, 'annotations', 'instances_*.json') else ''


def _panoptic(folder):
    return 'annotations/panoptic_*.json' if _glob(folder, 'annotations', 'panoptic_*.json') else ''


def _cityscapes(folder):
    return 'the folders leftImg8bit and gtFine' if all(os.path.isdir(os.path.join(folder, name)) for name in ('leftImg8bit', 'gtFine')) else ''


def _yolo(folder):
    yaml = [folder] if os.path.isfile(folder) else _glob(folder, '*.yaml') + _glob(folder, '*.yml')
    described = [path for path in yaml if path.lower().endswith(('.yaml', '.yml')) and (_has(path, b'names') or _has(path, b'nc:'))]
    if described:
        return os.path.basename(described[0])
    listed = any(os.path.isfile(os.path.join(folder, name)) for name in ('classes.txt', os.path.join('labels', 'classes.txt')))
    return 'a folder labels with text files' if listed and _files(os.path.join(folder, 'labels'), '.txt') else ''


def _labelme(folder):
    return 'files of LabelMe' if any(_has(path, b'"shapes"') for path in _files(folder, '.json')) else ''


def _records(pattern):
    paths = _glob(pattern, '*') if os.path.isdir(pattern) else glob.glob(pattern)
    return 'TFRecord files' if any(_RECORDS.search(os.path.basename(name)) and os.path.isfile(name) for name in paths) else ''


_LAYOUTS = {'folder': _voc, 'coco': _coco, 'yolo': _yolo, 'labelme': _labelme, 'records': _records,
            'cityscapes': _cityscapes, DATUMARO + 'coco_panoptic': _panoptic}
