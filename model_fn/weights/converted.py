"""Turns weights of another framework into a checkpoint of TensorFlow."""
import hashlib
import os
import shutil

from blitznet_estimator import checkpoint_path, files, published_weights
from blitznet_estimator.errors import UserError
from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf
from model_fn.network.trunks import module_of
from model_fn.weights import hdf5, slim, state_dict

READ = {published_weights.KERAS: hdf5.read, published_weights.TORCH: state_dict.read, slim.LIBRARY: slim.read}
NAME = 'trunk.ckpt'


def values_of(path, framework, trunk):
    """{variable: array} of a trunk (a blitznet_estimator.trunks.Trunk), from a file of a framework.

    Raises UserError where the file is damaged, or of another network.
    """
    convert = module_of(trunk).CONVERT.get(framework)
    if convert is None:
        raise UserError('%s is of %s, and this trunk takes no weights of it.' % (path, framework))
    return convert(READ[framework](path), trunk)


def write(values, prefix):
    """A checkpoint of {variable: array}, written whole or not at all; returns `prefix`."""
    names = sorted(values)
    with files.unpublished(prefix) as folder:
        os.mkdir(folder)
        saved = os.path.join(folder, os.path.basename(prefix))
        with tf.Graph().as_default(), tf.device('/cpu:0'), host_session() as session:
            fed = [tf.placeholder(tf.float32, values[name].shape) for name in names]  # no constants: a graph holds 2 GB at most
            save = tf.raw_ops.SaveV2(prefix=saved, tensor_names=names, shape_and_slices=[''] * len(names), tensors=fed)
            session.run(save, {tensor: values[name] for tensor, name in zip(fed, names)})
        files.publish_entries(folder, os.path.dirname(os.path.abspath(prefix)), last='.index')  # with it a checkpoint is there
    return prefix


def checkpoint_of(path, framework, trunk, folder):
    """The prefix of the checkpoint in `folder` that holds a file's weights for a trunk. It is written where it is not there yet.

    Its name has a digest of the file, so that the weights of another file never stand for these.
    """
    stem = os.path.splitext(os.path.basename(path))[0]
    with files.locked(folder):
        prefix = os.path.join(folder, '%s-%s-%s' % (trunk.scope, stem, _digest(path)), NAME)
        if not checkpoint_path.exists(prefix) or checkpoint_path.damage(prefix):
            shutil.rmtree(os.path.dirname(prefix), ignore_errors=True)
            write(values_of(path, framework, trunk), prefix)
    return prefix


def _digest(path):
    """Eight digits of a file's, or a checkpoint's, content."""
    found = hashlib.sha256()
    for name in [path] if os.path.isfile(path) else sorted(tf.gfile.Glob(path + '.*')):
        with open(name, 'rb') as file:
            for block in iter(lambda: file.read(2 ** 20), b''):
                found.update(block)
    return found.hexdigest()[:8]
