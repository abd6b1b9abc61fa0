"""Generations of CANN's adapter: which argument of its configurations exists where, what it is there if it is not given, and since when a
value is taken.

Read from the adapter's own constructors (NPURunConfig, DumpConfig, ExperimentalConfig) and from its checks, in these releases.
"""
import dataclasses
from typing import Tuple

from blitznet_estimator.errors import UserError

RELEASES = ('r1.5.1', 'r1.6.0', 'r1.8.0', 'r1.11.0', 'r1.15.0', 'master')
CANN = {'r1.6.0': 'CANN 5', 'r1.11.0': 'CANN 6', 'r1.15.0': 'CANN 7'}  # that a release came with


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

    def default_in(self, release):
        """What it is in a release that has it, if it is not given."""
        at = RELEASES.index(release)
        return [default for first, default in self.defaults if RELEASES.index(first) <= at][-1]


ARGUMENTS = {
    'auto_tune_mode': Argument(gone='r1.11.0', instead='npu_aoe_mode'),
    'aoe_mode': Argument(),
    'hcom_parallel': Argument(defaults=(('r1.5.1', False), ('r1.11.0', True))),
    'hcom_multi_mode': Argument(defaults=(('r1.5.1', False),)),
    'enable_exception_dump': Argument(defaults=(('r1.5.1', 0), ('r1.15.0', 2))),
    'op_debug_level': Argument(defaults=(('r1.5.1', 0), ('r1.15.0', None))),
    'modify_mixlist': Argument(),
    'op_precision_mode': Argument(),
    'op_select_implmode': Argument(),
    'precision_mode': Argument(),
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
# Values that older releases hand to a graph engine that does not know them: it ends the process.
SINCE = {('precision_mode', 'force_fp32'): 'r1.11.0'}
SINCE.update({('precision_mode', mode): 'r1.15.0' for mode in ('cube_fp16in_fp32out', 'allow_mix_precision_fp16', 'allow_mix_precision_bf16',
                                                               'allow_fp32_to_bf16')})


def why_unknown(name):
    """Where an argument is known, as a sentence; '' where nothing is known of it."""
    argument = ARGUMENTS.get(name)
    if argument is None:
        return ''
    if argument.gone:
        return ' Releases from %s on do without%s.' % (argument.gone, ': use --%s' % argument.instead if argument.instead else '')
    return '' if argument.since == RELEASES[0] else ' Releases from %s on have it.' % argument.since


def at_least(parameters):
    """The newest release that `parameters`, those of NPURunConfig's constructor by name, are proof of."""
    return max((ARGUMENTS[name].since for name in parameters if name in ARGUMENTS), key=RELEASES.index, default=RELEASES[0])


def check_values(settings, parameters):
    """UserError where the adapter of these `parameters` is too old for a value of `settings`."""
    release = at_least(parameters)
    for name, value in settings.items():
        since = SINCE.get((name, value)) if isinstance(value, str) else None
        if since and RELEASES.index(release) < RELEASES.index(since):
            raise UserError('--npu_%s=%s is of %s and newer, and would end the process here.' % (name, value, CANN[since]))


def as_taken(settings, parameters):
    """`settings` with booleans as texts where the adapter has a text for its default: jit_compile is 'true', 'false' or 'auto' in CANN 7."""
    def taken(name, value):
        is_text = name in parameters and isinstance(parameters[name].default, str)
        return str(value).lower() if isinstance(value, bool) and is_text else value
    return {name: taken(name, value) for name, value in settings.items()}
