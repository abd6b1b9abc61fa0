"""From the value of --warm_start_from to a checkpoint of this network's variables, whoever's weights they are."""
import collections
import os
import tempfile

from blitznet_estimator import checkpoint_path, published_weights
from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.weights import converted, slim, sources

# origin: in words, for messages; is_converted: whether the checkpoint was made of other weights, which need not have the whole trunk
Start = collections.namedtuple('Start', 'checkpoint origin is_converted')
FOLDER = 'warm_start'  # in the model's folder, for converted checkpoints


def find(path, trunk_name, weights_dir='', model_dir='', flag='--warm_start_from'):
    """The Start that a value of --warm_start_from means for a trunk.

    Args:
      path: `imagenet`, a file of another library, or any path of `checkpoint_path.find`.
      weights_dir: folder of published files, '' for the default.
      model_dir: the Estimator's, in whose folder `warm_start` a converted checkpoint is kept.
      flag: as the user writes it, for messages.

    Raises:
      UserError: nothing there, or it fits no such trunk.
    """
    trunk, folder = TRUNKS[trunk_name], os.path.join(model_dir or tempfile.gettempdir(), FOLDER)
    if not published_weights.is_foreign(path):
        prefix = checkpoint_path.find(path, flag)
        if not slim.is_slim(read_shapes(prefix, flag), trunk):
            return Start(prefix, prefix, False)
        return Start(converted.checkpoint_of(prefix, slim.LIBRARY, trunk, folder), '%s, of slim, from RGB to BGR' % prefix, True)
    published_weights.check(path, trunk_name, trunk)
    file, library = path, published_weights.library_of(path)
    if path == published_weights.IMAGENET:
        file, library = sources.published_file(trunk.published, weights_dir or published_weights.WEIGHTS_DIR), trunk.published.library
    elif not os.path.isfile(path):
        raise UserError('%s=%s: there is no such file.' % (flag, path))
    origin = '%s of %s' % (file, trunk.published.what if path == published_weights.IMAGENET else library)
    return Start(converted.checkpoint_of(file, library, trunk, folder), origin, True)


def read_shapes(checkpoint, flag='--warm_start_from'):
    """{name: shape} of a checkpoint; `flag` is for messages."""
    try:
        return tf.train.NewCheckpointReader(checkpoint).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise UserError('%s=%s is not a TensorFlow checkpoint that can be read: %s' % (flag, checkpoint, str(error).splitlines()[0]))
