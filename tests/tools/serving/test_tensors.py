"""The cases of TensorFlow Serving's json_tensor_test.cc, as facts: what JSON becomes which array, and the other way."""
import numpy as np
import pytest

from tools.serving import tensors
from tools.serving.errors import ApiError


@pytest.mark.parametrize('value, dtype, expected', [
    (1, 'float32', 1.), ([], 'float32', []), ([1, 2.5], 'float32', [1, 2.5]), ([[1, 2], [3, 4]], 'int32', [[1, 2], [3, 4]]),
    ([[]], 'int32', [[]]), ([True, False], 'bool', [True, False]), ([255, 0], 'uint8', [255, 0]), ([2 ** 63 - 1], 'int64', [2 ** 63 - 1]),
    ([float('inf'), float('-inf')], 'float32', [float('inf'), float('-inf')]), ([16777215], 'float32', [16777215])])
def test_numbers(value, dtype, expected):
    array = tensors.to_array(value, dtype)
    assert array.dtype == dtype and array.shape == np.shape(expected) and array.tolist() == expected


@pytest.mark.parametrize('value, expected', [
    ('é', 'é'.encode()), ({'b64': 'aGVsbG8='}, b'hello'), ({'b64': 'aGVsbG8'}, b'hello'), ({'b64': ' aGVs\nbG8= '}, b'hello'),
    ({'b64': ''}, b''), ({'b64': '//79'}, b'\xff\xfe\xfd')])
def test_strings(value, expected):
    assert tensors.to_array([value], object).tolist() == [expected]


@pytest.mark.parametrize('value, dtype, message', [
    ([1, [2]], 'int32', 'Encountered list at unexpected level: 1 expected < 1'),
    ([[1], 2], 'int32', 'JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2'),
    ([[1, 2], [3]], 'int32', 'Encountered list at unexpected size: 1 at level: 1 expected size: 2'),
    ([1.0], 'int32', 'JSON Value: 1.0 Type: Number is not of expected type: int32'),
    ([True], 'float32', 'JSON Value: true Type: True is not of expected type: float'),
    ([None], 'float32', 'JSON Value: null Type: Null is not of expected type: float'),
    (['1'], 'int32', 'JSON Value: "1" Type: String is not of expected type: int32'),
    ([1], object, 'JSON Value: 1 Type: Number is not of expected type: string'),
    ([{'a': 1}], 'float32', 'JSON Value: {"a": 1} Type: Object is not of expected type: float'),
    ([256], 'uint8', 'JSON Value: 256 Type: Number is not of expected type: uint8'),
    ([16777217], 'float32', 'Cannot convert JSON value: 16777217 to float without loss of precision.'),
    ([1e40], 'float32', 'Cannot convert JSON value: 1e+40 to float without loss of precision.'),
    ([{'b64': '_-_-'}], object, 'Unable to base64 decode'), ([{'b64': 'aGVsbG8=='}], object, 'Unable to base64 decode'),
    ([{'b64': 'a'}], object, 'Unable to base64 decode'), ([{'b64': 'aGVé'}], object, 'Unable to base64 decode'),
    ([{'b64': 1}], object, 'JSON Value: {"b64": 1} not formatted correctly for base64 data'),
    ([{'b64': 'aaaa', 'x': 1}], object, 'not formatted correctly for base64 data'),
    (['\ud800'], object, 'JSON Parse error: The surrogate pair in string is invalid.')])
def test_what_fits_no_tensor(value, dtype, message):
    with pytest.raises(ApiError) as error:
        tensors.to_array(value, dtype)
    assert message in str(error.value) and error.value.code == 400


def test_a_float_is_the_shortest_that_is_read_back():
    array = np.array([.2, 1, 1e-5, 1 / 3, 16777216, np.nan, np.inf, -np.inf], np.float32)
    values = tensors.to_values(array, 'x')
    assert [repr(value) for value in values] == ['0.2', '1.0', '1e-05', '0.33333334', '16777216.0', 'nan', 'inf', '-inf']
    assert tensors.to_values(np.float32(.5), 'x') == .5 and tensors.to_values(np.zeros([2, 0], np.float32), 'x') == [[], []]


def test_other_outputs():
    assert tensors.to_values(np.array([[1, 2]], np.int32), 'x') == [[1, 2]] and tensors.to_values(np.array([True]), 'x') == [True]
    strings = np.array([[b'a', 'é'.encode()], [b'\xff', b'']], object)
    assert tensors.to_values(strings, 'name') == [['a', 'é'], ['\ufffd', '']]
    assert tensors.to_values(strings[1], 'name_bytes') == [{'b64': '/w=='}, {'b64': ''}]
    assert tensors.to_values(np.zeros([0, 3], object), 'name') == [] and tensors.to_values(np.zeros([2, 0], object), 'name') == [[], []]
