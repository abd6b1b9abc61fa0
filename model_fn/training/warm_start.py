"""Training's first weights from a checkpoint: of a classification trunk, or of a whole BlitzNet."""
import dataclasses
from typing import Tuple

from blitznet_estimator import checkpoint_path
from blitznet_estimator.averaged_weights import stored_name
from blitznet_estimator.errors import UserError, listed
from blitznet_estimator.logs import log
from blitznet_estimator.runtime import tf
from blitznet_estimator.trunks import TRUNKS
from model_fn import weights

SHOWN = 20  # names in a message


@dataclasses.dataclass(frozen=True)
class WarmStartReport:
    """Names of variables by what became of them."""
    checkpoint: str
    loaded: Tuple[str, ...]
    initialised: Tuple[str, ...]  # the network's others, which start at random
    skipped: Tuple[str, ...]  # the checkpoint's others
    reshaped: Tuple[str, ...]  # in both, with another shape: in `initialised` and in `skipped` too
    origin: str = ''  # whose weights they are, in words, where the checkpoint was made of them
    random: Tuple[str, ...] = ()  # of the trunk: in `initialised` too

    def __str__(self):
        text = '--warm_start_from=%s: %d variables loaded, %d initialised, %d of the checkpoint skipped.' % (
            self.origin or self.checkpoint, len(self.loaded), len(self.initialised), len(self.skipped))
        if self.reshaped:
            text += ' Left out because the checkpoint has another shape, as heads of another class count have: %s.' % listed(self.reshaped, SHOWN)
        if self.random:
            text += ' Of the trunk, these start at random: %s.' % listed(self.random, SHOWN)
        return text


def warm_start(path, network, model_dir='', weights_dir=''):
    """Let the graph's network variables be initialised from a checkpoint; returns and logs the WarmStartReport.

    Only initial values change, so a checkpoint in the model directory wins: with one, nothing is done and None is returned, and
    the file at `path` need not exist any more.

    Args:
      path, weights_dir: as `weights.find` has them.
      network: the NetworkConfig that the graph was built from.
      model_dir: the Estimator's.

    Raises:
      UserError: no checkpoint there, or a variable of the trunk is missing in it or has another shape.
    """
    if model_dir and checkpoint_path.latest(model_dir):
        return None
    start = weights.find(path, network.trunk, weights_dir, model_dir)
    checkpoint, prefixes = start.checkpoint, TRUNKS[network.trunk].prefixes
    shapes = weights.read_shapes(checkpoint)
    variables = {variable.name.split(':')[0]: variable for variable in tf.model_variables()}  # the op's name may be a replica's
    wanted = {name: variable.shape.as_list() for name, variable in variables.items()}
    _check_trunk(start.origin, shapes, wanted, prefixes, whole=not start.is_converted)
    report = compare(checkpoint, shapes, wanted)
    if start.is_converted:
        report = dataclasses.replace(report, origin=start.origin, random=tuple(
            name for name in report.initialised if name.startswith(prefixes)))
    tf.train.init_from_checkpoint(checkpoint, {stored_name(name, shapes): variables[name] for name in report.loaded})
    log.info('%s', report)
    return report


def compare(checkpoint, shapes, wanted):
    """The WarmStartReport of a checkpoint's {name: shape} and the network's."""
    loaded = {name for name in wanted if shapes.get(name) == wanted[name]}
    initialised, skipped = set(wanted) - loaded, set(shapes) - loaded
    return WarmStartReport(checkpoint, *(tuple(sorted(names)) for names in (loaded, initialised, skipped, initialised & skipped)))


def _check_trunk(checkpoint, shapes, wanted, prefixes, whole):
    """UserError where the trunk's variables are of other shapes, or, if it must be `whole`, where some are missing."""
    trunk = sorted(name for name in wanted if name.startswith(prefixes))
    missing = [name for name in trunk if name not in shapes]
    if len(missing) == len(trunk):
        raise UserError('--warm_start_from=%s has no variable of the trunk (%s...); it holds %s. --trunk names the trunk.' % (
            checkpoint, '..., '.join(prefixes), listed(sorted({name.split('/')[0] for name in shapes}), SHOWN)))
    problems = ['%s is missing' % name for name in missing if whole]
    problems += ['%s is %s instead of %s' % (name, shapes[name], wanted[name])
                 for name in trunk if name in shapes and shapes[name] != wanted[name]]
    if problems:
        raise UserError('--warm_start_from=%s does not fit the trunk, in %d of its %d variables: %s.'
                        % (checkpoint, len(problems), len(trunk), listed(problems, SHOWN)))
