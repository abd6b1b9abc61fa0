"""The `--npu_*` options: one table of them, from which the flags are defined and by which they are checked.

The adapter answers a bad option by ending the process (LOG(FATAL)), without a Python exception: every value is checked here first.
An option at its default is absent, and the adapter's own default holds.
"""
import dataclasses
import json
import os
import re
from typing import Callable, Optional, Tuple

from blitznet_estimator.errors import UserError, nearest

MIXED = 'allow_mix_precision'
OF_CANN_7 = ('cube_fp16in_fp32out', 'allow_mix_precision_fp16', 'allow_mix_precision_bf16', 'allow_fp32_to_bf16')  # adapter r1.15.0
PRECISION_MODES = ('allow_fp32_to_fp16', 'force_fp16', 'must_keep_origin_dtype', 'force_fp32', MIXED) + OF_CANN_7
PRECISION_MODES_V2 = ('fp16', 'origin', 'cube_fp16in_fp32out', 'mixed_float16', 'mixed_bfloat16')
FULL_MODES = ('must_keep_origin_dtype', 'force_fp32', 'origin')
MIXED_MODES = (MIXED, 'allow_mix_precision_fp16', 'allow_mix_precision_bf16', 'mixed_float16', 'mixed_bfloat16')  # those with lists
# Gradients underflow in these: the loss is scaled. The 910 convolves in float16 in allow_fp32_to_fp16, which is the adapter's own mode too.
FLOAT16_MODES = (None, MIXED, 'force_fp16', 'allow_fp32_to_fp16', 'allow_mix_precision_fp16', 'cube_fp16in_fp32out', 'fp16', 'mixed_float16')
MAX_DUMP_SETS = 100  # more of them end the process


@dataclasses.dataclass(frozen=True)
class NpuOption:
    """One flag: its kind ('string', 'enum', 'integer' or 'boolean'), its help line, and what it becomes.

    A boolean has three states, for the adapter's own default may be True.
    """
    name: str
    kind: str
    help: str
    allowed: Tuple[str, ...] = ()  # of an enum, beside '' = absent
    argument: str = ''  # of NPURunConfig; '' where platforms/npu.py puts several options together
    variable: str = ''  # of the environment
    check: Optional[Callable] = None  # value -> what is wrong with it, or ''

    @property
    def default(self):
        """The value that means: this option is not given."""
        return {'string': '', 'enum': ''}.get(self.kind)


def _dump_step(text):
    if not re.match(r'^\d+(-\d+)?(\|\d+(-\d+)?)*$', text):
        return 'is not of the form "0|5|10-20" (steps and ranges, separated by |)'
    ranges = [list(map(int, part.split('-'))) for part in text.split('|')]
    if any(len(part) == 2 and part[0] >= part[1] for part in ranges):
        return 'has a range that does not rise'
    return 'has more than %d parts' % MAX_DUMP_SETS if len(ranges) > MAX_DUMP_SETS else ''


def _bytes(text):
    return '' if re.match(r'^\d+(\s*\*\s*\d+)*$', text) else 'is not a number of bytes such as "26*1024*1024*1024"'


def _folder(path):
    """A folder that exists and is writable, or that can be made."""
    parent = os.path.abspath(path)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        return 'is no folder: %s is a file' % parent
    return '' if os.access(parent, os.R_OK | os.W_OK) else 'cannot be written: no permission in %s' % parent


def _file(path):
    return '' if os.path.isfile(path) else 'is not an existing file'


def _dtypes(path):
    """A text file of CANN: a line for each operator, by its type or its name."""
    return _lines(path, r'(OpType::|OpName::)?[^:\s]+:\S+$', 'lines such as "OpType::Conv2D:InputDtype:float16,OutputDtype:float16"')


def _precision_ini(path):
    """An .ini file: Operator=high_precision or high_performance."""
    if not path.endswith('.ini'):
        return 'must be a file whose name ends in .ini'
    pattern = r'(\[\w+\]|\w+\s*=\s*(high_precision|high_performance|support_out_of_bound_index|enable_\w+))$'
    return _lines(path, pattern, 'lines such as "Conv2D=high_precision"')


