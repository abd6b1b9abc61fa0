"""Official archives: found in the user's folder or downloaded by TFDS, and extracted once among the prepared data.

Nothing in an archive can leave the folder it is extracted to: entries with such paths stop the extraction, links are left out.
"""
import os
import shutil
import tarfile
import zipfile

from tqdm import tqdm

from blitznet_estimator import files
from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets.prepared import locked

_BLOCK = 1 << 20


def extracted(name, data_dir, root, urls=None):
    """The folder with the content of the archive `name`, or None where neither it nor a URL of it (urls: {name: URL}) is known.

    The archive is looked for in `data_dir` and in <root>/archives; it is extracted to <root>/archives/<name without extension>.
    """
    folder = os.path.join(root, 'archives', name.split('.')[0])
    if os.path.isdir(folder):
        return folder
    archive = next((path for path in (os.path.join(data_dir, name), os.path.join(root, 'archives', name)) if os.path.isfile(path)), None)
    if archive is None and not (urls or {}).get(name):
        return None
    with locked(os.path.join(root, 'archives')):
        if not os.path.isdir(folder):
            extract(archive or _downloaded(urls[name], os.path.join(root, 'archives', name)), folder)
    return folder


def _downloaded(url, path):
    if os.path.isfile(path):  # by another process, while this one waited
        return path
    from input_fn.datasets.download import download  # here, as TFDS takes seconds to import
    return download(url, path)


def check_given(data_config):
    """Raise UserError where --data_dir was given but is no folder, before anything large is downloaded in its place."""
    if data_config.data_dir != DataConfig().data_dir and not os.path.isdir(data_config.data_dir):
        raise UserError('--data_dir=%s is not a folder.' % data_config.data_dir)


def extract(archive, folder):
    """Extract a .tar, .tgz, .tar.gz or .zip to the new folder `folder`, whole or not at all."""
    try:
        with files.replacing(folder, alone=True) as temporary:
            os.mkdir(temporary)
            _extract_to(temporary, archive)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise UserError('The archive %s cannot be extracted (%s): get it again.' % (archive, error))


def _extract_to(folder, archive):
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            _write_all([(entry.filename, entry) for entry in file.infolist() if not entry.is_dir()], file.open, archive, folder)
    else:
        with tarfile.open(archive) as file:
            _write_all(((entry.name, entry) for entry in file if entry.isfile()), file.extractfile, archive, folder)


def _write_all(entries, read, archive, folder):
    """Write each (path, entry) below `folder`, with its content from read(entry)."""
    for name, entry in tqdm(entries, desc='Extracting ' + os.path.basename(archive), unit=' files', mininterval=.5):
        inner = os.path.normpath(name)
        if os.path.isabs(inner) or inner.split(os.sep)[0] == os.pardir:
            raise UserError('The archive %s holds the path %s, which leads out of its folder: it is not the official one.'
                            % (archive, name))
        path = os.path.join(folder, inner)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with read(entry) as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target, _BLOCK)
