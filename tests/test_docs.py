"""The commands of the README and the other pages: every flag they name exists, and what they say parses."""
import os
import re
import shlex

import pytest
from absl import flags as absl_flags

import flags

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ('README.md', os.path.join('docs', 'ascend.md'), os.path.join('docs', 'ascend.zh-CN.md'), os.path.join('docs', 'datasets.md'))
FOREIGN = {'logdir', 'model', 'input', 'output', 'outfmt', 'dist'}  # of TensorBoard, msame and pytest
TAKE_MAIN_FLAGS = ('freeze', 'make_inputs', 'evaluate_om', 'modelarts')  # of tools.ascend; the shell scripts do too


def _text(*names):
    with open(os.path.join(ROOT, *names), encoding='utf-8') as file:
        return file.read()


def _main_flags():
    if 'preset' not in absl_flags.FLAGS:
        flags.define_flags()
    names = {'preset', 'max_iterations'} | {setting.flag for setting in flags.SETTINGS} | set(flags.npu_options.BY_NAME)
    return names | {'no' + name for name in names} | {'help'}


def _own_options(*path):
    """Options that a tool's own source defines: of argparse, or of a shell script's case."""
    return set(re.findall(r"add_argument\('--(\w+)'", _text(*path))) | set(re.findall(r'--(\w+)=\*\)', _text(*path))) | {'help'}


def _all_options():
    names = _main_flags() | FOREIGN
    for folder, _, files in os.walk(os.path.join(ROOT, 'tools')):
        for name in files:
            if name.endswith(('.py', '.sh')):
                names |= _own_options(folder, name)
    return names


def _commands(page):
    """Commands of a page's code blocks, as words, with continued lines joined and comments left out."""
    for line in _text(page).replace('\\\n', ' ').splitlines():
        line = line.strip()
        if re.match(r'(python3? |tools/ascend/)', line) and ' -c ' not in line:
            yield shlex.split(line, comments=True)


def _options(words):
    return {word[2:].split('=')[0] for word in words if word.startswith('--') and len(word) > 2}


@pytest.mark.parametrize('page', PAGES)
def test_every_flag_that_a_page_names_exists(page):
    named = set(re.findall(r'(?<![\w-])--(\w+)', _text(page)))
    assert len(named) > 3 and named <= _all_options(), sorted(named - _all_options())


@pytest.mark.parametrize('page', PAGES)
def test_every_flag_is_one_of_its_command(page):
    for words in _commands(page):
        if words[:2] == ['python3', '-m'] or words[:2] == ['python', '-m']:
            path = words[2].split('.')
            if path[0] != 'tools':
                continue
            own, before, after = _own_options(*path[:-1], path[-1] + '.py'), words, []
            if path[-1] == 'launch' and '--' in words:
                before, after = words[:words.index('--')], words[words.index('--') + 1:]
            allowed = own | (_main_flags() if path[-1] in TAKE_MAIN_FLAGS else set())
            if path[1] == 'ascend':
                assert _options(before) <= allowed, words
            assert _options(after) <= _main_flags(), words
        elif words[0].startswith('tools/ascend/'):
            assert _options(words) <= _main_flags() | _own_options(words[0]) | _own_options('tools', 'ascend', 'common.sh'), words
        else:
            assert words[1] == 'main.py' and _options(words) <= _main_flags(), words


@pytest.fixture(name='values')
def flag_values():
    """The flags of main.py, as other tests find them again."""
    _main_flags()
    yield absl_flags.FLAGS
    absl_flags.FLAGS.unparse_flags()
    for name in absl_flags.FLAGS:
        absl_flags.FLAGS[name].unparse()


@pytest.mark.parametrize('page', PAGES)
def test_commands_of_main_parse(page, values):
    """Also those behind the launcher and the scripts. A command with three dots is no whole one."""
    found = 0
    for words in _commands(page):
        start = {'main.py': 2}.get(words[1] if len(words) > 1 else '', 1 if words[0].startswith('tools/ascend/run_1p') else None)
        start = words.index('--') + 1 if '--' in words else start
        if start is None or '...' in words:
            continue
        for name in values:
            values[name].unparse()
        values(['main.py'] + words[start:])
        assert flags.make_config(values).run.model_dir
        found += 1
    assert found or page.endswith('datasets.md')


def test_the_pages_of_ascend_have_the_same_commands_and_rows():
    english, chinese = PAGES[1:3]
    assert list(_commands(english)) == list(_commands(chinese))
    rows = [sum(line.startswith('|') for line in _text(page).splitlines()) for page in (english, chinese)]
    assert rows[0] == rows[1] > 20
