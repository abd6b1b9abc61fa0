"""Parameters and floating-point operations of a network, by its parts, as a table."""
import numpy as np

from blitznet_estimator.text_table import millions, table
from model_fn.network.cost import Cost, count


def describe(network):
    """Text: trainable parameters and operations of an image, one row per part."""
    costs = count(network)
    costs['all'] = Cost(*np.sum(list(costs.values()), axis=0))
    rows = [(part, millions(cost.parameters), '%.3f' % (cost.flops / 1e9)) for part, cost in costs.items()]
    title = '%s, %d pixels per side, %d classes with the background' % (network.preset, network.image_size, network.num_classes)
    return title + '\n\n' + table(('part', 'parameters, millions', 'GFLOP per image'), rows)
