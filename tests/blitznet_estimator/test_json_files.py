"""JSON files of others, whose faults are sentences, and the project's own, which may be damaged."""
import re

import pytest

from blitznet_estimator import json_files
from blitznet_estimator.errors import UserError

DAMAGED = ['', '{', '[' * 100000, '\xff']


def write(tmp_path, text):
    path = tmp_path / 'a.json'
    path.write_bytes(text.encode('latin-1'))
    return str(path)


@pytest.mark.parametrize('text', DAMAGED)
def test_a_file_that_cannot_be_read(tmp_path, text, caplog):
    path = write(tmp_path, text)
    with pytest.raises(UserError, match='a.json, the index: not a readable JSON file [(]'):
        json_files.read(path, 'the index')
    for _ in range(2):
        assert json_files.read_own(path) is None
    said, = caplog.messages  # once
    assert re.match('.*a.json: not a readable JSON file [(].*[)][.] It is left out[.]$', said)


def test_a_file_that_is_not_there(tmp_path, caplog):
    with pytest.raises(UserError, match='a.json: not a readable JSON file [(]No such file'):
        json_files.read(str(tmp_path / 'a.json'))
    assert json_files.read_own(str(tmp_path / 'a.json')) is None and not caplog.messages


@pytest.mark.parametrize('text, said', [
    ('{"a": 1, "b": []}', ''), ('[]', 'not an object'), ('{"b": []}', '"a" is missing'), ('{"a": true, "b": []}', '"a" is True'),
    ('{"a": 1, "b": 7}', '"b" is 7'), ('{', 'not a readable')])
def test_fields_of_kinds(tmp_path, text, said):
    path = write(tmp_path, text)
    if not said:
        assert json_files.read_fields(path, 'the index', a=int, b=list) == {'a': 1, 'b': []}
        return
    with pytest.raises(UserError, match='a.json, the index: .*' + said):
        json_files.read_fields(path, 'the index', a=int, b=list)


@pytest.mark.parametrize('value, are_texts, are_numbers', [
    ([], True, True), (['a'], True, False), ([1], False, True), ([True], False, False), (['a', None], False, False), ('a', False, False),
    (None, False, False)])
def test_lists_of_a_kind(value, are_texts, are_numbers):
    assert json_files.is_list_of(str, value) == are_texts and json_files.is_list_of(int, value) == are_numbers
    if are_texts:
        assert json_files.texts({'a': value}, 'a', 'x') == value and json_files.texts({}, 'a', 'x') == []
    else:
        with pytest.raises(UserError, match='^x: "a" is .*; it must be a list of texts'):
            json_files.texts({'a': value}, 'a', 'x')


@pytest.mark.parametrize('text, content', [('[1]', [1]), ('\xef\xbb\xbf{"a": 2.5}', {'a': 2.5}), ('null', None)])
def test_what_is_read(tmp_path, text, content):
    path = write(tmp_path, text)
    assert json_files.read(path) == json_files.read_own(path) == content
    if isinstance(content, dict):
        assert json_files.read_object(path) == content
    else:
        with pytest.raises(UserError, match='a.json: not a JSON file of an object'):
            json_files.read_object(path)
