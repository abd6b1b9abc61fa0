"""Prepared datasets on disk: where they are, whether they are whole, and how the missing ones come to be.

A dataset lies in <root>/<dataset>/<config>/<version>, and exists only under its final name: TFDS writes beside it and renames.
Reading one takes no TFDS: files and counts are in `dataset_info.json`.
"""
import collections
import contextlib
import hashlib
import os
import re
import reprlib
import shutil

from blitznet_estimator import files, text_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.json_files import read_object, texts
from blitznet_estimator.logs import log
from input_fn.datasets import chunks
from input_fn.datasets import plan as plans
from input_fn.datasets.formats import PREPARED
from input_fn.datasets.source import Source
from input_fn.datasets.tfrecord import DAMAGED, OVERHEAD, count_records

DEFAULT_ROOT = 'data'
_Split = collections.namedtuple('_Split', 'lengths bytes')  # examples of each shard; bytes of all
LABELS = 'objects-label.labels.txt'  # TFDS's file of the names of classes
_REMARKS, _LEFT_OUT = 'remarks.json', 'left_out.json'
_reminded = set()  # paths of reports, and (path of remarks, split)


def prepared_root(data_config):
    """The folder of everything that is prepared."""
    return data_config.prepared_dir or DEFAULT_ROOT


def unique_name(path, *texts):
    """A short name for a user's file or folder and what is made of it, different for others of the same name or other `texts`."""
    path = os.path.realpath(path)
    return '%s-%s' % (re.sub(r'[^\w.-]', '_', os.path.basename(path)), hashlib.sha1(repr((path, texts)).encode()).hexdigest()[:8])


