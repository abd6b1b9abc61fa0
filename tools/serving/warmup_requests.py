"""The requests for the warm-up that a SavedModel brings, read back: what `blitznet_estimator.formats.warmup` wrote.

They are PredictionLog messages of TensorFlow Serving, of whose fields the few that matter are read by protobuf's wire format.
"""
import os

from google.protobuf.message import DecodeError

from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import warmup
from blitznet_estimator.runtime import tf
from input_fn.datasets.tfrecord import read_records

_FIXED = {1: 8, 5: 4}  # bytes of the kinds of numbers that have a fixed size
_LONGEST = 70  # bits of the longest number, in ten bytes


def read(path):
    """[(signature, {input: array})] of a file; empty where there is none."""
    if not os.path.isfile(path):
        return []
    try:
        return [_request(record) for record in read_records(path)]
    except (LookupError, StopIteration, ValueError, TypeError, DecodeError) as error:
        raise UserError('%s holds no requests for the warm-up (%s): export again.' % (path, str(error) or type(error).__name__))


def _request(record):
    request = _fields(_only(_only(record, warmup.PREDICT_LOG), warmup.REQUEST))
    signature = _only(_only_of(request, warmup.MODEL_SPEC), warmup.SIGNATURE_NAME).decode('utf-8')
    entries = [_fields(data) for number, data in request if number == warmup.INPUTS]
    proto = type(tf.make_tensor_proto(0))  # TensorProto
    return signature, {_only_of(entry, warmup.KEY).decode('utf-8'): tf.make_ndarray(proto.FromString(_only_of(entry, warmup.VALUE)))
                       for entry in entries}


def _only(message, number):
    return _only_of(_fields(message), number)


def _only_of(fields, number):
    return next(data for found, data in fields if found == number)


def _fields(message):
    """[(number, bytes)] of a message's fields of bytes. Fields of numbers are passed over."""
    found, position = [], 0
    while position < len(message):
        tag, position = _varint(message, position)
        if tag & 7 == 0:
            _, position = _varint(message, position)
            continue
        if tag & 7 == 2:
            length, position = _varint(message, position)
            found.append((tag >> 3, message[position:position + length]))
        else:
            length = _FIXED[tag & 7]
        position += length
    return found


def _varint(message, position):
    value = shift = 0
    while shift < _LONGEST:
        byte = message[position]
        value |= (byte & 127) << shift
        shift, position = shift + 7, position + 1
        if byte < 128:
            return value, position
    raise ValueError('a number has over %d bits' % _LONGEST)
