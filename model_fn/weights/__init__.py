"""From the value of --warm_start_from to a checkpoint of this network's variables, whoever's weights they are."""
import collections
import os
import tempfile

from blitznet_estimator import checkpoint_path, checkpoint_variables, published_weights
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.weights import converted, slim, sources

# origin: in words, for messages; is_converted: whether the checkpoint was made of other weights, which need not have the whole trunk
Start = collections.namedtuple('Start', 'checkpoint origin is_converted')
# path: of a file, or the prefix of a checkpoint; framework: whose it is, '' where it is a checkpoint of this network; origin: as of Start
Source = collections.namedtuple('Source', 'path framework origin')
FOLDER = 'warm_start'  # in the model's folder, for converted checkpoints


def find(path, trunk_name, weights_dir='', model_dir=''):
    """The Start that a value of --warm_start_from means for a trunk.

    Args:
      path: `imagenet`, a file of another framework, or any path of `checkpoint_path.find`.
      weights_dir: folder of published files, '' for the default.
      model_dir: the Estimator's, in whose folder `warm_start` a converted checkpoint is kept.

    Raises:
      UserError: nothing there, or it fits no such trunk.
    """
    source = _source(path, trunk_name, weights_dir)
    if not source.framework:
        return Start(source.path, source.origin, False)
    folder = os.path.join(model_dir or tempfile.gettempdir(), FOLDER)
    return Start(converted.checkpoint_of(source.path, source.framework, TRUNKS[trunk_name], folder), source.origin, True)


def convert(path, trunk_name, weights_dir, prefix):
    """Write the checkpoint `prefix` from weights of others; returns the number of variables, 0 where `path` is no such. As `find`."""
    source = _source(path, trunk_name, weights_dir)
    if not source.framework:
        return 0
    values = converted.values_of(source.path, source.framework, TRUNKS[trunk_name])
    converted.write(values, prefix)
    return len(values)


def prepare(config):
    """Fetch and convert the weights that a new training of a Config starts from: what is wrong with them is said before the data are prepared."""
    path, model_dir = config.train.warm_start_from, config.run.model_dir
    if path and not checkpoint_path.latest(model_dir):
        find(path, config.network.trunk, config.train.weights_dir, model_dir)


def read_shapes(checkpoint):
    """{name: shape} of a checkpoint."""
    try:
        return checkpoint_variables.shapes(tf.train.NewCheckpointReader(checkpoint))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise UserError('--warm_start_from=%s is not a TensorFlow checkpoint that can be read: %s' % (checkpoint, str(error).splitlines()[0]))


def _source(path, trunk_name, weights_dir):
    trunk = TRUNKS[trunk_name]
    if path == published_weights.IMAGENET:
        published_weights.check(path, trunk_name, trunk)
        file = sources.published_file(trunk.published, weights_dir or published_weights.WEIGHTS_DIR)
        return Source(file, trunk.published.framework, '%s (%s)' % (file, trunk.published.what))
    if published_weights.framework_of(path):
        published_weights.check(path, trunk_name, trunk)
        return Source(path, published_weights.framework_of(path), '%s of %s' % (path, published_weights.framework_of(path)))
    prefix = checkpoint_path.find(path, '--warm_start_from')
    if slim.is_slim(read_shapes(prefix), trunk):
        return Source(prefix, slim.LIBRARY, '%s (of slim, %s)' % (prefix, slim.what_is_done(trunk)))
    return Source(prefix, '', prefix)
