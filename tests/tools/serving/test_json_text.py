import pytest

from tools.serving import json_text
from tools.serving.errors import SHOWN, ApiError


@pytest.mark.parametrize('data, expected', [
    (b'{}', {}), (b'  {"a": [1, NaN, -Infinity]} and more', {'a': [1, float('nan'), float('-inf')]}),
    ('{"é": "\\"[[["}'.encode(), {'é': '"[[['}),
    (b'{"a": 123456789012345678901234567890}', {'a': 1.2345678901234568e+29})])
def test_an_object_is_read_and_what_follows_is_not(data, expected):
    assert str(json_text.read_object(data)) == str(expected)  # nan is unequal to itself


@pytest.mark.parametrize('data, message', [
    (b'', 'JSON Parse error: The document is empty'), (b' \n', 'JSON Parse error: The document is empty'),
    (b'instances = [1, 2]', 'JSON Parse error: Invalid value. at offset: 0'), (b'{"a": }', 'JSON Parse error: Invalid value. at offset: 6'),
    (b'[1, 2]', 'JSON Value: [1, 2] Is not object'), (b'"text"', 'Is not object'), (b'\xff', 'JSON Parse error: Invalid encoding in string.'),
    (b'[' * 100000, 'more than 32 lists or objects within each other'), (b'{"a":' * 100000, 'more than 32 lists or objects'),
    (b'{"a": "\\\\", "b": ' + b'[' * 40, 'more than 32 lists or objects')])
def test_what_is_no_object(data, message):
    with pytest.raises(ApiError) as error:
        json_text.read_object(data)
    assert message in str(error.value) and error.value.code == 400


def test_a_number_of_a_million_digits_takes_no_time():
    assert json_text.read_object(b'{"a": ' + b'9' * 10 ** 6 + b'}') == {'a': float('inf')}


def test_brackets_within_a_string_are_no_depth():
    assert json_text.read_object(b'{"a": "' + b'[' * 100 + b'\\"' + b'[' * 100 + b'", "b": 1}')['b'] == 1


def test_a_message_shows_the_beginning():
    assert json_text.beginning({'a': [1, 'x' * 10 ** 6]}).startswith('{"a": [1, "xxx') and len(json_text.beginning({'a': 'x' * 10 ** 6})) <= 2 * SHOWN