def _lines(path, pattern, form):
    if _file(path):
        return _file(path)
    with open(path, encoding='utf-8-sig') as file:
        lines = [line.strip() for line in file]
    wrong = next((line for line in lines if line and not line.startswith(('#', ';')) and not re.match(pattern, line)), None)
    return '' if wrong is None else 'holds "%s"; it takes %s' % (wrong, form)


def _between(low, high):
    return lambda value: '' if low <= value <= high else 'is not between %d and %d' % (low, high)


def _streams(text):
    return '' if re.match(r'^\w+:\d+(,\w+:\d+)*$', text) else 'is not of the form "DNN_V100:10,DNN_HCCL:1"'


def _mix_list(path):
    """A JSON object of black, white and gray lists, each with operator types to add and to remove."""
    if _file(path):
        return _file(path)
    try:
        with open(path, encoding='utf-8-sig') as file:
            lists = json.load(file)
    except ValueError as error:
        return 'is not JSON (%s)' % error
    kinds, changes = {'black-list', 'white-list', 'gray-list'}, {'to-add', 'to-remove'}
    right = isinstance(lists, dict) and set(lists) <= kinds and all(
        isinstance(change, dict) and set(change) <= changes for change in lists.values())
    return '' if right else 'must hold {"black-list": {"to-add": [...], "to-remove": [...]}, "white-list": ..., "gray-list": ...}'


def _profiling(text):
    """A folder, or the whole JSON object of profiling options."""
    if not text.startswith('{'):
        return _folder(text)
    try:
        options = json.loads(text)
    except ValueError as error:
        return 'is not JSON (%s)' % error
    return _folder(options['output']) if options.get('output') else 'needs an "output" folder'


