"""Verification of a split: every record decodes and fits together; what it holds, class by class."""
import collections

import numpy as np

from blitznet_estimator.errors import UserError
from blitznet_estimator.machine import ordered_map
from blitznet_estimator.progress import Progress
from blitznet_estimator.text_table import table
from input_fn.datasets.reader import count_invalid_boxes
from input_fn.datasets.record_checks import checked_sample, named_records

SHOWN = 20  # bad records that are printed

Checked = collections.namedtuple('Checked', 'error boxes pixels invalid_boxes')  # of one record; boxes: [(class, difficult, crowd)]


def verify(source):
    """The report of a Source as text; UserError with all that is wrong where a record is bad."""
    errors, invalid_boxes, images = [], 0, 0
    counts = np.zeros((source.num_classes, 4), np.int64)  # images, boxes, difficult, crowds of each class
    pixels = np.zeros(256, np.int64)
    with Progress('Verifying %s %s' % (source.name, source.split), source.num_examples) as bar:
        for checked in ordered_map(lambda item: _check(item, source), named_records(source.files)):
            bar.advance()
            images += 1
            if checked.error:
                errors.append(checked.error)
                continue
            invalid_boxes += checked.invalid_boxes
            pixels += checked.pixels
            for cls, difficult, crowd in checked.boxes:
                counts[cls, 1:] += 1, difficult, crowd
            counts[sorted({box[0] for box in checked.boxes}), 0] += 1
    if images != source.num_examples:
        errors.append('%d records instead of %d.' % (images, source.num_examples))
    if errors:
        raise UserError('%s, split %s: %d bad of %d records:\n  %s%s' % (
            source.name, source.split, len(errors), images, '\n  '.join(errors[:SHOWN]), '\n  ...' if len(errors) > SHOWN else ''))
    return _report(source, counts, pixels, invalid_boxes)


def _check(item, source):
    record, where = item
    try:
        sample = checked_sample(record, source.format, source.num_classes, where)
    except UserError as error:
        return Checked(str(error), (), 0, 0)
    mask = sample.mask()
    pixels = np.bincount(mask.ravel(), minlength=256) if mask is not None else 0
    boxes = list(zip(sample.classes.tolist(), sample.difficult.tolist(), sample.crowd.tolist()))
    return Checked(None, boxes, pixels, count_invalid_boxes(sample))


def _report(source, counts, pixels, invalid_boxes):
    lines = ['%s, split %s: %d images in %d files (%s), all good' % (
        source.name, source.split, source.num_examples, len(source.files), source.format.name)]
    labelled = max(int(pixels[:source.num_classes].sum()), 1)
    rows = [[name] + counts[cls].tolist() + ['%.2f%%' % (100. * pixels[cls] / labelled)]
            for cls, name in enumerate(('background',) + source.class_names)]
    foot = ['all boxes', ''] + counts[:, 1:].sum(axis=0).tolist() + ['']
    lines.append(table(('class', 'images', 'boxes', 'difficult', 'crowds', 'pixels'), rows, [foot]))
    if invalid_boxes:
        lines.append('%d boxes are empty or reach out of their image; training clips and drops them.' % invalid_boxes)
    return '\n'.join(lines)
