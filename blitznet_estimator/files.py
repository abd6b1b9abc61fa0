"""Files and folders appear whole or not at all, and processes that share a folder take turns in it.

They are written under a temporary name, flushed to the disk, and renamed: after a crash there is the old one or the new one.
"""
import contextlib
import errno
import glob
import hashlib
import json
import os
import re
import shutil
import socket

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nobody waits
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a file system that has none: nobody waits there either
_TAKEN = (errno.EAGAIN, errno.EACCES)
_MACHINE = hashlib.sha1(socket.gethostname().encode('utf-8')).hexdigest()[:4]
_TEMPORARY = re.compile(r'.\.(\d+)-%s[0-9a-f]{4}\.tmp$' % _MACHINE)  # as `unpublished` names those of this machine; the number is the process
_unpublished = []  # temporary paths of this process


@contextlib.contextmanager
def unpublished(path, alone=False):
    """The temporary path of a new file or folder for `path`, beside it. What is not published when the `with` block ends is removed.

    The folder of `path` is made where it is missing.

    Args:
      alone: whether nobody else writes this path meanwhile, as in a `locked` folder. Then the temporary path is always the same, and
        what a killed process left there is removed.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    temporary = path + ('.tmp' if alone else '.%d-%s%s.tmp' % (os.getpid(), _MACHINE, os.urandom(2).hex()))
    _remove(temporary)
    _unpublished.append(temporary)
    try:
        yield temporary
    finally:
        _remove(temporary)
        _unpublished.remove(temporary)


def sweep(folder, left=()):
    """Remove what killed processes left in `folder`: temporary paths of `unpublished`, and what the globs `left` match; returns their number.

    The caller knows that no living process writes what `left` matches. Temporary paths of other machines stay: nobody here sees whether
    their process lives.
    """
    found = [path for pattern in left for path in glob.glob(os.path.join(glob.escape(folder), pattern))]
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        temporary = _TEMPORARY.search(name)
        if temporary and not _is_alive(int(temporary.group(1))):
            found.append(os.path.join(folder, name))
    for path in found:
        _remove(path)
    return len(found)


def _is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


def publish(temporary, path):
    """Put the finished file or folder `temporary` in the place of `path`, when it is on the disk."""
    _flush(temporary)
    if os.path.isdir(path):
        with unpublished(path) as outdated:  # a folder takes the place of no other that holds something
            os.rename(path, outdated)
            os.rename(temporary, path)
    else:
        os.replace(temporary, path)


def publish_folder(temporary, paths):
    """Put the finished folder `temporary`, which holds something, at the first of `paths` that is free; returns that. Others may do so at once."""
    _flush(temporary)
    for path in paths:
        try:
            os.rename(temporary, path)
            return path
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), temporary)


def publish_entries(temporary, folder, last):
    """Move what the finished folder `temporary` holds into `folder`, over what has the same names. Names that end in `last` come last."""
    _flush(temporary)
    for name in sorted(os.listdir(temporary), key=lambda name: (name.endswith(last), name)):
        os.replace(os.path.join(temporary, name), os.path.join(folder, name))


@contextlib.contextmanager
def replacing(path, alone=False):
    """The temporary path of a new file or folder, which takes the place of `path` when the `with` block has ended well. As `unpublished`."""
    with unpublished(path, alone) as temporary:
        yield temporary
        publish(temporary, path)


def _flush(path):
    """Wait until a file, or all in a folder, is on the disk. What lies in an unpublished folder is flushed with that folder."""
    if any(path.startswith(folder + os.sep) for folder in _unpublished):
        return
    if os.path.isdir(path):
        os.sync()  # of everything at once: file by file it takes minutes for a data set
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def write_bytes(path, data):
    """Write bytes to `path`, making its folder where it is missing."""
    with replacing(path) as temporary, open(temporary, 'wb') as file:
        file.write(data)


def copy(source, path, link=False):
    """Copy a file. With `link` it becomes another name of the same data, where the file system has such names."""
    with replacing(path) as temporary:
        if not (link and _linked(source, temporary)):
            shutil.copy2(source, temporary)


def _linked(source, path):
    try:
        os.link(source, path)
    except OSError:
        return False
    return True


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
    with open(os.path.join(folder, '.lock'), 'w', encoding='utf-8') as lock:
        if fcntl:
            _take(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def only_one(path):
    """Whether this process alone is in the `with` block of a file, which is made where it is missing. Nobody waits; a dead process holds nothing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, 'a', encoding='utf-8') as lock:
        yield not fcntl or _take(fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


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
    with open(os.path.join(folder, '.claims'), 'a', encoding='utf-8') as claims:
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
