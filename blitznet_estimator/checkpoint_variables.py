"""Names, shapes and types of the variables in a checkpoint.

TensorFlow 1.15 never frees what its readers' maps of shapes and of types give: every name, and every shape. A training reads them at each evaluation,
and each rest keeps pages of Python's heap. There both are read from the description of the checkpoint, a text, which is freed.
"""
import re

from blitznet_estimator import runtime
from blitznet_estimator.runtime import tf

_LINE = re.compile(r'(.+) \((DT_\w+)\) \[([\d,]*)\]')


def shapes(reader):
    """{name: shape, a list} of what a reader of `tf.train.load_checkpoint` reads."""
    return {name: shape for name, _, shape in _described(reader)} if runtime.IS_TF1 else reader.get_variable_to_shape_map()


def types(reader):
    """{name: tf.DType} of what such a reader reads."""
    return {name: kind for name, kind, _ in _described(reader)} if runtime.IS_TF1 else reader.get_variable_to_dtype_map()


def _described(reader):
    """Yield (name, tf.DType, shape) of each variable. ValueError where the description is not understood."""
    types_by_name = tf.AttrValue.DESCRIPTOR.fields_by_name['type'].enum_type.values_by_name
    for line in reader.debug_string().decode('utf-8').splitlines():
        match = _LINE.fullmatch(line)
        if not match:
            raise ValueError('A checkpoint describes a variable as %r.' % line)
        name, kind, sides = match.groups()
        yield name, tf.as_dtype(types_by_name[kind].number), [int(side) for side in sides.split(',') if side]
