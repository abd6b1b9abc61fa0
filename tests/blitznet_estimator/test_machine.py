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


@pytest.mark.parametrize('text, expected', [
    ('processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n', True), ('flags\t\t: amx_bf16 amx_tile\n', True),
    ('Features\t: fp asimd i8mm bf16\n', True),
    ('flags\t\t: fpu avx2 avx512f\n', False), ('model name\t: avx512_bf16\nflags\t: fpu\n', False), ('', False)])
def test_bfloat16_is_read_from_the_flags_of_the_first_core(text, expected, tmp_path):
    (tmp_path / 'cpuinfo').write_text(text)
    assert machine.has_bfloat16(str(tmp_path / 'cpuinfo')) is expected
    assert machine.has_bfloat16(str(tmp_path / 'absent')) is False
