"""Checks of TFRecords, users' and prepared ones: every record is checked once, and bad ones stop the run or are left out.

The outcome is kept as `report.json` {files, counts, left_out, ...} in a folder named after the files' state; it is written last.
"""
import dataclasses
import os

from blitznet_estimator import files, json_files
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.machine import ordered_map
from blitznet_estimator.progress import Progress
from blitznet_estimator.runtime import tf
from input_fn.datasets.prepared import fingerprint, locked, log_skip_report, remove_outdated, unique_name, write_skip_report
from input_fn.datasets.reader import check_sample, count_invalid_boxes, parse_sample
from input_fn.datasets.tfrecord import DAMAGED, count_records, read_records, readable_end, recover_records


def without_bad_records(source, root):
    """The Source of the good records of a prepared one; copies of the damaged files' good records go to <root>/screened."""
    place = unique_name(source.files[0], source.files, source.num_classes)
    name = '%s-%s-%s' % (source.split.replace('/', '-'), place, fingerprint(source.files))
    return checked_source(source, 'skip', os.path.join(root, 'screened', name))


def checked_source(source, on_bad_record, folder):
    """A Source's good records as a Source; with on_bad_record 'error' a bad one is a UserError. `folder`, named '<name>-<fingerprint>',
    keeps the report, so that the same files are checked once, and what else is made."""
    report = _read_report(folder)
    if report is None:
        with locked(folder):
            report = _read_report(folder) or _check_all(source, on_bad_record, folder)
            remove_outdated(folder)
    log_skip_report(_report_path(folder))
    return dataclasses.replace(source, files=tuple(report['files']), num_examples=sum(report['counts']),
                               lengths=tuple(report['counts']), check_report=folder if on_bad_record == 'skip' else '')


def discard_report(folder):
    """Let the files of a report be checked anew at the next start: something has happened to them that their size and time don't show."""
    if os.path.isfile(_report_path(folder)):
        os.remove(_report_path(folder))


def _report_path(folder):
    return os.path.join(folder, 'report.json')


def _read_report(folder):
    """The report of an earlier check; None where there is none, or it is damaged or names files that are gone."""
    report = json_files.read_own(_report_path(folder))
    if not isinstance(report, dict) or not json_files.is_list_of(str, report.get('files')) or not json_files.is_list_of(int, report.get('counts')):
        return None
    names, counts = report['files'], report['counts']
    good = names and len(names) == len(counts) and min(counts) > 0 and all(map(os.path.isfile, names))
    return report if good else None


def _check_all(source, on_bad_record, folder):
    """Check every record, and write and return the report."""
    report = {'files': [], 'counts': [], 'left_out': [], 'bad': 0, 'invalid_boxes': 0}
    written = source.lengths or [0] * len(source.files)
    with Progress('Checking records', sum(map(count_records, source.files)), unit='records') as bar:
        for path, length in zip(source.files, written):
            bad, invalid_boxes = _check_file(path, source.format, source.num_classes, on_bad_record, bar)
            good = path if not bad else os.path.join(folder, '%05d-%s' % (len(report['files']), os.path.basename(path)))
            count = _copy_good_records(path, bad, good) if bad else count_records(path)
            report['left_out'].extend(list(bad.values()) + _lost_at_end(path, bad, count, length))
            report['bad'] += max(len(bad), length - count)
            report['invalid_boxes'] += invalid_boxes
            if count:
                report['files'].append(good)
                report['counts'].append(count)
    _log_report(report)
    write_skip_report(_report_path(folder), report['left_out'], files=report['files'], counts=report['counts'])
    return report


def first_good_record(files):
    """The first record of files that isn't damaged."""
    record = next((record for record, _ in named_records(files) if record is not None), None)
    if record is None:
        raise UserError('All records are bad; the first: %s, record 0: %s.' % (files[0], DAMAGED))
    return record


def indexed_records(path):
    """Yield (index, record or None) of a file, at full speed as far as it is sound."""
    index = -1
    try:
        for index, record in enumerate(read_records(path)):
            yield index, record
    except UserError:
        for other, record in recover_records(path):
            if other > index:
                yield other, record


def named_records(files):
    """Yield (record or None, its name for errors) of every record of files."""
    for path in files:
        for index, record in indexed_records(path):
            yield record, '%s, record %d' % (path, index)


def checked_sample(record, record_format, num_classes, where):
    """The Sample of a record of `named_records`; UserError unless everything in it decodes and fits together. num_classes counts the background."""
    if record is None:
        raise UserError('%s: %s.' % (where, DAMAGED))
    sample = parse_sample(record, record_format, 0, where)
    check_sample(sample, num_classes)
    return sample


def _check_file(path, record_format, num_classes, on_bad_record, bar):
    """({index: message} of a file's bad records, count of odd boxes); with on_bad_record 'error' the first bad record is raised."""

    def check(item):
        index, record = item
        try:
            sample = checked_sample(record, record_format, num_classes, '%s, record %d' % (path, index))
        except UserError as error:
            if on_bad_record != 'skip':
                raise
            return index, str(error), 0
        return index, None, count_invalid_boxes(sample)

    bad, invalid_boxes = {}, 0
    for index, message, invalid in ordered_map(check, indexed_records(path)):
        bar.advance()
        invalid_boxes += invalid
        if message:
            bad[index] = message
    return bad, invalid_boxes


def _copy_good_records(path, bad, copy):
    """Write the records of `path` that aren't in `bad` to `copy`; their number."""
    count = 0
    with files.replacing(copy, alone=True) as temporary, tf.python_io.TFRecordWriter(temporary) as writer:
        for index, record in indexed_records(path):
            if index not in bad:
                writer.write(record)
                count += 1
    return count


def _lost_at_end(path, bad, count, written):
    """A list with what is to be said of records that the lost end of a file takes along; empty where there are none.

    bad: the file's bad records by index; count: of good ones; written: of records when the file was, 0 = unknown.
    """
    lost = written - len(bad) - count
    if lost > 0:
        return ['%s: the last %d of its %d records are lost.' % (path, lost, written)]
    sound, end = readable_end(path)
    if not written and sound in bad:  # what was left out there is all that follows
        return ['%s: the %d bytes from record %d to the end are lost.' % (path, os.path.getsize(path) - end, sound)]
    return []


def _log_report(report):
    for message in report['left_out']:
        log.warning('Left out: %s', message)
    if not report['counts']:
        raise UserError('All %d records are bad; the first: %s' % (report['bad'], report['left_out'][0]))
    if report['bad']:
        log.warning('%d of %d records left out, as --on_bad_record=skip says.', report['bad'], report['bad'] + sum(report['counts']))
    if report['invalid_boxes']:
        log.warning('%d boxes of the records are empty or reach out of their image; training clips and drops them.',
                        report['invalid_boxes'])
