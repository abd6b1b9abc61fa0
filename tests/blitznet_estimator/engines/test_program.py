"""A program that computes for this one, by small programs of Python in its place: its answers, its faults, and its end."""
import os
import select
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from blitznet_estimator.engines.program import Program, ProgramError
from tests.paths import ROOT

HELLO = """
    import json, os, sys
    def say(**header):
        sys.stdout.buffer.write(json.dumps(header).encode() + b'\\n')
        sys.stdout.buffer.flush()
    say(arrays={}, name='doubles')
"""
DOUBLES = HELLO + """
    import numpy
    for line in sys.stdin.buffer:
        found = {}
        for name, shape in json.loads(line)['arrays'].items():
            size = 4 * int(numpy.prod(shape))
            found[name] = 2 * numpy.frombuffer(sys.stdin.buffer.read(size), '<f4').reshape(shape)
        say(arrays={name: array.shape for name, array in found.items()})
        sys.stdout.buffer.write(b''.join(array.tobytes() for array in found.values()))
        sys.stdout.buffer.flush()
"""


def command(code):
    return [sys.executable, '-c', textwrap.dedent(code)]


@pytest.fixture(name='start')
def program_starter():
    """(code of Python) -> Program, closed at the end."""
    started = []

    def start(code):
        started.append(Program(command(code)))
        return started[-1]
    yield start
    for program in started:
        program.close()


def test_arrays_go_there_and_come_back(start):
    program = start(DOUBLES)
    assert program.greeting['name'] == 'doubles'
    arrays = {'a': np.arange(6.).reshape(2, 3), 'none': np.zeros((0, 4)), 'ä': np.ones([1, 300, 300, 3], np.float32)}
    for _ in range(2):
        found = program.ask(arrays)
        assert {name: array.dtype for name, array in found.items()} == dict.fromkeys(arrays, np.dtype(np.float32))
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], 2 * array)
    program.close()
    assert program._process.returncode == 0  # it ended by itself


@pytest.mark.parametrize('code, said', [
    ("raise SystemExit('No such library')", 'it ended: No such library'),
    ('', 'it ended$'),
    ("print('Hi, looks like you are new here')", 'its answer makes no sense: '),
    ("import sys; sys.stdout.buffer.write(bytes(range(128, 256)))", 'its answer makes no sense: '),
    ("print('3')", 'its answer makes no sense: '), ("print('{}')", 'its answer makes no sense: '),
    ("print('[' * 9999)", 'its answer makes no sense: '),
    ("""print('{"arrays": {"a": [-1]}}')""", r'its answer makes no sense: \[-1\] is no shape'),
    ("""print('{"arrays": {"a": "many"}}')""", 'its answer makes no sense: many is no shape'),
    ("""print('{"arrays": {"a": [4]}}\\nabc')""", 'it ended'),
    ("""print('{"arrays": {}, "error": "no memory"}')""", 'no memory$')])
def test_a_program_that_fails_at_once(code, said):
    with pytest.raises(ProgramError, match='^' + said):
        Program(command(code))


@pytest.mark.parametrize('code, said', [
    ("sys.stdin.readline(); sys.exit('Out of memory')", 'it ended: Out of memory'), ('os._exit(7)', 'it ended$'),
    ("sys.stdin.readline(); print('Warning: slow'); sys.stdout.flush(); sys.stdin.read()", 'its answer makes no sense'),
    ("sys.stdin.readline(); say(arrays={}, error='no such operation'); sys.stdin.read()", 'no such operation')])
def test_a_program_that_fails_later_fails_from_then_on(start, code, said):
    program = start(HELLO + '    ' + code)
    with pytest.raises(ProgramError, match='^' + said):
        program.ask({'a': np.zeros([1000, 1000])})
    assert program._process.returncode is not None
    with pytest.raises(ProgramError, match='it ended'):
        program.ask({'a': np.zeros(3)})


def test_what_does_not_end_is_ended(start, monkeypatch):
    monkeypatch.setattr('blitznet_estimator.engines.program.PATIENCE', .1)
    program = start(HELLO + '    while True: sys.stdin.read()')
    program.close()
    assert program._process.returncode == -signal.SIGKILL


def test_none_is_left_where_this_process_is_killed(tmp_path):
    """The program holds a pipe open for as long as it lives."""
    pipe = str(tmp_path / 'pipe')
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    code = 'from blitznet_estimator.engines.program import Program; import os; Program(%r); os.kill(os.getpid(), 9)' % (
        command("held = open(%r, 'wb', 0); held.write(b'x')" % pipe + textwrap.dedent(DOUBLES)),)
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == -signal.SIGKILL
    found = [os.read(reader, 9) for _ in range(2) if select.select([reader], [], [], 60)[0]]
    os.close(reader)
    assert found == [b'x', b'']
