import os

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
