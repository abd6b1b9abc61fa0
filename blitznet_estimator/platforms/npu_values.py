"""What may be wrong with the value of an `--npu_*` option: each check takes a value and gives the end of a sentence, or ''.

The forms are those of CANN's own documents. CANN itself ends the process at a wrong value, or leaves it out without a word.
"""
import json
import os
import re

from blitznet_estimator import json_files, outputs

MAX_DUMP_SETS = 100  # more of them end the process


def dump_step(text):
    """Steps and ranges of steps."""
    if not re.match(r'^\d+(-\d+)?(\|\d+(-\d+)?)*$', text):
        return 'is not of the form "0|5|10-20" (steps and ranges, separated by |)'
    ranges = [list(map(int, part.split('-'))) for part in text.split('|')]
    if any(len(part) == 2 and part[0] >= part[1] for part in ranges):
        return 'has a range that does not rise'
    return 'has more than %d parts' % MAX_DUMP_SETS if len(ranges) > MAX_DUMP_SETS else ''


def number_of_bytes(text):
    """Bytes of memory, as a product."""
    if not re.match(r'^\d+(\s*\*\s*\d+)*$', text):
        return 'is not a number of bytes such as "26*1024*1024*1024"'
    return 'is no memory' if any(not int(factor) for factor in text.split('*')) else ''


def folder(path):
    """A folder that exists and is writable, or that can be made."""
    fault = outputs.fault_of(path)
    return 'cannot be written to: ' + fault if fault else ''


def between(low, high):
    """A check of a whole number."""
    return lambda value: '' if low <= value <= high else 'is not between %d and %d' % (low, high)


def types(text):
    """Types of operators, or names of passes, separated by commas."""
    return '' if re.match(r'^\w+(,\w+)*$', text) else 'is not of the form "Pooling,SoftmaxV2" (names, separated by commas)'


def layers(text):
    """Names of operators, separated by spaces. CANN dumps nothing where it knows none of them."""
    return 'has a comma or a semicolon; names are separated by spaces' if re.search('[,;]', text) else '' if text.strip() else 'names no operator'


def streams(text):
    """Streams of the engines."""
    return '' if re.match(r'^\w+:[1-9]\d*(,\w+:[1-9]\d*)*$', text) else 'is not of the form "DNN_V100:10,DNN_HCCL:1"'


def dtypes(path):
    """A text file of CANN: a line for each operator, by its type or by its name."""
    kinds = r'(InputDtype|OutputDtype):\w+(,\w+)*'
    pattern = r'(OpType::\w+:|[^:\s]+::)%s(,%s)?$' % (kinds, kinds)
    return _lines(path, pattern, 'lines such as "OpType::Conv2D:InputDtype:float16,OutputDtype:float16"')


def precision_ini(path):
    """An .ini file of operators, by type or by name, and how each is computed."""
    if not path.endswith('.ini'):
        return 'must be a file whose name ends in .ini'
    modes = 'high_precision|high_performance|super_performance|support_out_of_bound_index|keep_fp16|enable_\\w+'
    return _lines(path, r'(\[\w+\]|[^\s=\[\]]+\s*=\s*(%s))$' % modes, 'lines such as "Conv2D=high_precision"')


def fusion_switches(path):
    """A file that switches fusion passes off: JSON with the entry Switch, or, before CANN 6, lines."""
    text, problem = _read(path)
    if problem or not text.lstrip().startswith('{'):
        return problem or _lines(path, r'\w+\s*:\s*(on|off)$', 'JSON with the entry "Switch", or lines such as "ConvBatchnormFusionPass:off"')
    content, problem = _json(path)
    return problem or ('' if isinstance(content.get('Switch'), dict) else 'lacks the entry "Switch"')


def mix_list(path):
    """A JSON object of black, white and gray lists, each with operator types to add and to remove."""
    lists, problem = _json(path)
    if problem:
        return problem
    kinds, changes = {'black-list', 'white-list', 'gray-list'}, {'to-add', 'to-remove'}
    right = isinstance(lists, dict) and set(lists) <= kinds and all(
        isinstance(change, dict) and set(change) <= changes and all(map(_is_list_of_texts, change.values())) for change in lists.values())
    return '' if right else 'must hold {"black-list": {"to-add": ["Type", ...], "to-remove": [...]}, "white-list": ..., "gray-list": ...}'


def profiling(text):
    """A folder, or the whole JSON object of profiling options."""
    if not text.startswith('{'):
        return folder(text)
    try:
        options = json.loads(text)
    except json_files.ERRORS as error:
        return 'is not JSON (%s)' % error
    output = options.get('output')
    return folder(output) if output and isinstance(output, str) else 'needs an "output" folder'


OF_PATHS = folder, dtypes, precision_ini, fusion_switches, mix_list, profiling


def _is_list_of_texts(value):
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def _lines(path, pattern, form):
    text, problem = _read(path)
    if problem:
        return problem
    lines = [line.strip() for line in text.splitlines()]
    wrong = next((line for line in lines if line and not line.startswith(('#', ';')) and not re.match(pattern, line)), None)
    return '' if wrong is None else 'holds "%s"; it takes %s' % (wrong[:100], form)


def _json(path):
    """(content of a JSON file, '') or (None, what is wrong)."""
    text, problem = _read(path)
    try:
        return (None, problem) if problem else (json.loads(text), '')
    except json_files.ERRORS as error:
        return None, 'is not JSON (%s)' % error


def _read(path):
    """(text of a file, '') or (None, what is wrong)."""
    if not os.path.isfile(path):
        return None, 'is not an existing file'
    try:
        with open(path, encoding='utf-8-sig') as file:
            return file.read(), ''
    except (OSError, UnicodeDecodeError) as error:
        return None, 'cannot be read (%s)' % (getattr(error, 'strerror', None) or 'it is no text')
