"""The dataset `records`: TFRecord files of either seed (JPEG and PNG bytes, or raw pixels), or of TFDS, read where they are.

Files come from --train_files and --eval_files (paths or globs), or from --data_dir (a folder, a file or a glob). What they hold is told by
their content. When files are first used every record is checked, so that training and evaluation meet no bad one; with
--on_bad_record=skip, files with bad records are replaced by copies of their good ones among the prepared data.
"""
import glob
import os
import re

from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from input_fn.datasets.formats import detect_format
from input_fn.datasets.prepared import fingerprint, prepared_root, unique_name
from input_fn.datasets.reader import parse_example
from input_fn.datasets.record_checks import checked_source, indexed_records
from input_fn.datasets.source import Source
from input_fn.datasets.tfrecord import DAMAGED, check_whole, is_tfrecord

# Words that tell the split in a file's name; the first one that occurs is the default for its role.
_WORDS = {'train': ('train', 'trainval', 'trainval35k'), 'eval': ('val', 'validation', 'minival', 'test', 'eval')}
_RECORD_NAME = re.compile(r'\.(tf)?records?\b|-\d{5}-of-\d{5}$')
_GIVEN = {'train': 'train_files', 'eval': 'eval_files'}


def class_names(data_config):
    """Records hold numbers only."""
    raise UserError('--dataset=records doesn\'t know its classes: name them in a text file, one per line, with --class_file, '
                    'or say how many there are, with the background, by --num_classes.')


def split_names(data_config):
    """The given lists of files, the words in the files' names, and 'all'."""
    return tuple(_splits(data_config))


def default_split(data_config, role):
    """Files given for the role, else those whose names say so; all where no name says anything.

    Where the names of some files say another role, the rest is missing: the other role's files do not stand in for it.
    """
    splits = _splits(data_config)
    found = next((name for name in (_GIVEN[role],) + _WORDS[role] if name in splits), None)
    return found or (_WORDS[role][0] if any(word in splits for word in sum(_WORDS.values(), ())) else 'all')


def open_split(data_config, split):
    """The Source of a split; its records are checked first where they aren't yet."""
    files = _whole(_splits(data_config)[split], data_config.on_bad_record)
    record_format = _format(files)
    num_classes = len(data_config.class_names) + 1
    place = unique_name(files[0], files, num_classes, data_config.on_bad_record)
    folder = os.path.join(prepared_root(data_config), 'records', '%s-%s-%s' % (split, place, fingerprint(files)))
    source = Source('records', split, tuple(files), record_format, tuple(data_config.class_names), num_examples=0)
    return checked_source(source, data_config.on_bad_record, folder)


def _whole(paths, on_bad_record):
    """The paths of files that hold records at all; with on_bad_record 'skip' others are left out, unless all are such."""
    kept, messages = [], []
    for path in paths:
        try:
            check_whole(path)
            kept.append(path)
        except UserError as error:
            messages.append(str(error))
    if messages and (on_bad_record == 'error' or not kept):
        raise UserError(messages[0])
    for message in messages:
        log.warning('Left out: %s', message)
    return kept


def _splits(data_config):
    """{split: sorted paths}; 'all' only where --data_dir has files."""
    splits = {name: _expand(getattr(data_config, name), '--' + name, data_config.on_bad_record)
              for name in _GIVEN.values() if getattr(data_config, name)}
    if len(splits) == len(_GIVEN):
        return splits
    # A file with such a name is one that is empty, compressed, or damaged at its beginning.
    found = [path for path in _listed(data_config.data_dir) if is_tfrecord(path) or _RECORD_NAME.search(os.path.basename(path).lower())]
    if not found and not splits:
        raise UserError('--data_dir=%s holds no TFRecord files: name a folder, a file or a glob, or use --train_files and --eval_files.'
                        % data_config.data_dir)
    for word in sum(_WORDS.values(), ()):
        named = [path for path in found if word in re.split('[^a-z0-9]+', os.path.basename(path).lower())]
        if named:
            splits[word] = named
    splits['all'] = found or sorted(sum(splits.values(), []))
    return splits


def _listed(pattern):
    if os.path.isdir(pattern):
        pattern = os.path.join(glob.escape(pattern), '*')
    return sorted(path for path in glob.glob(pattern) if os.path.isfile(path))


def _expand(patterns, flag, on_bad_record):
    paths = []
    for pattern in patterns:
        listed = _listed(pattern)
        if not listed:
            raise UserError('%s: there is no file %s.' % (flag, pattern))
        paths.extend(listed)
    for path in paths:
        if on_bad_record == 'error' and not is_tfrecord(path):
            raise UserError('%s: %s is not a TFRecord file.' % (flag, path))
    return sorted(set(paths))


def _format(files):
    """The one RecordFormat of all files, told by the first sound record of each that has one."""
    firsts = {path: next((record for _, record in indexed_records(path) if record is not None), None) for path in files}
    formats = {path: detect_format(parse_example(record, path).features.feature, path) for path, record in firsts.items() if record}
    kinds = {path: record_format.name for path, record_format in formats.items()}
    if len(set(kinds.values())) > 1:
        raise UserError('The files are of different formats, which cannot be mixed: %s.' % '; '.join(
            '%s is %s' % (path, kinds[path]) for path in sorted(kinds)))
    if not formats:
        raise UserError('All records are bad; the first: %s, record 0: %s.' % (files[0], DAMAGED))
    return next(iter(formats.values()))
