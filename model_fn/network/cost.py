"""What a network costs: its trainable parameters and the floating-point operations of one image, counted from static shapes."""
import collections

import numpy as np

from blitznet_estimator import flops
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn.network.build import build_network

PARTS = ('trunk', 'extra blocks', 'decoder', 'segmentation head', 'detection head')
Cost = collections.namedtuple('Cost', 'parameters flops')


def total(network):
    """The Cost of the whole of a NetworkConfig."""
    return Cost(*np.sum(list(count(network).values()), axis=0))


def count(network):
    """{part: Cost} of the trainable parameters and of one image's convolutions."""
    parameters, operations = collections.Counter(), collections.Counter()
    trunk = TRUNKS[network.trunk].prefixes
    with tf.Graph().as_default() as graph:
        build_network(tf.placeholder(tf.float32, [1, network.image_size, network.image_size, 3]), network, training=False)
        for variable in tf.trainable_variables():
            parameters[_part(variable.op.name, trunk)] += int(np.prod(variable.shape.as_list()))
        names = {variable.op.name for variable in tf.global_variables()}
        for op in graph.get_operations():
            if op.type in flops.FORWARD:
                operations[_part(_variable(op.inputs[1].op, names), trunk)] += flops.of_convolution(op)
    return {part: Cost(parameters[part], operations[part]) for part in PARTS if parameters[part]}


def _part(name, trunk):
    """The part that a variable belongs to, by its name; `trunk`: beginnings of the trunk's names."""
    if {'confidence', 'location'} & set(name.split('/')):
        return 'detection head'
    if name.startswith('ssd/Conv'):
        return 'segmentation head'
    if name.startswith('ssd_back/'):
        return 'decoder'
    return 'trunk' if name.startswith(trunk) else 'extra blocks'


def _variable(op, names):
    """The name of the variable that an op reads, through casts and the like."""
    while op.name not in names:
        op = op.inputs[0].op
    return op.name
