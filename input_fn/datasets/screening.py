"""Screening of users' TFRecords: every record is checked once, and bad ones stop the run or are left out.

The outcome is kept as `report.json` {files, counts, left_out} in a folder named after the files' state; it is written last.
"""
import json
import os

from absl import logging
from tqdm import tqdm

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from input_fn.datasets.parallel import ordered_map
from input_fn.datasets.reader import check_sample, count_odd_boxes, parse_sample
from input_fn.datasets.tfrecord import DAMAGED, count_records, read_records, salvage_records


def read_report(folder):
    """The report of an earlier screening, or None."""
    try:
        with open(os.path.join(folder, 'report.json')) as file:
            return json.load(file)
    except OSError:
        return None


def screen(files, record_format, num_classes, on_bad_record, folder):
    """Check every record, and write and return the report; num_classes counts the background."""
    report = {'files': [], 'counts': [], 'left_out': [], 'odd_boxes': 0}
    with tqdm(total=sum(map(count_records, files)), desc='Checking records', unit=' records', mininterval=.5) as bar:
        for path in files:
            bad, odd_boxes = _check_file(path, record_format, num_classes, on_bad_record, bar)
            report['left_out'].extend(bad.values())
            report['odd_boxes'] += odd_boxes
            good = path if not bad else os.path.join(folder, '%05d-%s' % (len(report['files']), os.path.basename(path)))
            count = _copy_good(path, bad, good) if bad else count_records(path)
            if count:
                report['files'].append(good)
                report['counts'].append(count)
    _say(report)
    temporary = os.path.join(folder, 'report.json.incomplete')
    with open(temporary, 'w') as file:
        json.dump(report, file, indent=1)
    os.rename(temporary, os.path.join(folder, 'report.json'))
    return report


def salvage(path):
    """Yield (index, record or None) of a file, at full speed as far as it is sound."""
    index = -1
    try:
        for index, record in enumerate(read_records(path)):
            yield index, record
    except UserError:
        for other, record in salvage_records(path):
            if other > index:
                yield other, record


def salvage_all(files):
    """Yield (record or None, its name for errors) of every record of files."""
    for path in files:
        for index, record in salvage(path):
            yield record, '%s, record %d' % (path, index)


def checked_sample(record, record_format, num_classes, where):
    """The Sample of a salvaged record; UserError unless everything in it decodes and fits together. num_classes counts the background."""
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
        return index, None, count_odd_boxes(sample)

    bad, odd_boxes = {}, 0
    for index, message, odd in ordered_map(check, salvage(path)):
        bar.update()
        odd_boxes += odd
        if message:
            bad[index] = message
    return bad, odd_boxes


def _copy_good(path, bad, copy):
    """Write the records of `path` that aren't in `bad` to `copy`; their number."""
    count = 0
    with tf.python_io.TFRecordWriter(copy + '.incomplete') as writer:
        for index, record in salvage(path):
            if index not in bad:
                writer.write(record)
                count += 1
    os.rename(copy + '.incomplete', copy)
    return count


def _say(report):
    for message in report['left_out']:
        logging.warning('Left out: %s', message)
    if not report['counts']:
        raise UserError('All %d records are bad; the first: %s' % (len(report['left_out']), report['left_out'][0]))
    if report['left_out']:
        logging.warning('%d of %d records left out, as --on_bad_record=skip says.',
                        len(report['left_out']), len(report['left_out']) + sum(report['counts']))
    if report['odd_boxes']:
        logging.warning('%d boxes of the records are empty or reach out of their image; training clips and drops them.',
                        report['odd_boxes'])
