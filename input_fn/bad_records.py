"""The bad record behind an error of a session, which names none: found by going through the records of the source again.

A damaged file and an image that does not decode stop a pipeline of tf.data without a word about which it was.
"""
import contextlib
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.host_session import host_session
from blitznet_estimator.logs import log
from blitznet_estimator.machine import ordered_map
from blitznet_estimator.runtime import tf
from input_fn.datasets.prepared import is_prepared
from input_fn.datasets.record_checks import checked_sample, discard_report, named_records
from input_fn.parsing import parse
from input_fn.rendering import decoded_sample


def find_bad_record(source, masks):
    """A sentence that names the first bad record of a Source, its file, and what to do; None where all are good.

    masks: whether the pipeline decodes them.
    """
    log.warning('Looking for the bad record among the %d of %s, split %s.', source.num_examples, source.name, source.split)
    with _decoder(source, masks) as decode:
        checks = ordered_map(lambda item: _check(item, source, decode), named_records(source.files))
        return next((message for message in checks if message), None)


def _check(item, source, decode):
    """What is wrong with a (record, its name); None where nothing is."""
    record, where = item
    try:
        checked_sample(record, source.format, source.num_classes, where)
        decode(record)
    except UserError as error:
        if source.check_report:  # it was good then, and is found when it is checked again
            discard_report(source.check_report)
            return '%s Start again, and it is left out, as --on_bad_record=skip says.' % error
        return '%s %s' % (error, _remedy(where))
    except tf.errors.OpError as error:  # of what OpenCV reads and TensorFlow doesn't
        return '%s: it cannot be decoded (%s). %s' % (where, error.message.strip().split('\n')[0], _remedy(where))
    return None


@contextlib.contextmanager
def _decoder(source, masks):
    """record -> nothing; tf.errors.OpError where the pipeline can't parse or decode it."""
    with tf.Graph().as_default(), host_session() as session:
        record = tf.placeholder(tf.string, [])
        sample = parse({'record': record, 'path': '', 'index': 0}, source.format, source.num_classes, masks)
        decoded = decoded_sample(sample, source.format.raw)
        decode = tf.group(decoded['image'], decoded['mask'])
        yield lambda data: session.run(decode, {record: data})


def _remedy(where):
    """What to do about a record by its name '<path>, record <index>'."""
    path = where.rpartition(', record ')[0]
    folder = os.path.dirname(path)
    what = 'Delete the folder %s' % folder if is_prepared(folder) else 'Delete or replace %s' % path
    return '%s and start again: it is made and checked anew, and --on_bad_record=skip leaves out what is bad.' % what