def fingerprint(paths):
    """Hex digest that changes when the list of files does, or a file by size or time."""
    digest = hashlib.sha1()
    for path in paths:
        status = os.stat(path)
        digest.update(('%s %d %d\n' % (path, status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()[:12]


def open_files(data_config, dataset, root, split, paths, make_plan):
    """The Source of a split of files of the user's, prepared first where it isn't yet, and anew when one of them has changed.

    Args:
      dataset: a TFDS builder's name. root: the file or folder that the split is of. paths: of all files that it is made of.
      make_plan: () -> its SplitPlan.
    """
    names = tuple(data_config.class_names)
    place = unique_name(root, names, data_config.on_bad_record)
    config = '%s-%s-%s' % (place, split, fingerprint(paths))
    return open_plan(data_config, plans.Plan(dataset, config, names, lambda: {split: make_plan()}), split)


def open_plan(data_config, plan, split):
    """The Source of a split of `plan`, prepared first where it isn't yet."""
    root = prepared_root(data_config)
    folder = os.path.join(root, plan.dataset, plan.config, plans.VERSION)
    if not _is_finished(folder):
        with locked(os.path.dirname(folder)):
            _remove_unfinished(folder)
            if not _is_finished(folder):  # not made by another process while this one waited
                _prepare(folder, plan, root, data_config)
    log_skip_report(os.path.join(folder, _LEFT_OUT))
    _log_remarks(os.path.join(folder, _REMARKS), split)
    source = read_source(folder, plan.dataset, split, plan.class_names, PREPARED)
    if data_config.on_bad_record == 'error':
        _check_size(folder, source)
    return source


def _is_finished(folder):
    """Whether a whole prepared dataset lies in `folder`, and nothing of its preparation beside it that this process could finish."""
    kept = chunks.folder_beside(folder)
    left = os.path.isdir(kept) or os.path.isdir(kept + chunks.OUTDATED)
    return is_prepared(folder) and not (left and os.access(os.path.dirname(folder), os.W_OK))


def _prepare(folder, plan, root, data_config):
    """Make the dataset of a plan in `folder`, which is locked; say, and write beside it, what was left out and what it lacks.

    The chunks go last. So they tell the next process where one was killed after its records were whole; it takes the notes from them.
    """
    splits, kept = plan.splits(), chunks.folder_beside(folder)
    if is_prepared(folder):
        for name, split_plan in splits.items():
            collections.deque(chunks.examples(split_plan, os.path.join(kept, name)), maxlen=0)
    else:
        from input_fn.datasets import tfds_builder  # here, as TFDS takes seconds to import
        tfds_builder.write(plan, splits, root, kept, data_config)
    remove_outdated(os.path.dirname(folder))
    _write_notes(folder, plan, splits)
    chunks.remove(kept)


def _write_notes(folder, plan, splits):
    """Say, and write into `folder`, what the splits {name: SplitPlan} of a plan left out and lack."""
    for split_plan in splits.values():
        split_plan.notes.report()
    left_out = sum((split_plan.notes.skipped for split_plan in splits.values()), ())
    remarks = {name: split_plan.contents.remarks(plan.class_names) for name, split_plan in splits.items()}
    if any(remarks.values()):
        files.write_json(os.path.join(folder, _REMARKS), remarks)
    if left_out:
        write_skip_report(os.path.join(folder, _LEFT_OUT), left_out)


def write_skip_report(path, messages, **more):
    """Write a report of what was left out, and was logged just now."""
    _reminded.add(path)
    files.write_json(path, dict(more, left_out=list(messages)))


def log_skip_report(path):
    """Log, once a process, what an earlier one left out by its report, if there is one: it is not to be forgotten."""
    if path in _reminded or not os.path.isfile(path):
        return
    _reminded.add(path)
    left_out = _texts(path, 'left_out')
    if left_out:
        log.warning('Left out before, as --on_bad_record=skip says: %d, the first: %s All are named in %s.', len(left_out), left_out[0], path)


def _log_remarks(path, split):
    """Log, once a process, what a split lacks as a whole by a file of remarks, if there is one."""
    if (path, split) in _reminded or not os.path.isfile(path):
        return
    _reminded.add((path, split))
    for remark in _texts(path, split):
        log.warning('Split %s: %s.', split, remark)


def _texts(path, name):
    """The list of texts in a field of a JSON file beside prepared data."""
    try:
        return texts(read_object(path), name, path)
    except UserError as error:
        raise UserError('%s Delete the folder %s, and it is made anew.' % (error, os.path.dirname(path)))


def is_prepared(folder):
    """Whether a whole prepared dataset lies in `folder`."""
    return os.path.isfile(_info_path(folder))


def read_source(folder, dataset, split, class_names, record_format):
    """The Source of a split that any release of TFDS prepared in `folder`."""
    lengths = shard_lengths(folder)
    if split not in lengths:
        raise UserError('%s has no split %r, only %s.' % (folder, split, ', '.join(sorted(lengths))))
    count = len(lengths[split])
    shards = tuple(os.path.join(folder, '%s-%s.tfrecord-%05d-of-%05d' % (dataset, split, i, count)) for i in range(count))
    for path in shards:
        if not os.path.isfile(path):
            raise UserError('The prepared dataset lacks %s: delete the folder %s, and it is prepared anew.' % (path, folder))
    return Source(dataset, split, shards, record_format, tuple(class_names), num_examples=sum(lengths[split]), lengths=tuple(lengths[split]))


def prepared_labels(folder):
    """Names of the classes of the objects in the prepared dataset in `folder`, as TFDS wrote them down."""
    return tuple(text_files.read(os.path.join(folder, LABELS)).splitlines())


def shard_lengths(folder):
    """{split: examples of each shard} of the prepared dataset in `folder`."""
    return {name: split.lengths for name, split in _splits(folder).items()}


def _splits(folder):
    """{name: _Split} of what TFDS wrote down about each split; UserError with file and field where that is damaged."""
    path, found = _info_path(folder), {}
    try:
        splits = read_object(path).get('splits')
        if not isinstance(splits, list) or not splits:
            raise UserError('%s: "splits" is %s; it must be a list.' % (path, reprlib.repr(splits)))
        for i, split in enumerate(splits):
            where = '%s, splits[%d]' % (path, i)
            if not isinstance(split, dict) or not isinstance(split.get('name'), str) or not isinstance(split.get('shardLengths'), list):
                raise UserError('%s: "name" must be a text and "shardLengths" a list.' % where)
            lengths = [_count(length, where + ': "shardLengths"') for length in split['shardLengths']]
            found[split['name']] = _Split(lengths, _count(split.get('numBytes', 0), where + ': "numBytes"'))
    except UserError as error:
        raise UserError('%s Delete the folder %s, and it is prepared anew.' % (error, folder))
    return found


def _count(value, where):
    """A number of records or bytes, which TFDS writes as a text of digits."""
    if isinstance(value, bool) or not re.fullmatch(r'[0-9]{1,18}', str(value)):
        raise UserError('%s holds %s, which is no count.' % (where, reprlib.repr(value)))
    return int(value)


def _check_size(folder, source):
    """Raise UserError where files of a Source just read from `folder` were cut, which shows in no record where it is between two of them."""
    written = _splits(folder)[source.split].bytes + OVERHEAD * source.num_examples
    if sum(map(os.path.getsize, source.files)) == written:
        return
    for path, length in zip(source.files, source.lengths):
        if count_records(path) != length:
            raise UserError('%s, record %d: %s. Delete the folder %s and start again: it is made and checked anew.'
                            % (path, count_records(path), DAMAGED, folder))


def _info_path(folder):
    return os.path.join(folder, 'dataset_info.json')


def _remove_unfinished(folder):
    """Delete what a killed preparation left beside `folder`; the lock says that nobody is at work there."""
    parent, name = os.path.split(folder)
    for entry in os.listdir(parent):
        if entry.endswith(chunks.OUTDATED) or 'incomplete' in entry and name in entry:
            shutil.rmtree(os.path.join(parent, entry))


def remove_outdated(folder):
    """Delete what was prepared from earlier states of the files that `folder` was made of: '<name>-<fingerprint>'."""
    parent, name = os.path.split(folder)
    base, dash, state = name.rpartition('-')
    for entry in os.listdir(parent) if dash else ():
        if entry != name and re.fullmatch(re.escape(base) + '-[0-9a-f]{%d}' % len(state), entry):
            shutil.rmtree(os.path.join(parent, entry))


@contextlib.contextmanager
def locked(folder):
    """One process at a time works in `folder`; the others wait. UserError where nothing can be written there."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(folder))
        except OSError as error:
            raise UserError('Prepared data cannot be written to %s (%s): choose another folder with --prepared_dir.'
                            % (folder, error.strerror))
        yield