OPTIONS = (
    NpuOption('npu_precision_mode', 'enum', 'precision_mode of the NPU, instead of the one that --precision sets.',
              PRECISION_MODES, argument='precision_mode'),
    NpuOption('npu_precision_mode_v2', 'enum', 'precision_mode_v2 of CANN 7 and newer, instead of the mode that --precision sets.',
              PRECISION_MODES_V2, argument='precision_mode_v2'),
    NpuOption('npu_op_precision_mode', 'string', '.ini file with the precision of single operators, as lines such as Conv2D=high_precision.',
              argument='op_precision_mode', check=_precision_ini),
    NpuOption('npu_customize_dtypes', 'string', 'Text file with the types of single operators.', argument='customize_dtypes', check=_dtypes),
    NpuOption('npu_deterministic', 'boolean', 'Compute the same at every run, and slower.', argument='deterministic'),
    NpuOption('npu_jit_compile', 'boolean', 'Compile operators for these shapes, instead of taking those that CANN brings.',
              argument='jit_compile'),
    NpuOption('npu_graph_compiler_cache_dir', 'string', 'Folder of compiled graphs: a resumed run need not compile again, which saves minutes.',
              check=_folder),
    NpuOption('npu_external_weight', 'boolean', 'Keep weights in files beside the compiled graph.', argument='external_weight'),
    NpuOption('npu_mixlist', 'string', 'JSON file with operator types to add to or remove from the black, white and gray list '
              'of mixed precision.', argument='modify_mixlist', check=_mix_list),
    NpuOption('npu_profiling', 'string', 'Profile the run: a folder for the data, or the JSON object of profiling options.',
              check=_profiling),
    NpuOption('npu_dump_path', 'string', 'Folder for dumped tensors.', check=_folder),
    NpuOption('npu_dump_step', 'string', 'Steps whose tensors are dumped, such as "0|5|10-20"; needs --npu_dump_path.',
              check=_dump_step),
    NpuOption('npu_dump_mode', 'enum', 'Which tensors of an operator are dumped; needs --npu_dump_path.',
              ('input', 'output', 'all')),
    NpuOption('npu_dump_layer', 'string', 'Names of the operators that are dumped, separated by spaces; needs --npu_dump_path.'),
    NpuOption('npu_overflow_dump', 'enum', 'Detect overflows in these units and dump them; needs --npu_dump_path.',
              ('aicore_overflow', 'atomic_overflow', 'all')),
    NpuOption('npu_op_compiler_cache_mode', 'enum', 'Reuse of operators that were compiled before.',
              ('enable', 'disable', 'force'), argument='op_compiler_cache_mode'),
    NpuOption('npu_op_compiler_cache_dir', 'string', 'Folder of compiled operators; needs --npu_op_compiler_cache_mode.',
              argument='op_compiler_cache_dir', check=_folder),
    NpuOption('npu_graph_memory_max_size', 'string', 'Bytes of device memory for the graph, such as "26*1024*1024*1024".',
              argument='graph_memory_max_size', check=_bytes),
    NpuOption('npu_variable_memory_max_size', 'string', 'Bytes of device memory for variables.',
              argument='variable_memory_max_size', check=_bytes),
    NpuOption('npu_op_select_implmode', 'enum', 'Implementation of operators that have two.',
              ('high_precision', 'high_performance', 'high_precision_for_all', 'high_performance_for_all'), argument='op_select_implmode'),
    NpuOption('npu_optypelist_for_implmode', 'string', 'Operator types, separated by commas, for --npu_op_select_implmode.',
              argument='optypelist_for_implmode'),
    NpuOption('npu_aoe_mode', 'enum', 'Tune this network, which takes long: 1 its graph, 2 its operators, 4 its reduction of gradients.',
              ('1', '2', '4'), argument='aoe_mode'),
    NpuOption('npu_auto_tune_mode', 'enum', 'Tune operators for this network, up to CANN 5; newer ones have --npu_aoe_mode.',
              ('GA', 'RL', 'RL,GA'), argument='auto_tune_mode'),
    NpuOption('npu_op_debug_level', 'integer', 'How much the operator compiler keeps for debugging, 0 to 4.',
              argument='op_debug_level', check=_between(0, 4)),
    NpuOption('npu_exception_dump', 'boolean', 'Dump the operator that raised an exception.', argument='enable_exception_dump'),
    NpuOption('npu_debug_dir', 'string', 'Folder for the operator compiler\'s own files.', argument='debug_dir', check=_folder),
    NpuOption('npu_buffer_optimize', 'enum', 'Use of the L2 buffer.', ('l2_optimize', 'off_optimize'),
              argument='buffer_optimize'),
    NpuOption('npu_fusion_switch_file', 'string', 'File that switches fusion passes off.',
              argument='fusion_switch_file', check=_file),
    NpuOption('npu_scope_fusion_passes', 'string', 'Scope fusion passes to switch on, separated by commas.',
              argument='enable_scope_fusion_passes'),
    NpuOption('npu_stream_max_parallel_num', 'string', 'Streams of an engine, such as "DNN_V100:10,DNN_HCCL:1".',
              argument='stream_max_parallel_num', check=_streams),
    NpuOption('npu_hcom_parallel', 'boolean', 'Overlap the reduction of gradients with the backward pass.',
              argument='hcom_parallel'),
    NpuOption('npu_hcom_multi_mode', 'boolean', 'HCCL\'s multi mode.', argument='hcom_multi_mode'),
    NpuOption('npu_fusion_tensor_size', 'integer', 'Bytes of gradients that are reduced together.',
              variable='FUSION_TENSOR_SIZE', check=_between(0, 2 ** 40)),
    NpuOption('npu_hccl_connect_timeout', 'integer', 'Seconds that ranks wait for each other to start, 120 to 7200.',
              variable='HCCL_CONNECT_TIMEOUT', check=_between(120, 7200)),
    NpuOption('npu_hccl_timeout', 'integer', 'Seconds that a collective operation may take, 1 to 2147483647.', argument='hccl_timeout',
              check=_between(1, 2 ** 31 - 1)),
    NpuOption('npu_op_wait_timeout', 'integer', 'Seconds that an operator may wait for others, 1 to 2147483647.', argument='op_wait_timeout',
              check=_between(1, 2 ** 31 - 1)),
    NpuOption('npu_op_execute_timeout', 'integer', 'Seconds that an operator may take, 1 to 2147483647.', argument='op_execute_timeout',
              check=_between(1, 2 ** 31 - 1)),
    NpuOption('npu_stream_sync_timeout', 'integer', 'Milliseconds that a stream may take, or -1 for no limit.', argument='stream_sync_timeout',
              check=_between(-1, 2 ** 31 - 1)),
    NpuOption('npu_event_sync_timeout', 'integer', 'Milliseconds that an event may take, or -1 for no limit.', argument='event_sync_timeout',
              check=_between(-1, 2 ** 31 - 1)),
    NpuOption('npu_hccl_exec_timeout', 'integer', 'Seconds that ranks wait for each other in a step, 1 to 17340; '
              'must exceed the time of an evaluation, which rank 0 does alone.',
              variable='HCCL_EXEC_TIMEOUT', check=_between(1, 17340)),
)
BY_NAME = {option.name: option for option in OPTIONS}
# (an option, those of which one must be there with it)
NEEDS = (('npu_dump_step', ('npu_dump_path',)), ('npu_dump_mode', ('npu_dump_path',)), ('npu_dump_layer', ('npu_dump_path',)),
         ('npu_overflow_dump', ('npu_dump_path',)),
         ('npu_op_compiler_cache_dir', ('npu_op_compiler_cache_mode',)),
         ('npu_optypelist_for_implmode', ('npu_op_select_implmode',)))


