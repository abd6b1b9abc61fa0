"""Official archives: found in the user's folder or downloaded by TFDS, and extracted once among the prepared data."""
import os

from blitznet_estimator.config import DataConfig
from blitznet_estimator.errors import UserError
from input_fn.datasets.prepared import locked
from input_fn.datasets.unpacking import DamagedArchive, extract


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
            if archive:
                extract(archive, folder)
            else:
                _extract_download(_downloaded(urls[name], os.path.join(root, 'archives', name)), folder)
    return folder


def _extract_download(archive, folder):
    """Extract an archive that was downloaded, and keep it only if it is whole, so that the next start downloads it anew."""
    try:
        extract(archive, folder)
    except DamagedArchive:
        os.remove(archive)
        raise


def _downloaded(url, path):
    if os.path.isfile(path):  # by another process, while this one waited
        return path
    from input_fn.datasets.download import download  # here, as TFDS takes seconds to import
    return download(url, path)


def check_given(data_config):
    """Raise UserError where --data_dir was given but is no folder, before anything large is downloaded in its place."""
    if data_config.data_dir != DataConfig().data_dir and not os.path.isdir(data_config.data_dir):
        raise UserError('--data_dir=%s is not a folder.' % data_config.data_dir)
