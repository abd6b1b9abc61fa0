"""The configurations of a release of the adapter, made from the list of its arguments: each refuses what it does not take."""
import inspect
import sys

from npu_bridge import Abort, npu_config

WITH_TEXTS = 'r1.15.0', 'master'  # releases whose jit_compile is a text
MODES_OF_CANN_7 = npu_config.PRECISION_MODES + ('force_fp32', 'cube_fp16in_fp32out', 'allow_mix_precision_fp16', 'allow_mix_precision_bf16',
                                                'allow_fp32_to_bf16')
MODES_V2 = None, 'fp16', 'origin', 'cube_fp16in_fp32out', 'mixed_float16', 'mixed_bfloat16'


def arguments(constructors, name, release):
    """{argument: default} of a class in a release. constructors: {class: {argument: [[first release, last release, default], ...]}}."""
    order = constructors['releases']
    return {argument: default for argument, spans in constructors[name].items() for first, last, default in spans
            if order.index(first) <= order.index(release) <= order.index(last)}


def install(npu_init, constructors, release):
    """Let `npu_init` have the configurations of `release`; those that it has not are taken away."""
    here = sys.modules[__name__]
    for name, base in (('DumpConfig', npu_config.DumpConfig), ('ExperimentalConfig', object), ('NPURunConfig', npu_config.NPURunConfig)):
        taken = arguments(constructors, name, release)
        setattr(here, name, _class(name, base, taken, release) if taken else None)
    npu_init.NPURunConfig, npu_init.DumpConfig = here.NPURunConfig, here.DumpConfig


def _class(name, base, taken, release):
    parameters = [inspect.Parameter(argument, inspect.Parameter.KEYWORD_ONLY, default=default) for argument, default in taken.items()]
    known = inspect.signature(base.__init__).parameters if base is not object else {}

    def init(self, **given):
        unknown = sorted(set(given) - set(taken))
        if unknown:
            raise TypeError('%s() of %s got an unexpected keyword argument %s' % (name, release, unknown[0]))
        _check(dict(taken, **given), release)
        self.given = given
        if base is not object:
            base.__init__(self, **{argument: value for argument, value in given.items() if argument in known})

    init.__signature__ = inspect.Signature([inspect.Parameter('self', inspect.Parameter.POSITIONAL_OR_KEYWORD)] + parameters)
    modes = MODES_OF_CANN_7 if release in WITH_TEXTS else npu_config.PRECISION_MODES + (('force_fp32',) if release == 'r1.11.0' else ())
    return type(name, (base,), {'__init__': init, '__module__': __name__, 'precision_modes': modes})


def _check(values, release):
    """The checks that came with releases."""
    if not isinstance(values.get('jit_compile', ''), str if release in WITH_TEXTS else (bool, str)):
        raise TypeError('Expected str, got %s' % type(values['jit_compile']).__name__)
    if release in WITH_TEXTS and values.get('jit_compile', 'auto') not in ('true', 'false', 'auto'):
        raise Abort('jit_compile')
    if values.get('precision_mode_v2') not in MODES_V2:
        raise Abort('precision_mode_v2')
    if values.get('precision_mode') and values.get('precision_mode_v2'):
        raise Abort('precision_mode and precision_mode_v2 can not be assigned at the same time')
    for name in ('hccl_timeout', 'op_wait_timeout', 'op_execute_timeout', 'deterministic'):
        if type(values.get(name)) not in (int, type(None)):
            raise TypeError('%s goes into a field for a number' % name)
