"""Converters as processes: lines of progress, last words, and that none is left."""
import logging
import re
import subprocess
import sys

import pytest

from blitznet_estimator.errors import UserError
from blitznet_estimator.formats import process


def test_a_long_conversion_says_how_long_it_takes(monkeypatch, caplog):
    monkeypatch.setattr(process, 'LINE_EVERY', .05)
    with caplog.at_level(logging.INFO):
        assert process.waited(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(.3); raise SystemExit(7)']), 'Converting') == 7
    assert 'Converting: 0 s so far' in caplog.text and re.search(r'Converting: \d\.\d s$', caplog.text, re.MULTILINE)


def test_what_a_process_printed_last_is_said_where_it_fails(tmp_path):
    process.run([sys.executable, '-c', 'print(1)'], str(tmp_path / 'out'), 'Converting')
    assert (tmp_path / 'out').read_text() == '1\n'
    fails = 'for i in range(20): print(i, flush=True)\nraise SystemExit("No such operation")'
    with pytest.raises(UserError) as caught:
        process.run([sys.executable, '-c', fails], str(tmp_path / 'out'), 'Converting')
    assert str(caught.value).splitlines() == ['Converting failed:'] + [str(number) for number in range(13, 20)] + ['No such operation']


def test_a_process_that_nobody_waits_for_any_more_is_ended(tmp_path, monkeypatch):
    started = []

    def interrupted(running, title):
        started.append(running)
        raise KeyboardInterrupt
    monkeypatch.setattr(process, 'waited', interrupted)
    with pytest.raises(KeyboardInterrupt):
        process.run([sys.executable, '-c', 'import time; time.sleep(600)'], str(tmp_path / 'out'), 'Converting')
    assert started[0].returncode < 0
