"""Generations of CANN's adapter: which argument of its configurations exists where, and what it is there if it is not given.

Read from the adapter's own constructors (NPURunConfig, DumpConfig, ExperimentalConfig) in these releases.
"""
import dataclasses
from typing import Tuple

RELEASES = ('r1.5.1', 'r1.6.0', 'r1.8.0', 'r1.11.0', 'r1.15.0', 'master')  # r1.6.0 is of CANN 5.0, r1.11.0 of CANN 6, r1.15.0 of CANN 7


@dataclasses.dataclass(frozen=True)
class Argument:
    """An argument: the first release that has it, the first that has it no longer, and (first release of a default, default)."""
    since: str = RELEASES[0]
    gone: str = ''
    defaults: Tuple[Tuple[str, object], ...] = ((RELEASES[0], None),)
    instead: str = ''  # the flag that does the same where this one is gone

    def in_release(self, release):
        """Whether a release has it."""
        at = RELEASES.index(release)
        return at >= RELEASES.index(self.since) and not (self.gone and at >= RELEASES.index(self.gone))


ARGUMENTS = {
    'auto_tune_mode': Argument(gone='r1.11.0', instead='npu_aoe_mode'),
    'aoe_mode': Argument(),
    'hcom_parallel': Argument(defaults=(('r1.5.1', False), ('r1.11.0', True))),
    'hcom_multi_mode': Argument(defaults=(('r1.5.1', False),)),
    'enable_exception_dump': Argument(defaults=(('r1.5.1', 0), ('r1.15.0', 2))),
    'op_debug_level': Argument(defaults=(('r1.5.1', 0), ('r1.15.0', None))),
    'modify_mixlist': Argument(),
    'op_precision_mode': Argument(),
    'precision_mode_v2': Argument('r1.15.0', defaults=(('r1.15.0', None),)),
    'customize_dtypes': Argument('r1.11.0', defaults=(('r1.11.0', None),)),
    'deterministic': Argument('r1.15.0', defaults=(('r1.15.0', 0),)),
    'jit_compile': Argument('r1.11.0', defaults=(('r1.11.0', False), ('r1.15.0', 'auto'))),
    'external_weight': Argument('r1.11.0', defaults=(('r1.11.0', False),)),
    'hccl_timeout': Argument('r1.8.0', defaults=(('r1.8.0', None),)),
    'op_wait_timeout': Argument('r1.8.0', defaults=(('r1.8.0', None),)),
    'op_execute_timeout': Argument('r1.8.0', defaults=(('r1.8.0', None),)),
    'stream_sync_timeout': Argument('r1.15.0', defaults=(('r1.15.0', -1),)),
    'event_sync_timeout': Argument('r1.15.0', defaults=(('r1.15.0', -1),)),
    'dump_layer': Argument('r1.11.0', defaults=(('r1.11.0', None),)),
    'graph_compiler_cache_dir': Argument('r1.15.0', defaults=(('r1.15.0', None),)),
}


def why_unknown(name):
    """Where an argument is known, as a sentence; '' where nothing is known of it."""
    argument = ARGUMENTS.get(name)
    if argument is None:
        return ''
    if argument.gone:
        return ' Releases from %s on do without%s.' % (argument.gone, ': use --%s' % argument.instead if argument.instead else '')
    return '' if argument.since == RELEASES[0] else ' Releases from %s on have it.' % argument.since
