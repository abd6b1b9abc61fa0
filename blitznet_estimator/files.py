"""Files appear whole or not at all: they are written under a temporary name, and renamed. Processes that share a folder take turns in it."""
import contextlib
import json
import os

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nobody waits
    fcntl = None


def write_bytes(path, data):
    """Write bytes to `path`, making its folder where it is missing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    temporary = '%s.%d.tmp' % (path, os.getpid())
    with open(temporary, 'wb') as file:
        file.write(data)
    os.replace(temporary, path)


def write_text(path, text):
    """Write text to `path` as UTF-8."""
    write_bytes(path, text.encode('utf-8'))


def write_json(path, value):
    """Write a value to `path` as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + '\n')


@contextlib.contextmanager
def locked(folder):
    """One process at a time is in the `with` block of a folder, which is made where it is missing; the others wait. Not to be nested.

    A process that dies leaves its lock: the system knows that it is gone.
    """
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, '.lock'), 'w') as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
