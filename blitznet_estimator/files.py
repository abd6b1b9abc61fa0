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
import tempfile

try:
    import fcntl
except ImportError:  # only Unix has it; elsewhere nobody waits
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a file system that has none: nobody waits there either
_TAKEN = (errno.EAGAIN, errno.EACCES)
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)  # of what writes, which does not know the name of its file
_MACHINE = hashlib.sha1(socket.gethostname().encode('utf-8')).hexdigest()[:4]
_TEMPORARY = re.compile(r'(.+\.(\d+)-([0-9a-f]{4})[0-9a-f]{4}\.tmp)(\.lock)?$')  # as `unpublished` names them: process, machine, a random number
_OLD = 24 * 3600  # seconds
_LOCK = '.lock'  # ends the name of the file that the writer of a temporary path keeps locked
_unpublished = []  # temporary paths of this process
_swept = set()  # folders in which this process looked for what dead ones left


@contextlib.contextmanager
def unpublished(path, alone=False):
    """The temporary path of a new file or folder for `path`, beside it. What is not published when the `with` block ends is removed.

    The folder of `path` is made where it is missing, and freed of what killed processes left. An error of the disk names `path`.

    Args:
      alone: whether nobody else writes this path meanwhile, as in a `locked` folder. Then the temporary path is always the same, and
        what a killed process left there is removed.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)
    temporary = path + ('.tmp' if alone else '.%d-%s%s.tmp' % (os.getpid(), _MACHINE, os.urandom(2).hex()))
    _unpublished.append(temporary)
    try:
        with _naming(path), contextlib.nullcontext() if alone else _held(temporary + _LOCK):
            _remove(temporary)
            try:
                yield temporary
            finally:
                _remove(temporary)
    finally:
        _unpublished.remove(temporary)


@contextlib.contextmanager
def _naming(path):
    """An error of the disk in the `with` block says which file was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_THE_DISK and error.filename is None:
            error.filename = path
        raise


@contextlib.contextmanager
def _held(path):
    """The new file `path` is there, and locked, inside the `with` block. Where the process dies the lock ends, and the file stays."""
    with open(path, 'w', encoding='utf-8') as lock:
        if fcntl:
            _take(fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        finally:
            _remove(path)


def sweep(folder, left=()):
    """Remove what killed processes left in `folder`: temporary paths of `unpublished`, and what the globs `left` match; returns their number.

    The caller knows that no living process writes what `left` matches. What cannot be removed stays, as what another user left.
    """
    found = [path for pattern in left for path in glob.glob(os.path.join(glob.escape(folder), pattern))]
    temporary = {match.group(1): match for match in map(_TEMPORARY.match, os.listdir(folder) if os.path.isdir(folder) else ()) if match}
    found += [os.path.join(folder, name) for name, match in temporary.items() if _is_left(os.path.join(folder, name), *match.group(2, 3))]
    return sum(_is_removed(path) for path in found)


def _is_left(temporary, process, machine):
    """Whether nobody writes a temporary path any more: its lock is free. Where it has none, this machine sees whether the process lives.

    One of this process's own number may have been in an earlier container. The locks of some file systems hold on one machine alone, so that
    what is another's also has to be a day old.
    """
    if os.path.basename(temporary) in map(os.path.basename, _unpublished):
        return False
    free = _is_free(temporary + _LOCK) if os.path.lexists(temporary) else None
    if machine != _MACHINE:
        return bool(free) and _is_old(temporary)
    return not _is_alive(int(process)) if free is None else free


def _is_old(path):
    """Whether a file or folder was made or changed a day ago or before, by the clock of its file system."""
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=os.path.dirname(path)) as new:
        return os.fstat(new.fileno()).st_mtime - os.stat(path).st_mtime >= _OLD
    return False


def _is_free(path):
    """Whether nobody has the lock of a file; None where that is not known."""
    try:
        with open(path, 'r+', encoding='utf-8') as lock:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
    except OSError as error:
        if error.errno in _TAKEN:
            return False
    return None


def _is_alive(process):
    if process == os.getpid():  # what this process writes is known
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


def _is_removed(path):
    try:
        _remove(path)
        _remove(path + _LOCK)
    except OSError:
        return False
    return True


def publish(temporary, path):
    """Put the finished file or folder `temporary` in the place of `path`, when it is on the disk."""
    _flush(temporary, path)
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


def remove_folder(folder, aside):
    """Delete a folder, which others see whole or not at all: it is moved to the path `aside` first. Where the process dies it is at one of both."""
    os.rename(folder, aside)
    _remove(aside)


@contextlib.contextmanager
def replacing(path, alone=False):
    """The temporary path of a new file or folder, which takes the place of `path` when the `with` block has ended well. As `unpublished`."""
    with unpublished(path, alone) as temporary:
        yield temporary
        publish(temporary, path)


def _flush(path, target=''):
    """Wait until a file, or all in a folder, is on the disk. What is to be in an unpublished folder (`target`) is flushed with that folder."""
    if any(target.startswith(folder + os.sep) for folder in _unpublished):
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
    """Whether this process alone is in the `with` block of a file, which is made where it is missing; None where there are no locks to tell it.

    Nobody waits; a dead process holds nothing.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, 'a', encoding='utf-8') as lock:
        yield _take(fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB) if fcntl else None


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
        if fcntl and _take(fcntl.lockf, claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte) is False:
            waiting()
            _take(fcntl.lockf, claims, fcntl.LOCK_EX, 1, byte)
        yield


def _take(lock, *arguments):
    """Call one of fcntl's functions; returns whether nobody else has the lock, and None where the file system has no locks."""
    try:
        lock(*arguments)
    except OSError as error:
        if error.errno not in _NO_LOCKS + _TAKEN:
            raise
        return None if error.errno in _NO_LOCKS else False
    return True
