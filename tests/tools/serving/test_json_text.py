import tracemalloc

import pytest

from tools.serving import json_text
from tools.serving.errors import SHOWN, ApiError


@pytest.mark.parametrize('data, expected', [
    (b'{}', {}), (b'  {"a": [1, NaN, -Infinity]} and more', {'a': [1, float('nan'), float('-inf')]}),
    ('{"é": "\\"[[["}'.encode(), {'é': '"[[['}),
    (b'{"a": 123456789012345678901234567890}', {'a': 1.2345678901234568e+29}),
    (b'{"a": [Inf, -Inf, "\\"Inf", Infinity, 1e300]}', {'a': [float('inf'), float('-inf'), '"Inf', float('inf'), 1e300]})])
def test_an_object_is_read_and_what_follows_is_not(data, expected):
    assert str(json_text.read_object(data)) == str(expected)  # nan is unequal to itself


@pytest.mark.parametrize('data, message', [
    (b'', 'JSON Parse error: The document is empty'), (b' \n', 'JSON Parse error: The document is empty'),
    (b'instances = [1, 2]', 'JSON Parse error: Invalid value. at offset: 0'), (b'{"a": }', 'JSON Parse error: Invalid value. at offset: 6'),
    (b'[1, 2]', 'JSON Value: [1, 2] Is not object'), (b'"text"', 'Is not object'), (b'\xff', 'JSON Parse error: Invalid encoding in string.'),
    (b'[' * 100000, 'more than 32 lists or objects within each other'), (b'{"a":' * 100000, 'more than 32 lists or objects'),
    (b'{"a": "\\\\", "b": ' + b'[' * 40, 'more than 32 lists or objects'),
    (b'{"a": ' + b' ' * (1 << 21) + b'[' * 40, 'more than 32 lists'),
    (b'{"a": [Inf, Info]}', 'JSON Parse error: Invalid value. at offset'), (b'{"a": Infi}', 'JSON Parse error: Invalid value. at offset'),
    (b'{"a": [1e400]}', 'JSON Parse error: Number too big to be stored in double.'), (b'{"a": -1E+999}', 'Number too big'),
    (b'{"a": ' + b'9' * 400 + b'}', 'JSON Parse error: Number too big to be stored in double.'),
    (b'{"a": ' + b'9' * 10 ** 6 + b'}', 'Number too big')])
def test_what_is_no_object(data, message):
    with pytest.raises(ApiError) as error:
        json_text.read_object(data)
    assert message in str(error.value) and error.value.code == 400


@pytest.mark.parametrize('data, count', [(b'{"a": [1, [2, 3]], "b": "1,2,\\",3"} , , ,', 4), (b'{"a": [' + b'1,' * (1 << 20) + b'1]}', 2 ** 20 + 1)])
def test_values_are_counted_before_they_are_read(data, count):
    assert json_text.read_object(data, max_values=count)
    with pytest.raises(ApiError, match='The request holds more than %d values' % (count - 1)):
        json_text.read_object(data, max_values=count - 1)


@pytest.mark.parametrize('data', [b'{"a": "' + b'\\"' * 10 ** 6, b'{"a": "' + b'\\"' * 10 ** 6 + b'", "b": [Inf'])
def test_strings_of_escapes_take_no_memory_of_their_own(data):
    tracemalloc.start()
    with pytest.raises(ApiError, match='Invalid value'):
        json_text.read_object(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * len(data)


def test_brackets_within_a_string_are_no_depth():
    assert json_text.read_object(b'{"a": "' + b'[' * 100 + b'\\"' + b'[' * 100 + b'", "b": 1}')['b'] == 1


def test_a_message_shows_the_beginning():
    assert json_text.beginning({'a': [1, 'x' * 10 ** 6]}).startswith('{"a": [1, "xxx') and len(json_text.beginning({'a': 'x' * 10 ** 6})) <= 2 * SHOWN
