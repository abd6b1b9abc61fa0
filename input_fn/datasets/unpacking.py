"""Archives as folders: whole, within the folder, and no larger than archives of data are; or not at all.

Others write archives. An entry whose path leads out of the folder, and one that is a link or a device, stops the extraction. So does
damage: of zip files each entry has a checksum, of tar files the end mark and gzip's checksum are asked for.
"""
import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile

from blitznet_estimator import files
from blitznet_estimator.errors import UserError
from blitznet_estimator.progress import Progress

_BLOCK = 1 << 20
_OPENERS = ((b'\x1f\x8b', gzip.open), (b'BZh', bz2.open), (b'\xfd7zXZ\x00', lzma.open), (b'', open))  # of tar files, by their first bytes
_ZIP = b'PK\x03\x04', b'PK\x05\x06'
_MOST_EXPANSION, _SMALL = 100, 64 << 20  # times its own size that an archive may hold, and bytes that each may hold


class DamagedArchive(UserError):
    """An archive that is no official one, or not whole: another copy may be."""


def extract(archive, folder):
    """Extract a .tar, .tgz, .tar.gz or .zip to the new folder `folder`, whole or not at all."""
    try:
        with files.replacing(folder, alone=True) as temporary:
            os.mkdir(temporary)
            _extract_to(temporary, archive)
    except UserError:
        raise
    except Exception as error:  # whatever a damaged file leads the parsers to, or the disk
        reason = str(error).strip().split('\n')[0] or type(error).__name__
        if isinstance(error, OSError) and error.errno:
            raise UserError('The archive %s cannot be extracted to %s (%s).' % (archive, folder, error.strerror))
        raise DamagedArchive('The archive %s cannot be extracted (%s): get it again.' % (archive, reason))


def _extract_to(folder, archive):
    with open(archive, 'rb') as file:
        start = file.read(8)
    room = _Room(archive)
    if start.startswith(_ZIP):
        with zipfile.ZipFile(archive) as file:
            count = _write_all(map(_of_zip, file.infolist()), file.open, archive, folder, room)
    else:
        count = _extract_tar(next(opener for magic, opener in _OPENERS if start.startswith(magic)), archive, folder, room)
    if not count:
        raise DamagedArchive('The archive %s holds no file: get it again.' % archive)


class _Room:
    """The bytes that an archive may still hold."""

    def __init__(self, archive):
        self._archive, self._left = archive, max(_SMALL, _MOST_EXPANSION * os.path.getsize(archive))

    def take(self, count):
        """Count bytes; UserError when there are too many."""
        self._left -= count
        if self._left < 0:
            raise DamagedArchive('The archive %s holds over %d times its own size, as no data set does: it is not the official one.'
                                 % (self._archive, _MOST_EXPANSION))


def _extract_tar(opener, archive, folder, room):
    size, end = _measured(opener, archive, room)
    with opener(archive, 'rb') as stream, tarfile.open(fileobj=stream, mode='r:') as file:
        count = _write_all(map(_of_tar, file), file.extractfile, archive, folder, _Room(archive))
        if file.offset < end or size - file.offset < tarfile.BLOCKSIZE:  # tarfile takes damage between two entries for the end
            raise DamagedArchive('The archive %s is damaged or cut short behind its file %d: get it again.' % (archive, count))
    return count


def _measured(opener, archive, room):
    """(bytes of a tar file, position behind the last that is not zero): the file is read to its end, where gzip has a checksum."""
    size, end = 0, 0
    with opener(archive, 'rb') as stream:
        for block in iter(lambda: stream.read(_BLOCK), b''):
            room.take(len(block))
            content = len(block.rstrip(b'\x00'))
            end = size + content if content else end
            size += len(block)
    return size, end


def _of_tar(entry):
    """(name, entry, kind) of a member; kind is 'file', 'folder' or what else it is."""
    return entry.name, entry, 'file' if entry.isfile() else 'folder' if entry.isdir() else 'link' if entry.issym() or entry.islnk() else 'device'


def _of_zip(entry):
    if entry.flag_bits & 1:
        return entry.filename, entry, 'encrypted file'
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    return entry.filename, entry, 'link' if is_link else 'folder' if entry.is_dir() else 'file'


def _write_all(entries, read, archive, folder, room):
    """Write the files of (path, entry, kind) below `folder`, with the content from read(entry); their number."""
    count = 0
    for name, entry, kind in Progress('Extracting ' + os.path.basename(archive), None, unit='files').over(entries):
        inner = os.path.normpath(name)
        if os.path.isabs(inner) or inner.split(os.sep)[0] == os.pardir:
            raise DamagedArchive('The archive %s holds the path %s, which leads out of its folder: it is not the official one.' % (archive, name))
        if kind not in ('file', 'folder'):
            raise DamagedArchive('The archive %s holds the %s %s, where data sets have plain files: it is not the official one.'
                                 % (archive, kind, name))
        if kind == 'file':
            path = os.path.join(folder, inner)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with read(entry) as source, open(path, 'wb') as target:
                _copy(source, target, room)
            count += 1
    return count


def _copy(source, target, room):
    for block in iter(lambda: source.read(_BLOCK), b''):
        room.take(len(block))
        target.write(block)
