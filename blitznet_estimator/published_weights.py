"""Weights of trunks as others publish them: which files there are, and what can be said of a path before it is read. TensorFlow is not needed here.

`--warm_start_from` takes a checkpoint, the word `imagenet`, or a file of another framework. `model_fn.weights` reads and converts these.
"""
import dataclasses
import os
from typing import Tuple

from blitznet_estimator.errors import UserError

IMAGENET = 'imagenet'  # value of --warm_start_from: the trunk's published ImageNet weights
WEIGHTS_DIR = os.path.join('data', 'weights')  # default of --weights_dir
KERAS, TORCH = 'Keras', 'PyTorch'  # libraries whose files are known
LIBRARIES = {'.h5': KERAS, '.hdf5': KERAS, '.keras': KERAS, '.pth': TORCH, '.pt': TORCH}  # by the ending of a file
_KERAS_APPLICATIONS = 'https://storage.googleapis.com/tensorflow/keras-applications/'
_TORCHVISION = 'https://download.pytorch.org/models/'


@dataclasses.dataclass(frozen=True)
class Download:
    """A file that a library publishes, and the digest that the library checks it by, if it does."""
    url: str
    md5: str = ''
    sha256: str = ''  # or its first digits

    @property
    def name(self):
        """Of the file."""
        return self.url.rpartition('/')[2]


@dataclasses.dataclass(frozen=True)
class Packaged:
    """A file inside a package of the Python package index."""
    package: str  # as pip knows it
    module: str  # as Python imports it
    path: str  # of the file in the module's folder, with slashes

    @property
    def name(self):
        """Of the file."""
        return self.path.rpartition('/')[2]


@dataclasses.dataclass(frozen=True)
class Published:
    """The ImageNet weights of a trunk."""
    what: str  # whose weights they are, for messages
    framework: str  # that their files are of
    files: Tuple[object, ...]  # Downloads or one Packaged; the first is fetched, and any of them is used where it is there
    refused: Tuple[Tuple[str, str], ...] = ()  # (framework, why its weights do not fit this trunk)


def keras_files(folder, stem, top, notop, form='', without='_notop'):
    """The two Downloads of a model of keras.applications: (with its classifier, without it).

    Args:
      folder, stem, form, without: parts of their addresses.
      top, notop: their MD5s.
    """
    name = _KERAS_APPLICATIONS + folder + '/' + stem + '_weights_tf_dim_ordering_tf_kernels' + form + '%s.h5'
    return Download(name % '', top), Download(name % without, notop)


def torch_file(stem, sha256):
    """The Download of a model of torchvision; its name has the first digits of its SHA-256."""
    return Download('%s%s-%s.pth' % (_TORCHVISION, stem, sha256), sha256=sha256)


def framework_of(path):
    """The framework that writes files with such an ending, or '' for a checkpoint of TensorFlow."""
    return LIBRARIES.get(os.path.splitext(path)[1].lower(), '')


def is_foreign(path):
    """Whether a value of --warm_start_from is no checkpoint of TensorFlow."""
    return path == IMAGENET or bool(framework_of(path))


def check(path, name, trunk, flag='--warm_start_from'):
    """UserError where a value of `flag` that is no checkpoint can give nothing to a trunk, called `name`."""
    published = trunk.published
    if path == IMAGENET and not published:
        raise UserError('%s=%s: the trunk %s has no published weights. Leave the flag out, or choose another --preset or --trunk.'
                        % (flag, path, name))
    framework = framework_of(path)
    if framework and framework != (published and published.framework):
        reason = dict(published.refused).get(framework) if published else None
        raise UserError('%s=%s is a file of %s, and the trunk %s takes none: %s.%s' % (
            flag, path, framework, name, reason or 'no such weights are published for it', ' Use %s=%s.' % (flag, IMAGENET) if published else ''))
