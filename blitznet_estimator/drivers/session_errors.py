"""The errors of a session that a user can mend, as sentences."""
import contextlib
import re

from blitznet_estimator.errors import DISK_IS_FULL, UserError
from blitznet_estimator.runtime import tf


@contextlib.contextmanager
def user_errors(checkpoint, input_fn=None):
    """Raise UserError in place of TensorFlow's error, inside the `with` block, where its cause is known.

    Args:
      checkpoint: the one in use; '' where there is none.
      input_fn: what feeds the session; its attribute `find_bad_record`, if it has one, is asked where the input failed.
    """
    try:
        yield
    except tf.errors.OpError as error:
        sentence = _sentence(error, str(error), checkpoint, getattr(input_fn, 'find_bad_record', lambda: None))
        if sentence:
            raise UserError(sentence)
        raise


def _sentence(error, text, checkpoint, find_bad_record):
    if 'Restoring from checkpoint failed' in text:
        return '%s is of another network (%s): give the flags that it was trained with.' % (checkpoint, _mismatch(text))
    own = re.search(r'UserError: (.*)', text)  # raised in Python that the graph called
    if own:
        return own.group(1)
    record = re.search(r'\[in file\] \[(.*?)\] \[record\] \[(\d+)\]', text)
    if record:
        return '%s, record %s: it is malformed. Check the records with tools.prepare_data --verify.' % record.groups()
    bad = find_bad_record() if _is_of_input(error, text) else None
    if bad:
        return bad
    if DISK_IS_FULL.search(text):  # TensorFlow calls a full disk an exhausted resource, as it does memory
        return 'The disk is full (%s): make room, then give the same command%s.' % (
            error.message.splitlines()[0], checkpoint and ', which resumes from %s' % checkpoint)
    if isinstance(error, tf.errors.DataLossError) and re.search(r'\.(index|data-\d+-of-\d+)\b|checksum does not match: stored', text):
        return '%s is damaged (%s): name another --checkpoint_path.' % (checkpoint, error.message.splitlines()[0])
    if isinstance(error, tf.errors.DataLossError):
        return 'A file of records is damaged (%s). Check them with tools.prepare_data --verify.' % error.message.splitlines()[0]
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return 'The device ran out of memory: lower --batch_size or --eval_batch_size.'
    return None


def _is_of_input(error, text):
    """Whether the input pipeline met something that can't be read or decoded."""
    return isinstance(error, (tf.errors.DataLossError, tf.errors.InvalidArgumentError)) and 'GetNext' in text


def _mismatch(text):
    """What of a checkpoint does not fit, out of TensorFlow's message."""
    found = re.search(r'Key (\S+) not found in checkpoint', text)
    if found:
        return 'it has no %s' % found.group(1)
    found = re.search(r'lhs shape= ?(\[[\d,]*\]) rhs shape= ?(\[[\d,]*\])', text)
    return 'a variable has shape %s instead of %s' % (found.group(2), found.group(1)) if found else 'its variables differ'
