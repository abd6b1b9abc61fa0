import os
import subprocess
import sys

import pytest

from blitznet_estimator import files


def test_a_file_appears_whole(tmp_path, monkeypatch):
    path = str(tmp_path / 'new' / 'a.json')
    files.write_json(path, {'b': [1, None]})
    assert open(path).read() == '{\n  "b": [\n    1,\n    null\n  ]\n}\n'

    def stop(*names):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'replace', stop)  # as if killed just before
    with pytest.raises(KeyboardInterrupt):
        files.write_text(path, 'other')
    assert open(path).read().startswith('{')


PROGRAM = '''
import sys, time
from blitznet_estimator import files
with files.locked(sys.argv[1]):
    before = open(sys.argv[1] + '/count').read()
    time.sleep(.1)
    files.write_text(sys.argv[1] + '/count', str(int(before) + 1))
'''


def test_processes_take_turns_in_a_folder(tmp_path):
    (tmp_path / 'count').write_text('0')
    started = [subprocess.Popen([sys.executable, '-c', PROGRAM, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    assert (tmp_path / 'count').read_text() == '4'


def test_a_lock_ends_with_its_block_and_makes_its_folder(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), files.locked(str(tmp_path / 'new')):
            raise KeyError
