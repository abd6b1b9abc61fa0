"""A graph of constants as one of variables: TensorFlow copies the constants of a SavedModel some twenty times as it loads it, and no variable.

The SavedModel of `blitznet300` took 6.7 GB and three times as long to load with constants.
"""
import collections

from blitznet_estimator.constant_parts import ConstantParts, base, with_port, without_nodes
from blitznet_estimator.host_session import host_session
from blitznet_estimator.runtime import tf

_SMALL = 4096  # bytes of a constant that may well be copied
_SCOPE = 'weights/'

WithVariables = collections.namedtuple('WithVariables', 'graph values')
"""A tf.Graph whose tensors have the names that they had; {variable: its value}."""


def with_variables(graph_def, outputs):
    """The WithVariables of a GraphDef that holds constants alone. What depends on constants alone is computed ahead.

    Args:
      outputs: names of the tensors that are kept, with what they need.
    """
    nodes = {node.name: node for node in graph_def.node}
    parts = ConstantParts(nodes)
    large = {source: value for source, value in _computed(graph_def, parts.sources()).items() if value.nbytes > _SMALL and value.dtype != object}
    kept = _without(graph_def, nodes, parts, outputs, large)
    wanted = {source for node in kept.node for source in node.input}
    with tf.Graph().as_default() as graph:
        values, read = {}, {}
        for number, source in enumerate(source for source in large if source in wanted):
            value = large[source]
            variable = tf.get_variable('%s%d' % (_SCOPE, number), value.shape, value.dtype, use_resource=True, trainable=False,
                                       initializer=tf.zeros_initializer())
            _forget_debug_name(variable.handle.op)
            values[variable], read[with_port(source)] = value, variable.value()
        tf.import_graph_def(kept, input_map=read, name='')
    return WithVariables(graph, values)


def _forget_debug_name(handle):
    """Give an attribute that TensorFlow 2 adds its default value, which a SavedModel leaves out: TensorFlow 1.15 refuses what it does not know."""
    if 'debug_name' in handle.node_def.attr:
        handle._set_attr('debug_name', tf.AttrValue(s=b''))


def _computed(graph_def, sources):
    """{source: array} of inputs that hold what is constant."""
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name='')
        options = tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L0))
        options.rewrite_options.disable_meta_optimizer = True  # they would copy the constants, too
        with host_session(graph_options=options) as session:
            return dict(zip(sources, session.run([with_port(source) for source in sources])))


def _without(graph_def, nodes, parts, outputs, large):
    """A GraphDef of what `outputs` need, less what `large` stands for."""
    taken, found, order = {with_port(source) for source in large}, set(), [base(name) for name in outputs]
    while order:
        name = order.pop()
        if name not in found:
            found.add(name)
            order += [base(source) for source in _inputs(nodes[name], parts) if with_port(source) not in taken]
    kept = without_nodes(graph_def)
    for node in graph_def.node:
        if node.name in found:
            copy = kept.node.add()
            copy.CopyFrom(node)
            copy.attr.pop('_class', None)  # places beside nodes that may be left out
            del copy.input[:]
            copy.input.extend(_inputs(node, parts))
    return kept


def _inputs(node, parts):
    """The inputs of a node, less the order after what is constant, which is always there."""
    return [source for source in node.input if not (source.startswith('^') and parts.includes(base(source)))]
