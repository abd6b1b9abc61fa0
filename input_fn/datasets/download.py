"""Official archives by TFDS's DownloadManager, which checks them against the sizes and checksums that are registered in `url_checksums.txt`."""
import contextlib
import io
import os
import shutil

from blitznet_estimator import files
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from input_fn.datasets.tfds import NonMatchingChecksumError
from input_fn.datasets.tfds import tensorflow_datasets as tfds
from input_fn.datasets.tfds_privates import fail_fast

_CHECKSUMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'url_checksums.txt')


def download(url, path):
    """Download `url` to `path`, whole or not at all; where it has no registered checksum, that is logged. Returns `path`."""
    folder = path + '.incomplete'  # TFDS has its own names in it, and leaves there what it broke off
    shutil.rmtree(folder, ignore_errors=True)
    instead = 'get it another way and put it into --data_dir, where %s is used as it is.' % os.path.basename(path)
    if not _is_registered(url):
        log.warning('%s has no registered checksum: whatever is there is taken.', url)
    try:
        with fail_fast(), contextlib.redirect_stdout(io.StringIO()):  # to which the older release prints an empty line
            manager = tfds.download.DownloadManager(download_dir=folder)
            manager.download_checksums(_CHECKSUMS)
            files.publish(str(manager.download(url)), path)
    except NonMatchingChecksumError:
        raise UserError('%s cannot be downloaded from %s (another size or SHA-256 than the official archive\'s): %s'
                        % (os.path.basename(path), url, instead))
    except Exception as error:  # whatever TFDS, requests or the disk raises
        raise UserError('%s cannot be downloaded from %s (%s): %s'
                        % (os.path.basename(path), url, str(error).strip().split('\n')[0] or type(error).__name__, instead))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path


def _is_registered(url):
    with open(_CHECKSUMS, encoding='utf-8') as file:
        return any(line.startswith(url + ' ') for line in file)
