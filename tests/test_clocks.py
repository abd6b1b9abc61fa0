"""Durations are measured by clocks that nobody sets: time.monotonic and time.perf_counter."""
import glob
import os
import re

from tests.paths import ROOT


def test_the_time_of_day_is_no_stopwatch():
    paths = [path for path in glob.glob(os.path.join(ROOT, '**', '*.py'), recursive=True)
             if not os.path.relpath(path, ROOT).startswith('tests' + os.sep)]
    assert len(paths) > 100
    assert [path for path in paths if re.search(r'\btime\.time\b', open(path, encoding='utf-8').read())] == []
