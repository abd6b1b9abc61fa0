"""The requests that TensorFlow Serving sends a new version before it serves it: TFRecords of PredictionLog messages.

The messages' own package is no part of TensorFlow. Of them only the few fields that are needed are written, by protobuf's wire format:
tensorflow_serving/apis/prediction_log.proto, predict.proto and model.proto.
"""
from blitznet_estimator.runtime import tf

NAME = 'tf_serving_warmup_requests'
REQUEST = 1  # of PredictLog
PREDICT_LOG = 6  # of PredictionLog
MODEL_SPEC, INPUTS = 1, 2  # of PredictRequest
SIGNATURE_NAME = 3  # of ModelSpec
KEY, VALUE = 1, 2  # of an entry of a map


def write(path, requests):
    """Write one request per signature: {signature: {input: value}}."""
    with tf.python_io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            writer.write(prediction_log(signature, inputs))


def prediction_log(signature, inputs):
    """The bytes of a PredictionLog with a request to a signature."""
    request = _field(MODEL_SPEC, _field(SIGNATURE_NAME, signature.encode('utf-8')))
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(INPUTS, _field(KEY, name.encode('utf-8')) + _field(VALUE, tensor))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number, data):
    """A field of bytes: its number with the wire type 2, the length, the bytes."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value):
    digits = []
    while value >= 128:
        digits.append(value % 128 | 128)
        value //= 128
    return bytes(digits + [value])
