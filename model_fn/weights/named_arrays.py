"""The arrays of a file of another framework, by the names that it gives them, and what conversions do with them."""
import numpy as np

from blitznet_estimator.errors import UserError, listed
from model_fn.network.layers import EPSILON

SHOWN = 4  # names in a message


class NamedArrays:
    """Groups of arrays by name, each of which is taken out once. A group that is not as expected is a UserError, which names the file."""

    def __init__(self, path, groups):
        """groups: {name: [array, ...]}."""
        self._path, self._groups = path, dict(groups)

    def __contains__(self, name):
        return name in self._groups

    def take(self, name, *ranks):
        """The arrays of a group, as float32; their ranks must be these."""
        if name not in self._groups:
            raise self.error('it has no %s; it holds %s' % (name, self._listed()))
        arrays = [np.asarray(array) for array in self._groups.pop(name)]
        shapes = [array.shape for array in arrays]
        if [len(shape) for shape in shapes] != list(ranks) or not all(np.issubdtype(array.dtype, np.floating) for array in arrays):
            raise self.error('%s holds arrays of the shapes %s, where those of %s dimensions belong' % (
                name, ', '.join(map(str, shapes)) or 'of none', ' and '.join(map(str, ranks))))
        return [array.astype(np.float32) for array in arrays]

    def drop(self, *names):
        """Forget groups that no trunk needs, where they are there."""
        for name in names:
            self._groups.pop(name, None)

    def finish(self):
        """UserError where a group was not taken: the file is of a larger network."""
        if self._groups:
            raise self.error('this trunk has no %s' % self._listed())

    def error(self, reason):
        """A UserError about the file."""
        return UserError('%s does not fit the trunk: %s. --trunk names the trunk.' % (self._path, reason))

    def _listed(self):
        return listed(sorted(self._groups), SHOWN) if self._groups else 'nothing'


def batch_norm(scope, arrays, epsilon, bias=0., own_epsilon=EPSILON):
    """{variable: array} of batch norm in a scope, which does exactly what other batch norm behind a convolution with a bias does.

    gamma (x + bias - mean) / sqrt(variance + epsilon) + beta: the mean takes the bias, and the variance the difference of the epsilons.

    Args:
      arrays: (gamma, beta, mean, variance).
      epsilon: of the other batch norm; own_epsilon: of the network's.
    """
    gamma, beta, mean, variance = arrays
    values = dict(gamma=gamma, beta=beta, moving_mean=mean - bias, moving_variance=variance.astype(np.float64) + epsilon - own_epsilon)
    return {'%s/%s' % (scope, name): value.astype(np.float32) for name, value in values.items()}
