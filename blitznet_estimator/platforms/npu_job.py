"""The NPU job that the environment describes: which rank of how many this process is, on which device.

The adapter reads the environment too, and fails without a sentence where it is incomplete: with no JOB_ID by an AttributeError,
with a half-set multi-card job by waiting for ranks that never come. Here it is completed for one card, and checked for many.
"""
import dataclasses
import os
from typing import Optional, Tuple

from blitznet_estimator.errors import UserError
from blitznet_estimator.platforms.cluster import refuse_cluster
from blitznet_estimator.platforms.rank_table import read_rank_table

SINGLE_CARD = (('JOB_ID', '10086'), ('RANK_ID', '0'), ('RANK_SIZE', '1'))  # any JOB_ID will do, but there must be one
# What makes a job without a rank table, from CANN 6 on
CHIEF = ('CM_CHIEF_IP', 'CM_CHIEF_PORT', 'CM_CHIEF_DEVICE', 'CM_WORKER_SIZE', 'CM_WORKER_IP')
NAMES = CHIEF + ('JOB_ID', 'RANK_TABLE_FILE', 'RANK_SIZE', 'RANK_ID', 'ASCEND_DEVICE_ID', 'DEVICE_ID', 'POD_NAME')


@dataclasses.dataclass(frozen=True)
class NpuJob:
    """This process's part in a job."""
    rank: int
    size: int  # ranks of the whole job
    device: Optional[int]  # number of the NPU in its server; None: the adapter takes 0
    added: Tuple[Tuple[str, str], ...] = ()  # variables of the environment that are missing, with what they must be
    of_chief: bool = False  # whether the CM_ variables describe it, and no rank table


def read_job(environ):
    """The NpuJob of `environ` (a mapping), which is not changed. Raises UserError where its variables contradict each other."""
    refuse_cluster('and give ranks by RANK_TABLE_FILE', environ)  # the adapter joins them by HCCL
    if any(environ.get(name) for name in CHIEF):
        return _cards_of_a_chief(environ)
    size = _number(environ, 'RANK_SIZE', 1)
    if size < 1:
        raise UserError('RANK_SIZE=%d must be 1 or more.' % size)
    return _many_cards(environ, size) if size > 1 else _single_card(environ)


def _single_card(environ):
    if 'RANK_SIZE' not in environ and environ.get('RANK_TABLE_FILE'):
        count = len(read_rank_table(environ['RANK_TABLE_FILE']))
        if count > 1:
            raise UserError('RANK_TABLE_FILE=%s is for %d ranks, but RANK_SIZE is not set: set RANK_SIZE=%d and RANK_ID for '
                            'every process (tools/ascend/launch.py does), or unset RANK_TABLE_FILE for one card.'
                            % (environ['RANK_TABLE_FILE'], count, count))
    rank = _number(environ, 'RANK_ID', 0)
    if rank:
        raise UserError('RANK_ID=%d with %s: for more than one card set RANK_SIZE and RANK_TABLE_FILE too, '
                        'for one card unset RANK_ID.'
                        % (rank, 'RANK_SIZE=1' if 'RANK_SIZE' in environ else 'no RANK_SIZE'))
    added = tuple((name, value) for name, value in SINGLE_CARD if not environ.get(name))
    return NpuJob(0, 1, _device(environ), added)


def _cards_of_a_chief(environ):
    """A job whose ranks find each other by their chief. The adapter takes no RANK_SIZE beside CM_WORKER_SIZE, and no rank table."""
    for name, other in (('RANK_SIZE', 'CM_WORKER_SIZE'), ('RANK_TABLE_FILE', 'CM_CHIEF_IP')):
        if name in environ and environ.get(other):
            raise UserError('%s and %s are both set, and say the same in two ways: unset %s.' % (other, name, name))
    size, rank = _number(environ, 'CM_WORKER_SIZE', 0), _number(environ, 'RANK_ID', None)
    missing = [name for name in CHIEF + (('RANK_ID',) if size > 1 else ()) if not environ.get(name)]
    if missing or not size:
        raise UserError('The environment sets some CM_ variables of a job without a rank table, but lacks %s: set them for every process, or '
                        'unset all.' % ', '.join(missing or ['a CM_WORKER_SIZE above 0']))
    if (rank or 0) >= size:
        raise UserError('RANK_ID=%d must be between 0 and CM_WORKER_SIZE - 1 = %d.' % (rank, size - 1))
    defaults = (('JOB_ID', '10086'), ('RANK_ID', '0'))
    added = tuple((name, value) for name, value in defaults if not environ.get(name))
    return NpuJob(rank or 0, size, _device(environ), added, of_chief=True)


def _many_cards(environ, size):
    device_name = 'ASCEND_DEVICE_ID (or DEVICE_ID)'
    needed = {name: environ.get(name) for name in ('JOB_ID', 'RANK_TABLE_FILE', 'RANK_ID')}
    needed[device_name] = environ.get('ASCEND_DEVICE_ID') or environ.get('DEVICE_ID')
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise UserError('RANK_SIZE=%d, but the environment lacks %s: set them for every process, or start the job with '
                        'tools/ascend/launch.py.' % (size, ', '.join(missing)))
    rank, table = _number(environ, 'RANK_ID', 0), read_rank_table(environ['RANK_TABLE_FILE'])
    if not 0 <= rank < size:
        raise UserError('RANK_ID=%d must be between 0 and RANK_SIZE - 1 = %d.' % (rank, size - 1))
    if len(table) != size:
        raise UserError('RANK_SIZE=%d, but RANK_TABLE_FILE=%s is for %d ranks.' % (size, environ['RANK_TABLE_FILE'], len(table)))
    return NpuJob(rank, size, _device(environ))


def _device(environ):
    name = 'ASCEND_DEVICE_ID' if environ.get('ASCEND_DEVICE_ID') else 'DEVICE_ID'
    device = _number(environ, name, None)
    if device is not None and device < 0:
        raise UserError('%s=%d must be 0 or more.' % (name, device))
    return device


def _number(environ, name, default):
    """A whole number from the environment; the adapter takes digits only, and ends the process otherwise."""
    text = environ.get(name)
    if not text:
        return default
    if not text.isdecimal():
        raise UserError('%s=%s must be a whole number.' % (name, text))
    return int(text)


def describe(environ):
    """[(variable, value or '')] of what makes the job, for --dry_run."""
    return [(name, environ.get(name, '')) for name in NAMES]


def apply_job(job, environ=None):
    """Add what a single card misses to `environ` (default: the process's own); returns what was added."""
    environ = os.environ if environ is None else environ
    environ.update(job.added)
    return job.added
