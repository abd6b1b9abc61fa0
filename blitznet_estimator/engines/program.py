"""A program of another language that computes for this one, for as long as both live.

A message in either direction is a line of JSON and the bytes that it announces: {"arrays": {name: shape}} and their values, float32, the least
byte first. The program begins with a message of its own, answers each one, and ends where its input ends: also when this process is killed.
{"error": text} is its last message.
"""
import json
import subprocess
import tempfile
import threading

import numpy as np

from blitznet_estimator import json_files

LONGEST_LINE = 1 << 20  # bytes
SHOWN = 300  # characters of what the program says
PATIENCE = 10.  # seconds that it has to end in


class ProgramError(Exception):
    """The program could not do it, or is gone. The message is what it said last."""


class Program:
    """A program that runs. `ask` may be called by several threads at once.

    Attributes:
      greeting: the header of its first message.
    """

    def __init__(self, command):
        self._said, self._lock = tempfile.TemporaryFile(), threading.Lock()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
                                         start_new_session=True)  # Ctrl-C is for this process, which may have more to ask
        self.greeting, _ = self._answered(self._read)

    def ask(self, arrays):
        """{name: float32 array} that the program answers {name: array} with. ProgramError where it fails, and from then on."""
        with self._lock:
            return self._answered(lambda: self._write(arrays) or self._read())[1]

    def close(self):
        """End the program."""
        try:
            self._process.stdin.close()
        except OSError:  # it is gone
            pass
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._kill()
        self._process.stdout.close()
        self._said.close()

    def _answered(self, exchange):
        """What `exchange` returns; any failure of it ends the program, which may be in the middle of a message."""
        try:
            header, found = exchange()
        except (OSError, EOFError):
            self._fail('it ended')
        except (KeyError, TypeError, AttributeError, OverflowError, MemoryError) + json_files.ERRORS as error:
            self._fail('its answer makes no sense: %s' % error)
        except BaseException:
            self._kill()
            raise
        if 'error' in header:
            self._fail(str(header['error']))
        return header, found

    def _write(self, arrays):
        values = {name: np.ascontiguousarray(array, '<f4') for name, array in arrays.items()}
        header = {'arrays': {name: array.shape for name, array in values.items()}}
        for part in [json.dumps(header).encode() + b'\n'] + [array.tobytes() for array in values.values()]:
            self._process.stdin.write(part)
        self._process.stdin.flush()

    def _read(self):
        """(header, {name: array}) of the next message. EOFError where the program ended."""
        line = self._process.stdout.readline(LONGEST_LINE)
        if not line:
            raise EOFError
        header = json.loads(line.decode('utf-8'))
        return header, {name: self._read_array(shape) for name, shape in header['arrays'].items()}

    def _read_array(self, shape):
        if not json_files.is_list_of(int, shape) or min(shape, default=0) < 0:
            raise ValueError('%s is no shape' % (shape,))
        count = 4
        for side in shape:
            count *= side
        data = self._process.stdout.read(count)
        if len(data) < count:
            raise EOFError
        return np.frombuffer(data, '<f4').reshape(shape).astype(np.float32)

    def _fail(self, reason):
        self._kill()
        self._said.seek(0)
        said = self._said.read().decode('utf-8', 'replace').strip()
        raise ProgramError(reason + (': ' + said[-SHOWN:] if said else ''))

    def _kill(self):
        self._process.kill()
        self._process.wait()
