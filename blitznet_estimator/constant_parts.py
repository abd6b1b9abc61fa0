"""What in a graph depends on constants alone, and so can be computed once, ahead of all runs."""
from blitznet_estimator import weight_files

CONSTANTS = {'Const', weight_files.OP}
_FLOW = {'Enter', 'Exit', 'Merge', 'Switch', 'NextIteration', 'LoopCond', '_Retval', 'Placeholder', '_Arg'}  # are not computed ahead
_STATEFUL = 'Random', 'Variable', 'TensorArray', 'Iterator', 'PyFunc', 'Assign'  # in the names of ops that give something else each time


class ConstantParts:
    """The parts of {name: NodeDef} that depend on constants alone."""

    def __init__(self, nodes):
        self._nodes, self._known = nodes, {}

    def sources(self):
        """Inputs, as nodes name them, that hold what is constant, and that something else reads; sorted."""
        return sorted({source for node in self._nodes.values() if not self.includes(node.name) for source in node.input
                       if not source.startswith('^') and self.includes(base(source))})

    def includes(self, name):
        """Whether a node is constant."""
        order = [name]
        while order:  # not recursive, as graphs are deep
            node = self._nodes[order[-1]]
            unknown = [base(source) for source in node.input if base(source) not in self._known]
            if order[-1] in self._known or not unknown:
                self._known.setdefault(order.pop(), _is_pure(node) and (
                    node.op in CONSTANTS or bool(node.input) and all(self._known[base(source)] for source in node.input)))
            elif node.op in _FLOW:  # loops lead back to themselves
                self._known[order.pop()] = False
            else:
                order += unknown
        return self._known[name]


def _is_pure(node):
    """Whether a node may be computed ahead."""
    return node.op not in _FLOW and not any(source.startswith('^') for source in node.input) and not any(word in node.op for word in _STATEFUL)


def base(source):
    """Name of the node that an input comes from."""
    return source.lstrip('^').partition(':')[0]


def with_port(source):
    """The name of the tensor of an input, which may be short for output 0."""
    return source if ':' in source else source + ':0'


def without_nodes(graph_def):
    """A GraphDef with the functions and versions of another one."""
    copy = type(graph_def)()
    copy.CopyFrom(graph_def)
    del copy.node[:]
    return copy
