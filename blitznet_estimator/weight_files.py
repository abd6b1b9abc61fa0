"""Large constants of a graph as files, which TensorFlow maps into memory while it computes.

A constant in a graph is copied each time that TensorFlow copies the graph, and it does so a dozen times before the first step: the 240 MB of
weights of `blitznet300` became 3.8 GB. A file is mapped when an op reads it, and is let go when the step ends.
"""
import os

from blitznet_estimator.errors import UserError
from blitznet_estimator.runtime import tf

OP = 'ImmutableConst'  # TensorFlow's, for CPUs
_COLLECTION = 'folder_of_weight_files'
_SMALL = 4096  # bytes of a constant that may well be copied
_ALL_OPTIMIZERS_OFF = -1  # tf.OptimizerOptions.L0. The ones that are meant make constants of what the files hold


def keep_in(folder):
    """Let `constant` in the default graph write files into `folder`, which must be there as long as the graph is run."""
    tf.add_to_collection(_COLLECTION, folder)


def constant(value, name):
    """A tensor of an array: a file where the default graph keeps them, else a constant of the graph."""
    folders = tf.get_collection(_COLLECTION)
    if not folders or value.nbytes <= _SMALL:
        return tf.constant(value, name=name)
    return tf.raw_ops.ImmutableConst(dtype=value.dtype, shape=value.shape, memory_region_name=_write(value, folders[0], name), name=name)


def constant_node(value, name, folder):
    """The NodeDef of an array, of the type that `value` has: of a file in `folder`, or of a small constant."""
    node = tf.NodeDef(name=name)
    node.attr['dtype'].type = tf.as_dtype(value.dtype).as_datatype_enum
    if value.nbytes <= _SMALL or value.dtype == object:
        node.op = 'Const'
        node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(value))
    else:
        node.op = OP
        node.attr['shape'].shape.CopyFrom(tf.TensorShape(value.shape).as_proto())
        node.attr['memory_region_name'].s = _write(value, folder, name).encode()
    return node


def session_config(config):
    """A copy of a tf.ConfigProto for a graph with files: without the optimizer that would read them all into the graph."""
    changed = tf.ConfigProto.FromString(config.SerializeToString()) if config else tf.ConfigProto()
    changed.graph_options.optimizer_options.opt_level = _ALL_OPTIMIZERS_OFF
    return changed


def _write(value, folder, name):
    path = os.path.join(folder, name.replace('/', '.'))
    try:
        value.tofile(path)
    except OSError as error:
        raise UserError('Weights cannot be written to the folder for temporary files, %s (%s): make room there, or name another by TMPDIR.'
                        % (folder, error.strerror or error))
    return path
