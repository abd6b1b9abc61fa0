"""What a network costs: its trainable parameters and the floating-point operations of one image, counted from static shapes."""
import collections

import numpy as np

from blitznet_estimator import flops, freezing
from blitznet_estimator.runtime import tf
from model_fn.network.build import build_network

PARTS = ('trunk', 'extra blocks', 'decoder', 'segmentation head', 'detection head')
Cost = collections.namedtuple('Cost', 'parameters flops')


def total(network, freeze=()):
    """The Cost of the whole of a NetworkConfig. freeze: as of `count`."""
    return Cost(*np.sum(list(count(network, freeze).values()), axis=0))


def count(network, freeze=()):
    """{part: Cost} of the trainable parameters and of one image's convolutions.

    freeze: parts of the network whose parameters do not count, as --freeze names them.
    """
    parameters, operations = collections.Counter(), collections.Counter()
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(0)  # of first values that nobody computes: with --deterministic TensorFlow 2 makes no random op without one
        build_network(tf.placeholder(tf.float32, [1, network.image_size, network.image_size, 3]), network, training=False, freeze=freeze)
        for variable in tf.trainable_variables():
            parameters[_part(variable.op.name, network)] += int(np.prod(variable.shape.as_list()))
        names = {variable.op.name for variable in tf.global_variables()}
        for op in graph.get_operations():
            if op.type in flops.FORWARD:
                operations[_part(_variable(op.inputs[1].op, names), network)] += flops.of_convolution(op)
    return {part: Cost(parameters[part], operations[part]) for part in PARTS if parameters[part] or operations[part]}


def _part(name, network):
    """The part that a variable belongs to, by its name."""
    head = freezing.head_of(name)
    if head:
        return head + ' head'
    if name.startswith('ssd_back/'):
        return 'decoder'
    return 'trunk' if freezing.TRUNK in freezing.parts_of(name, network) else 'extra blocks'


def _variable(op, names):
    """The name of the variable that an op reads, through casts and the like."""
    while op.name not in names:
        op = op.inputs[0].op
    return op.name
