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


@pytest.mark.parametrize('text, content', [('[1]', [1]), ('\xef\xbb\xbf{"a": 2.5}', {'a': 2.5}), ('null', None)])
def test_what_is_read(tmp_path, text, content):
    path = write(tmp_path, text)
    assert json_files.read(path) == json_files.read_own(path) == content
    if isinstance(content, dict):
        assert json_files.read_object(path) == content
    else:
        with pytest.raises(UserError, match='a.json: not a JSON file of an object'):
            json_files.read_object(path)
