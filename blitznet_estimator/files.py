"""Files appear whole or not at all: they are written under a temporary name, and renamed. Processes that share a folder take turns in it."""
import contextlib
import errno
import hashlib
import json
import os

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nobody waits
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a file system that has none: nobody waits there either
_TAKEN = (errno.EAGAIN, errno.EACCES)


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
            _take(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def claimed(folder, key, waiting=lambda: None):
    """One process at a time is in the `with` block of a key of a folder, which is made where it is missing; the others wait.

    A process that dies leaves its claim, as with `locked`. A process has one claim at a time: a second block of any key of the folder
    would end the first's.

    Args:
      key: text. Each has a byte of the file `.claims` to lock, far behind its end, so that nothing is left to be removed.
      waiting: called before it waits for another process.
    """
    os.makedirs(folder, exist_ok=True)
    byte = int(hashlib.sha1(key.encode('utf-8')).hexdigest()[:15], 16)
    with open(os.path.join(folder, '.claims'), 'a') as claims:
        if fcntl and not _take(fcntl.lockf, claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte):
            waiting()
            _take(fcntl.lockf, claims, fcntl.LOCK_EX, 1, byte)
        yield


def _take(lock, *arguments):
    """Call one of fcntl's functions; returns whether nobody else has the lock. A file system without locks has nobody."""
    try:
        lock(*arguments)
    except OSError as error:
        if error.errno not in _NO_LOCKS + _TAKEN:
            raise
        return error.errno in _NO_LOCKS
    return True
