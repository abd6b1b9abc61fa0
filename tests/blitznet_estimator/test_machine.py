import os

import pytest

from blitznet_estimator import machine


def test_the_cores_that_are_allowed_count(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: {7, 2}, raising=False)
    assert machine.cores() == [2, 7] and machine.available_cores() == 2


@pytest.mark.parametrize('count, expected', [(4, [0, 1, 2, 3]), (None, [0])])
def test_a_system_without_affinity(monkeypatch, count, expected):
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    monkeypatch.delattr(os, 'sched_setaffinity', raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: count)
    machine.limit_cores(1)  # does nothing
    assert machine.cores() == expected


def test_a_limit_takes_the_first_cores(monkeypatch):
    taken = []
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: {5, 1, 3}, raising=False)
    monkeypatch.setattr(os, 'sched_setaffinity', lambda process, chosen: taken.append(chosen), raising=False)
    machine.limit_cores(0)
    machine.limit_cores(2)
    assert taken == [[1, 3]]