def define(flags):
    """Define every option as a flag of `flags`, the absl module; an ungiven one is None."""
    for option in OPTIONS:
        text = option.help + (' One of %s.' % '; '.join(option.allowed) if option.allowed else '')
        definer = {'integer': flags.DEFINE_integer, 'boolean': flags.DEFINE_boolean}.get(option.kind, flags.DEFINE_string)
        definer(option.name, None, text)


def given(flag_values):
    """The options that were given on the command line, checked; None where there are none."""
    options = {option.name: flag_values[option.name].value for option in OPTIONS}
    return asked_options({name: value for name, value in options.items() if value is not None}) or None


def asked_options(options):
    """The options that were asked for, {name: value}, checked; `options` may be None. Raises UserError with the flag's name."""
    asked = {}
    for name, value in (options or {}).items():
        option = _option(name)
        if value != option.default:
            _check_value(option, value)
            asked[name] = value
    for name, others in NEEDS:
        if name in asked and not any(other in asked for other in others):
            raise UserError('--%s needs --%s.' % (name, ' or --'.join(others)))
    return asked


def precision_mode(precision, options):
    """The NPU's precision_mode for --precision and the asked options; None leaves the adapter's own, allow_fp32_to_fp16.

    Raises UserError where --npu_precision_mode contradicts --precision, or where a list for mixed precision has none.
    """
    if 'npu_precision_mode' in options and 'npu_precision_mode_v2' in options:
        raise UserError('--npu_precision_mode and --npu_precision_mode_v2 set the same: leave one of them out.')
    name = 'npu_precision_mode_v2' if 'npu_precision_mode_v2' in options else 'npu_precision_mode'
    mode = options.get(name) or (MIXED if precision == 'mixed' else None)
    if precision == 'mixed' and mode in FULL_MODES:
        raise UserError('--precision=mixed and --%s=%s contradict each other: leave one of them out.' % (name, mode))
    if 'npu_mixlist' in options and mode not in MIXED_MODES:
        raise UserError('--npu_mixlist is for mixed precision: add --precision=mixed.')
    return mode


def parse_loss_scale(text):
    """None for `dynamic`, else the number, 1 or more; raises UserError."""
    if text == 'dynamic':
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = 0.
    if not 1 <= scale < 3e38:
        raise UserError('--loss_scale=%s must be "dynamic" or a number of at least 1.' % text)
    return scale


def _option(name):
    if name not in BY_NAME:
        raise UserError('--%s is no option of the NPU. %s' % (name, nearest(name, sorted(BY_NAME))))
    return BY_NAME[name]


def _check_value(option, value):
    if option.kind == 'enum' and value not in option.allowed:
        raise UserError('--%s=%s must be one of %s.' % (option.name, value, ', '.join(option.allowed)))
    problem = option.check(value) if option.check else ''
    if problem:
        raise UserError('--%s=%s %s.' % (option.name, value, problem))
