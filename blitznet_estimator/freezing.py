"""Which variables a training leaves as they are (--freeze). TensorFlow is not needed here."""
from blitznet_estimator.heads import HEADS, heads_of
from blitznet_estimator.trunks import TRUNKS

TRUNK, BATCH_NORM = 'trunk', 'batch_norm'
FREEZABLE = (TRUNK, BATCH_NORM) + tuple(HEADS)
_OF_BATCH_NORM = ('gamma', 'beta', 'moving_mean', 'moving_variance')  # last parts of names


def parts_of(name, network):
    """The parts of a NetworkConfig's network, of FREEZABLE, that a variable belongs to, by its name; () for the decoder and the extra blocks."""
    part = head_of(name) or (TRUNK if name.startswith(TRUNKS[network.trunk].prefixes) else '')
    return ((part,) if part else ()) + ((BATCH_NORM,) if name.rpartition('/')[2] in _OF_BATCH_NORM else ())


def head_of(name):
    """The head that a variable belongs to, or ''. A head's variables may lie in the scope of the trunk, as those of ssd300 do."""
    return next((head for head, found in HEADS.items() if found.owns(name)), '')


def is_frozen(name, freeze, network):
    """Whether --freeze=`freeze` holds a variable."""
    return any(part in freeze for part in parts_of(name, network))


def missing_heads(freeze, network):
    """Those of `freeze` that are heads which a network does not have."""
    return tuple(name for name in freeze if name in HEADS and name not in heads_of(network))
