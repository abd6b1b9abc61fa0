"""A graph as TensorFlow's optimizers left it, to run it again without them.

What depends on weights alone is computed once: filters in bfloat16, filters of fast convolutions. `weight_files` holds the results.
"""
import collections
import re

from blitznet_estimator import weight_files
from blitznet_estimator.constant_parts import CONSTANTS, ConstantParts, base, with_port, without_nodes
from blitznet_estimator.runtime import tf

_PADS = 'PadWith'  # in the names of ops whose shapes TensorFlow infers as if they did not pad
_ARRANGES = 'is_filter_const'  # of an op: oneDNN arranges its filter once, and keeps it so, instead of taking it as it is each time
_END = re.compile(r'_(arg|retval)_(.+)_(\d+)_\d+$')  # names of what is fed and fetched: kind, operation, output

Finished = collections.namedtuple('Finished', 'graph_def feeds fetches')
"""A GraphDef; {name of a tensor that was fed: its name here}; {name of a tensor that was fetched: its name here}."""


def finish(partition, folder):
    """The Finished of a GraphDef from RunMetadata.partition_graphs. folder: for files of weights.

    Raises ValueError for a graph that cannot be run by itself.
    """
    nodes = {node.name: node for node in partition.node}
    ends = {name: _END.match(name) for name, node in nodes.items() if node.op in ('_Arg', '_Retval')}
    if not all(ends.values()):
        raise ValueError('The graph feeds or fetches %s.' % sorted(name for name in ends if not ends[name])[0])
    names = {name: name.lstrip('_') for name in nodes}  # no name may begin so where a graph is imported
    folded = _Folded(nodes, names, partition, folder)
    fetches, wanted = {}, []
    for name, end in ends.items():
        if nodes[name].op == '_Retval':
            source = folded.renamed(nodes[name].input[0])
            fetches['%s:%s' % end.group(2, 3)] = with_port(_renamed(source, names))
            wanted.append(source)
    graph = without_nodes(partition)
    for name in _reached(wanted, nodes, folded):
        node = graph.node.add()
        node.CopyFrom(_standalone(folded.made.get(name) or nodes[name], names, folded))
        if _PADS in node.op:
            graph.node.add().CopyFrom(_of_unknown_shape(node))
    kept = {node.name for node in graph.node}
    feeds = {'%s:%s' % end.group(2, 3): names[name] + ':0' for name, end in ends.items() if nodes[name].op == '_Arg' and names[name] in kept}
    return Finished(graph, feeds, fetches)


def arranged(finished):
    """A Finished whose convolutions keep their filters as oneDNN arranges them, which is faster; None where no filter can be kept.

    Its outputs differ from those of `finished` by rounding, as sums are taken in another order.
    """
    graph = tf.GraphDef()
    graph.CopyFrom(finished.graph_def)
    filters = [node for node in graph.node if _ARRANGES in node.attr]
    for node in filters:
        node.attr[_ARRANGES].b = True
    return finished._replace(graph_def=graph) if filters else None


def session_config(config):
    """A copy of a tf.ConfigProto for a finished graph, which nothing changes or copies any more.

    Its session has threads of its own. A thread keeps oneDNN's kernels by the shapes they are for, and so takes those of an earlier graph,
    whether that one's filters were arranged or not.
    """
    changed = weight_files.session_config(config)
    changed.use_per_session_threads = True
    changed.graph_options.rewrite_options.Clear()
    changed.graph_options.rewrite_options.disable_meta_optimizer = True
    for name in ('optimize_for_static_graph', 'disable_output_partition_graphs'):
        if hasattr(changed.experimental, name):  # TensorFlow 1.15 lacks some
            setattr(changed.experimental, name, True)
    return changed


class _Folded:
    """What depends on constants alone, computed where something else reads it."""

    def __init__(self, nodes, names, partition, folder):
        """names: {name of a node: the one that it gets}."""
        self._nodes, self._names, self._computed, self.made = nodes, names, {}, {}
        read = [source for source in ConstantParts(nodes).sources() if nodes[base(source)].op not in CONSTANTS]
        if read:
            self._compute(read, partition, folder)

    def renamed(self, source):
        """An input of a node as it is called when what is constant has been computed."""
        return self._computed.get(source, source)

    def _compute(self, read, partition, folder):
        graph_def = without_nodes(partition)
        for name in _reached(read, self._nodes, None):
            graph_def.node.add().CopyFrom(_standalone(self._nodes[name], self._names, None))
        with tf.Graph().as_default():
            tf.import_graph_def(graph_def, name='')
            with tf.Session(config=session_config(None)) as session:
                for number, source in enumerate(read):
                    self._computed[source] = name = 'computed_ahead/%d' % number
                    self.made[name] = weight_files.constant_node(session.run(with_port(_renamed(source, self._names))), name, folder)


def _reached(wanted, nodes, folded):
    """Names of the nodes that `wanted` inputs need, each once."""
    found, order = {}, [base(source) for source in wanted]
    while order:
        name = order.pop()
        if name in found:
            continue
        found[name] = True
        if name in nodes and not (folded and name in folded.made):
            order += [base(folded.renamed(source) if folded else source) for source in nodes[name].input]
    return list(found)


def _standalone(node, names, folded):
    """A copy of a node with the names that it has when it is imported, on any device."""
    copy = tf.NodeDef()
    copy.CopyFrom(node)
    copy.name, copy.device = names.get(node.name, node.name), ''
    del copy.input[:]
    copy.input.extend(_renamed(folded.renamed(source) if folded else source, names) for source in node.input)
    copy.attr.pop('_class', None)  # places of nodes whose names have changed
    if node.op == '_Arg':
        copy.op = 'Placeholder'
        copy.attr.clear()
        copy.attr['dtype'].CopyFrom(node.attr['T'])
    return copy


def _of_unknown_shape(node):
    """A node that passes on the output of `node` under its name, while `node` gets another one; a graph cannot be imported with a wrong shape."""
    passing = tf.NodeDef(name=node.name, op='PlaceholderWithDefault', input=[node.name + '/padding'])
    passing.attr['dtype'].CopyFrom(node.attr['T'])
    passing.attr['shape'].shape.unknown_rank = True
    node.name += '/padding'
    return passing


def _renamed(source, names):
    name, colon, port = source.lstrip('^').partition(':')
    return ('^' if source.startswith('^') else '') + names.get(name, name) + colon + port
