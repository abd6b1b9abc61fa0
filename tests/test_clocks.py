"""Durations are measured by clocks that nobody sets: time.monotonic and time.perf_counter."""
import glob
import os
import re

from tests.paths import ROOT


def modules_with(pattern):
    """Paths of the modules, but for the tests, in which a pattern is found."""
    paths = [os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, '**', '*.py'), recursive=True)]
    paths = [path for path in paths if not path.startswith('tests' + os.sep)]
    assert len(paths) > 100
    return [path for path in paths if re.search(pattern, open(os.path.join(ROOT, path), encoding='utf-8').read())]


def test_the_time_of_day_is_no_stopwatch():
    assert modules_with(r'\btime\.time\b|\btime_ns\b') == []


def test_the_time_of_day_orders_nothing_that_a_clock_set_back_would_confuse():
    """The name of an export is also higher than the others (`exports.next_number`); a row of metrics.csv shows the time, and is not sorted by it."""
    known = {os.path.join('blitznet_estimator', 'drivers', name) for name in ('export.py', 'metrics_table.py')}
    assert set(modules_with(r'\.(now|utcnow|today)\(|\b(gmtime|localtime|ctime|strftime)\(')) == known
