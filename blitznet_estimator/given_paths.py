"""Paths that flags name: whether they can be what they should, asked before anything is built. TensorFlow is not needed here.

Paths with `://` are of another file system, and are asked for by what reads them.
"""
import glob
import os
import re

from blitznet_estimator import outputs, published_weights, saved_config
from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError

DRAWN = 'shapes'  # what the names of datasets that are made in --data_dir begin with
CHECKPOINT_ENDING = re.compile(r'\.(index|meta|data-\d+-of-\d+)$')  # of the files of one checkpoint


def check(flag, value, kind, dataset=''):
    """UserError where the value of a flag, a path or a tuple of them, cannot be of a kind of CHECKS. dataset: the name of --dataset."""
    for path in value if isinstance(value, tuple) else (value,):
        if '://' not in path:
            CHECKS[kind](flag, path, dataset)


def _checkpoint(flag, path, dataset):
    if path in saved_config.WORDS and flag == '--checkpoint_path':
        return
    if os.path.isdir(path):
        if not saved_config.has_checkpoints(path):
            raise UserError('%s=%s is a folder without a list of checkpoints (the file `checkpoint`): name the checkpoint itself.' % (flag, path))
    elif not any(map(os.path.isfile, (path, CHECKPOINT_ENDING.sub('', path) + '.index', CHECKPOINT_ENDING.sub('', path)))):
        raise UserError('%s=%s: there is no such checkpoint%s.' % (flag, path, _known(path)))


def _start(flag, path, dataset):
    """What a training may start from: a checkpoint, a file of another framework, or the word for the published weights."""
    if published_weights.framework_of(path):
        _file(flag, path, dataset)
    elif path != published_weights.IMAGENET:
        _checkpoint(flag, path, dataset)


def _known(path):
    """The checkpoints in the folder of a path that names none, for a message."""
    folder = os.path.dirname(path) or '.'
    names = [os.path.basename(name)[:-len('.index')] for name in sorted(glob.glob(os.path.join(glob.escape(folder), '*.index')))]
    return '; %s has %s' % (folder, ', '.join(names)) if names else ''


def _data(flag, path, dataset):
    """Data that must be there: a folder, a file or a glob. Those of a drawn dataset are made."""
    if dataset.startswith(DRAWN) or path == DataConfig().data_dir:
        _place(flag, path, dataset)
    elif not _found(path):
        raise UserError('%s=%s: there is no such folder.' % (flag, path))


def _files(flag, pattern, dataset):
    if not _found(pattern):
        raise UserError('%s=%s: no such file, folder or glob.' % (flag, pattern))


def _images(flag, pattern, dataset):
    """Images; a plain word may be a split of the dataset, which is known later."""
    if re.search(r'[/\\.*?\[]', pattern):
        _files(flag, pattern, dataset)


def _there(flag, path, dataset):
    if not os.path.exists(path):
        raise UserError('%s=%s: there is no such file or folder.' % (flag, path))


def _file(flag, path, dataset):
    if not os.path.isfile(path):
        raise UserError('%s=%s: there is no such file.' % (flag, path))


def _place(flag, path, dataset):
    """A folder to write into, which need not be there yet; where it is, what is needed may be in it already."""
    fault = '' if os.path.isdir(path) else outputs.fault_of(path)
    if fault:
        raise UserError('%s=%s: %s: name another place.' % (flag, path, fault))


def _found(pattern):
    return os.path.exists(pattern) or any(glob.iglob(pattern, recursive=True))


CHECKS = {'checkpoint': _checkpoint, 'start': _start, 'data': _data, 'files': _files, 'images': _images, 'file': _file, 'there': _there,
          'place': _place}
